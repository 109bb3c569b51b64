"""Network policies: what lets one component reach another, and the same without that.

Policies only ever allow (https://kubernetes.io/docs/concepts/services-networking/network-policies), so a connection is
cut where every policy that allows it says less. That is done on the side of who connects if policies isolate it there,
else on the side of who is connected to.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from readiness.clients.kubernetes.pods import NAME_LABEL
from readiness.clients.kubernetes.rendering import Object

Labels = Mapping[str, str]
_SIDES = (("Egress", "egress", "to"), ("Ingress", "ingress", "from"))


class WideError(ValueError):
    """No policy can be narrowed so that just this connection is cut; one line for people."""


@dataclass(frozen=True)
class Narrowed:
    """One policy. ``before``, ``during``: its spec now, and its spec while the connection is cut."""

    name: str
    uid: str
    before: dict[str, Any]
    during: dict[str, Any]


def narrowed(policies: Sequence[Object], source: Labels, target: Labels, namespace: Labels) -> list[Narrowed]:
    """The policies that let pods with the labels ``source`` connect to those with ``target``, each with a spec that
    does not. ``namespace``: the labels of the one that both are in. Raises WideError."""
    for kind, rules, peers in _SIDES:
        near, far = (source, target) if kind == "Egress" else (target, source)
        isolating = [item for item in policies if kind in _types(item) and selects(item["spec"]["podSelector"], near)]
        if not isolating:
            continue
        found = []
        for item in isolating:
            during = copy.deepcopy(item["spec"])
            left = list(_rules(item, rules, peers, far, namespace))
            during.pop(rules, None)
            if left:  # an empty list is not kept by the API server, and the spec is compared with what it keeps
                during[rules] = left
            if during != item["spec"]:
                found.append(Narrowed(item["metadata"]["name"], item["metadata"]["uid"], item["spec"], during))
        if not found:
            raise WideError(f"no network policy lets {source[NAME_LABEL]} reach {target[NAME_LABEL]}; there is nothing "
                            "to cut")  # fmt: skip
        return found
    raise WideError(f"no network policy isolates {source[NAME_LABEL]} or {target[NAME_LABEL]}: none can be narrowed; "
                    "apply k8s/base, which denies everything that it does not name")  # fmt: skip


def _types(item: Object) -> list[str]:
    spec = item["spec"]
    implied = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    types: list[str] = spec.get("policyTypes") or implied
    return types


def _rules(item: Object, rules: str, peers: str, far: Labels, namespace: Labels) -> Iterator[dict[str, Any]]:
    """The rules without who is cut off; one that would be empty is left out, since empty means everybody."""
    for rule in item["spec"].get(rules) or []:
        if not rule.get(peers):
            raise WideError(f"the network policy {item['metadata']['name']} lets everybody through in a rule of its "
                            f"{rules}; name its peers, and one of them can be cut off")  # fmt: skip
        left = [other for peer in rule[peers] if (other := _without(peer, far, namespace)) is not None]
        if left:
            yield rule | {peers: left}


def _without(peer: dict[str, Any], far: Labels, namespace: Labels) -> dict[str, Any] | None:
    """The peer, less those who are cut off; None if nobody is left."""
    if "ipBlock" in peer:  # of what is outside the cluster: plugins do not match pods by it
        return peer
    if "namespaceSelector" in peer and not selects(peer["namespaceSelector"], namespace):
        return peer
    pods = peer.get("podSelector") or {}
    if not selects(pods, far):
        return peer
    if pods.get("matchLabels", {}).get(NAME_LABEL) == far[NAME_LABEL]:
        return None
    others = {"key": NAME_LABEL, "operator": "NotIn", "values": [far[NAME_LABEL]]}
    return peer | {"podSelector": pods | {"matchExpressions": [*pods.get("matchExpressions", []), others]}}


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Whether a label selector matches. Only the component's name is known of a pod: what a selector asks of other
    labels is taken to hold, so that rather too much is narrowed than too little."""
    known = set(labels)
    wanted = selector.get("matchLabels") or {}
    if any(labels[key] != value for key, value in wanted.items() if key in known):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or [] if one["key"] in known)


def _holds(expression: Mapping[str, Any], labels: Labels) -> bool:
    value, values = labels[expression["key"]], expression.get("values") or []
    return {"In": value in values, "NotIn": value not in values, "Exists": True, "DoesNotExist": False}[
        expression["operator"]
    ]
