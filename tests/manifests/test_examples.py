"""What k8s/examples has stands beside the overlays, in no kustomization: each file by itself is what Kubernetes takes,
runs as the platform's own pods do, and fits what the guide and the overlays say of it."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from manifests import checks
from manifests.objects import Manifests, at
from manifests.rendering import K8S

EXAMPLES = sorted((K8S / "examples").iterdir())
RULES = (
    "is-what-kubernetes-takes", "runs-as-non-root", "seccomp-is-on", "no-privileges", "root-is-read-only",
    "keeps-off-the-node", "scratch-space-is-bounded", "token-only-where-needed", "has-its-own-account",
    "no-service-links", "namespaces-are-restricted",
)  # fmt: skip
CHECKS = checks.load()


def objects(path: Path) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(path.read_text()) if item]


def complaints(items: list[dict[str, Any]]) -> list[str]:
    manifests = Manifests("dev", items)
    return [line for name in RULES for line in CHECKS[name].complaints(manifests)]


def _s3() -> list[dict[str, Any]]:
    return objects(K8S / "examples" / "s3.yaml")


def _of(items: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(item for item in items if item["kind"] == kind)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_keeps_the_rules_and_holds_no_secret(path: Path) -> None:
    items = objects(path)
    assert complaints(items) == []
    assert [item for item in items if item["kind"] == "Secret"] == []
    namespaces = {item["metadata"]["name"] for item in items if item["kind"] == "Namespace"}
    assert {item["metadata"]["namespace"] for item in items if item["kind"] != "Namespace"} <= namespaces


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda items: _of(items, "Service")["spec"].update(port=7070), "is-what-kubernetes-takes"),
        (lambda items: _of(items, "Namespace")["metadata"].pop("labels"), "namespaces-are-restricted"),
        (lambda items: _pod(items)["securityContext"].pop("runAsUser"), "runs-as-non-root"),
        (lambda items: _pod(items)["containers"][0].pop("securityContext"), "root-is-read-only"),
    ],
)
def test_what_is_damaged_is_named(damage: Callable[[list[dict[str, Any]]], object], rule: str) -> None:
    items = copy.deepcopy(_s3())
    damage(items)
    assert any(line.startswith(rule) for line in complaints(items)), complaints(items)


def _pod(items: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = _of(items, "Deployment")["spec"]["template"]["spec"]
    return found


def test_the_stages_of_dev_reach_the_s3_service_and_it_lets_them_in() -> None:
    items = _s3()
    (policy,) = objects(K8S / "overlays" / "dev" / "readiness" / "archive.yaml")
    (rule,) = policy["spec"]["egress"]
    (service,) = (item for item in items if item["kind"] == "Service")
    (peer,) = rule["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": service["metadata"]["namespace"]}
    (port,) = _pod(items)["containers"][0]["ports"]
    assert (
        rule["ports"] == [{"port": port["containerPort"]}] == _of(items, "NetworkPolicy")["spec"]["ingress"][0]["ports"]
    )
    assert at(service, "spec", "ports", 0, "targetPort") == port["name"]
    assert (
        service["spec"]["selector"].items()
        <= _of(items, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    )
    (lets_in,) = _of(items, "NetworkPolicy")["spec"]["ingress"][0]["from"]
    namespace = yaml.safe_load((K8S / "base" / "readiness-runner" / "namespace.yaml").read_text())
    assert lets_in["namespaceSelector"]["matchLabels"].items() <= namespace["metadata"]["labels"].items()
    address = f"http://{service['metadata']['name']}.{service['metadata']['namespace']}.svc:{service['spec']['ports'][0]['port']}"
    assert address in (K8S.parent / "docs" / "deployment.md").read_text()
