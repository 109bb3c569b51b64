"""Which network policies are narrowed to cut one connection of the real platform, and that nothing else is cut."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from readiness.clients.kubernetes.policies import Narrowed, WideError, narrowed, selects

K8S = Path(__file__).parents[3] / "k8s" / "base"
NAMESPACE = {"kubernetes.io/metadata.name": "phantommesh-dev", "phantommesh.io/holds": "platform"}
NAME = "app.kubernetes.io/name"


def policies() -> list[dict[str, Any]]:
    found = []
    for path in sorted(K8S.glob("*/network-polic*.yaml")):
        if path.parent.name != "readiness-runner":
            found += list(yaml.safe_load_all(path.read_text()))
    for number, item in enumerate(found):
        item["metadata"]["uid"] = f"uid-{number}"
    return found


def cut(source: str, target: str, given: list[dict[str, Any]] | None = None) -> list[Narrowed]:
    return narrowed(policies() if given is None else given, {NAME: source}, {NAME: target}, NAMESPACE)


def allowed(given: list[dict[str, Any]], source: str, target: str) -> bool:
    """Whether policies let a connection through, by the rules of the API's documentation, written out for this test."""

    def side(kind: str, rules: str, peers: str, near: str, far: str) -> bool:
        isolating = [item["spec"] for item in given if kind in item["spec"]["policyTypes"]
                     and item["spec"]["podSelector"].get("matchLabels", {}).get(NAME, near) == near]  # fmt: skip
        rows = [rule for spec in isolating for rule in spec.get(rules, [])]
        return not isolating or any(
            not row.get(peers) or any(reaches(peer, far) for peer in row[peers]) for row in rows
        )

    def reaches(peer: dict[str, Any], far: str) -> bool:
        if "ipBlock" in peer or "namespaceSelector" in peer:
            return False
        selector = peer["podSelector"]
        others = [one for one in selector.get("matchExpressions", []) if one["operator"] == "NotIn"]
        return selector.get("matchLabels", {}).get(NAME, far) == far and not any(far in one["values"] for one in others)

    return side("Egress", "egress", "to", source, target) and side("Ingress", "ingress", "from", target, source)


def after(given: list[dict[str, Any]], cuts: list[Narrowed]) -> list[dict[str, Any]]:
    found = deepcopy(given)
    for item in found:
        for one in cuts:
            if item["metadata"]["uid"] == one.uid:
                assert item["spec"] == one.before
                item["spec"] = one.during
    return found


COMPONENTS = ("automation", "vpn-core", "postgres", "valkey", "sink", "prometheus", "grafana")


@pytest.mark.parametrize(
    ("source", "target"),
    [("automation", "vpn-core"), ("automation", "sink"), ("automation", "postgres"), ("automation", "valkey"),
     ("vpn-core", "postgres"), ("prometheus", "automation")],
)  # fmt: skip
def test_exactly_the_connection_that_was_named_is_cut(source: str, target: str) -> None:
    given = policies()
    assert allowed(given, source, target)
    then = after(given, cut(source, target))
    lines = {(a, b) for a in COMPONENTS for b in COMPONENTS if allowed(given, a, b)}
    assert lines - {(a, b) for a, b in lines if allowed(then, a, b)} == {(source, target)}
    assert {(a, b) for a in COMPONENTS for b in COMPONENTS if allowed(then, a, b)} <= lines


def test_who_has_no_other_peer_left_keeps_no_empty_rule_which_would_let_everybody_through() -> None:
    (only,) = cut("automation", "sink")
    assert only.name == "automation-to-sink"
    assert "egress" not in only.during  # nor an empty list, which the API server does not keep
    assert only.during["policyTypes"] == ["Egress"]


def test_a_policy_for_several_loses_one_of_them() -> None:
    given = [{
        "metadata": {"name": "out", "uid": "u"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"],
                 "egress": [{"to": [{"podSelector": {"matchLabels": {"tier": "data"}}}]}]},
    }]  # fmt: skip
    (only,) = cut("automation", "postgres", given)
    (peer,) = only.during["egress"][0]["to"]
    assert peer["podSelector"] == {"matchLabels": {"tier": "data"}, "matchExpressions": [
        {"key": NAME, "operator": "NotIn", "values": ["postgres"]}]}  # fmt: skip
    assert only.before == given[0]["spec"]


def test_without_isolation_of_who_connects_the_other_side_is_narrowed() -> None:
    given = [item for item in policies() if item["metadata"]["name"] == "postgres"]
    (only,) = cut("automation", "postgres", given)
    assert [peer["podSelector"]["matchLabels"][NAME] for peer in only.during["ingress"][0]["from"]] == ["vpn-core"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "no network policy isolates automation or postgres"),
        ([{"metadata": {"name": "open", "uid": "u"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"],
                                                             "egress": [{}]}}], "lets everybody through"),
        ([{"metadata": {"name": "shut", "uid": "u"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}}],
         "there is nothing to cut"),
    ],
)  # fmt: skip
def test_what_cannot_be_cut_alone_is_refused(given: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(WideError, match=says):
        cut("automation", "postgres", given)


def test_other_namespaces_are_left_alone() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}}
    here = {"podSelector": {"matchLabels": {NAME: "postgres"}}}
    given = [{"metadata": {"name": "out", "uid": "u"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"],
                                                               "egress": [{"to": [peer, here]}]}}]  # fmt: skip
    (only,) = cut("automation", "postgres", given)
    assert only.during["egress"] == [{"to": [peer]}]


def test_expressions_of_selectors() -> None:
    labels = {NAME: "postgres"}
    for operator, values, holds in (("In", ["postgres"], True), ("In", ["sink"], False), ("NotIn", ["postgres"], False),
                                    ("Exists", [], True), ("DoesNotExist", [], False)):  # fmt: skip
        expression = {"key": NAME, "operator": operator, "values": values}
        assert selects({"matchExpressions": [expression]}, labels) is holds
