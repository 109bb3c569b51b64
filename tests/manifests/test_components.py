"""What no environment has by default renders, too, and breaks no rule but those that it is the exception to."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from manifests import checks
from manifests.objects import Manifests
from manifests.rendering import ENVIRONMENTS, K8S, render, with_example_secrets

CHECKS = checks.load()
OPEN = "exactly-the-drawn-lines-are-open"
GENERATED = "  - {name: phantommesh-secrets, envs: [secrets.env]}\n"
Edit = Callable[[str], str]


@dataclass(frozen=True)
class Variant:
    """An overlay with an edit of its platform's kustomization, and the words of each complaint that is expected."""

    environment: str
    edit: Edit
    expected: tuple[str, ...] = ()


def _instead(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


def _with(component: str) -> Edit:
    return _instead("components:\n", f"components:\n  - ../../../components/{component}\n")


VARIANTS = {
    "gateway-api": Variant(
        "dev", _instead("components/ingress", "components/gateway-api"),
        ("the-way-in-is-guarded: IngressRoute phantommesh",),  # its routes are of another kind
    ),
    "load-balancer": Variant(
        "dev", _with("load-balancer"),
        (f"{OPEN}: NetworkPolicy: automation may receive: private-network to automation, TCP 8080",),
    ),
    "node-drain-rights": Variant(
        "dev", _with("node-drain-rights"),
        ("nothing-is-granted-beyond-a-namespace: ClusterRole readiness-node-drain-dev",
         "nothing-is-granted-beyond-a-namespace: ClusterRoleBinding readiness-node-drain-dev",
         "lives-in-its-namespace: ClusterRole readiness-node-drain-dev",
         "lives-in-its-namespace: ClusterRoleBinding readiness-node-drain-dev"),
    ),
    "cert-manager": Variant("dev", _with("cert-manager")),
    "external-secrets": Variant(
        "staging",
        lambda text: _with("external-secrets")(text).replace(GENERATED, ""),
    ),
    "autoscaling-hpa": Variant("staging", lambda text: _instead("autoscaling-keda", "autoscaling-hpa")(text)
                               .replace("  - path: address.yaml\n", ""),
                               (f"{OPEN}: NetworkPolicy: prometheus may not receive: keda",)),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_a_component_that_is_not_in_use_renders_and_keeps_the_rules(name: str, tmp_path: Path) -> None:
    variant = VARIANTS[name]
    overlay = with_example_secrets(tmp_path) / "overlays" / variant.environment
    file = overlay / "platform" / "kustomization.yaml"
    file.write_text(variant.edit(file.read_text()))
    manifests = Manifests(variant.environment, render(overlay))
    found = [line for check in CHECKS.values() for line in check.complaints(manifests)]
    assert not [line for line in found if not line.startswith(variant.expected or "no complaint is expected")]
    assert all(any(line.startswith(words) for line in found) for words in variant.expected)


def test_a_certificate_is_for_the_host_and_in_the_secret_of_the_way_in(tmp_path: Path) -> None:
    overlay = with_example_secrets(tmp_path) / "overlays" / "dev"
    file = overlay / "platform" / "kustomization.yaml"
    file.write_text(_with("cert-manager")(file.read_text()))
    manifests = Manifests("dev", render(overlay))
    (certificate,), (route,) = manifests.of("Certificate"), manifests.of("IngressRoute")
    hosts = {name for rule in route["spec"]["routes"] for name in re.findall(r"Host\(`([^`]*)`\)", rule["match"])}
    assert set(certificate["spec"]["dnsNames"]) == hosts
    assert certificate["spec"]["secretName"] == route["spec"]["tls"]["secretName"]
    assert certificate["metadata"]["namespace"] == route["metadata"]["namespace"]


def test_every_component_is_in_an_environment_or_tried_here() -> None:
    text = "".join(file.read_text() for environment in ENVIRONMENTS
                   for file in (K8S / "overlays" / environment).rglob("kustomization.yaml"))  # fmt: skip
    names = {folder.name for folder in (K8S / "components").iterdir()}
    assert {name for name in names if f"components/{name}" not in text} <= VARIANTS.keys()


def test_the_base_renders_by_itself() -> None:
    kinds = [item["kind"] for item in render(K8S / "base")]
    assert kinds.count("Deployment") == 4
    assert kinds.count("StatefulSet") == 2


def test_every_file_is_part_of_a_kustomization() -> None:
    named = "".join(file.read_text() for file in K8S.rglob("kustomization.yaml"))
    files = [file for folder in ("base", "components", "overlays") for file in (K8S / folder).rglob("*")
             if file.is_file() and file.name != "kustomization.yaml"]  # fmt: skip
    dead = [str(file.relative_to(K8S)) for file in files if file.name.removesuffix(".example") not in named]
    assert not dead
