"""What no environment has by default renders, too, and breaks no rule but those that it is the exception to."""

import re
from pathlib import Path

import pytest

from manifests import checks
from manifests.objects import Manifests
from manifests.rendering import ENVIRONMENTS, K8S, render
from manifests.variants import VARIANTS

CHECKS = checks.load()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_component_that_is_not_in_use_renders_and_keeps_the_rules(name: str, tmp_path: Path) -> None:
    variant = VARIANTS[name]
    manifests = Manifests(variant.environment, render(variant.written(tmp_path)))
    found = [line for check in CHECKS.values() for line in check.complaints(manifests)]
    assert not [line for line in found if not line.startswith(variant.expected or "no complaint is expected")]
    assert all(any(line.startswith(words) for line in found) for words in variant.expected)


def test_a_certificate_is_for_the_host_and_in_the_secret_of_the_way_in(tmp_path: Path) -> None:
    manifests = Manifests("dev", render(VARIANTS["cert-manager"].written(tmp_path)))
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
