"""The Helm chart: made anew it is what is there, and each environment's values give its overlay's objects."""

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from manifests.go_templates import TemplateError, render
from manifests.objects import Manifests, Object
from manifests.rendering import ENVIRONMENTS, K8S, digest

sys.path.insert(0, str(K8S / "charts"))
CHART = K8S / "charts" / "phantommesh"
HELM = shutil.which("helm")
_HASH = re.compile(r"\b(phantommesh-config|phantommesh-secrets|ingress-users)-[a-z0-9]{10}\b")
_NAMED_LISTS = ("env", "volumes", "volumeMounts")


def _load(path: Path) -> Any:
    return yaml.load(path.read_text(), yaml.CSafeLoader)


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {key: _merged(below.get(key), above.get(key, below.get(key))) for key in (*below, *above)}
    return above


def values(environment: str, /, **changed: Any) -> dict[str, Any]:
    """What Helm would take: the chart's values, an environment's, the digests of a release, and changes (with __ for a
    dot)."""
    result: dict[str, Any] = _merged(_load(CHART / "values.yaml"), _load(CHART / f"environments/{environment}.yaml"))
    result = copy.deepcopy(result)
    result["images"] |= _release(result["images"])
    for name, value in changed.items():
        *above, last = name.split("__")
        place = result
        for key in above:
            place = place[key]
        place[last] = value
    return result


def _release(images: dict[str, str]) -> dict[str, str]:
    """With a release's digests in place of the zeros."""
    tagged = {name: image.partition("@")[0] for name, image in images.items() if image.endswith("0" * 64)}
    return {name: f"{image}@{digest(re.sub(':[^:/]+$', '', image))}" for name, image in tagged.items()}


def objects(given: dict[str, Any]) -> list[Object]:
    """The chart's objects."""
    jsonschema.validate(given, json.loads((CHART / "values.schema.json").read_text()))
    texts = [render(path.read_text(), given) for path in sorted(CHART.glob("templates/*.yaml"))]
    return [item for text in texts for item in yaml.load_all(text, yaml.CSafeLoader) if item]


def normal(items: list[Object]) -> dict[str, Object]:
    """By what they are. Names that follow a content lose that part; secrets are no part of the chart; Helm's own
    annotations are left out; lists that have no order are sorted."""
    found: dict[str, Object] = {}
    for item in items:
        if item["kind"] == "Secret":
            continue
        same = _sorted(json.loads(_HASH.sub(r"\1", json.dumps(item))))
        notes = same["metadata"].get("annotations", {})
        notes.pop("helm.sh/resource-policy", None)
        if not notes:
            same["metadata"].pop("annotations", None)
        key = f"{same['kind']} {same['metadata'].get('namespace')} {same['metadata']['name']}"
        assert key not in found, f"{key} is there twice"
        found[key] = same
    return found


def _sorted(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _sorted(item, name) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [_sorted(item) for item in value]
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if key in _NAMED_LISTS else items


def _different(one: dict[str, Object], other: dict[str, Object]) -> list[str]:
    return [key for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]


def test_the_chart_is_what_is_made_of_the_manifests_now() -> None:
    from generate.__main__ import made

    new = made()
    there = {str(path.relative_to(CHART)): path.read_text() for path in CHART.rglob("*")
             if path.suffix in (".yaml", ".json") and path.name != "Chart.yaml"}  # fmt: skip
    stale = sorted(name for name in new.keys() | there.keys() if new.get(name) != there.get(name))
    assert not stale, f"run `make chart` and commit: {', '.join(stale)}"


def test_the_chart_renders_to_the_objects_of_the_overlay(manifests: Manifests) -> None:
    mine, theirs = normal(objects(values(manifests.environment))), normal(manifests.objects)
    assert _different(mine, theirs) == []
    assert len(mine) > 50


def test_an_object_that_differs_is_found(manifests: Manifests) -> None:
    given = values(manifests.environment, replicas__vpnCore=2)
    found = _different(normal(objects(given)), normal(manifests.objects))
    assert found == [f"Deployment phantommesh-{manifests.environment} vpn-core"]


@pytest.mark.skipif(HELM is None, reason="helm is not installed")
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_helm_itself_renders_the_same(environment: str) -> None:
    images = values(environment)["images"]
    done = _helm(environment, *(f"--set=images.{name}={image}" for name, image in images.items()))
    assert done.returncode == 0, done.stderr
    theirs = [item for item in yaml.load_all(done.stdout, yaml.CSafeLoader) if item]
    assert _different(normal(objects(values(environment))), normal(theirs)) == []


@pytest.mark.skipif(HELM is None, reason="helm is not installed")
def test_helm_refuses_production_without_the_digests_of_a_release() -> None:
    done = _helm("prod")
    assert done.returncode != 0
    assert "images/automation" in done.stderr


def _helm(environment: str, *options: str) -> subprocess.CompletedProcess[str]:
    assert HELM is not None
    command = [HELM, "template", "phantommesh", str(CHART), "--values", str(CHART / f"environments/{environment}.yaml")]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)


CHOICES = [
    {"autoscaling": "none", "ingress": "none", "backup__enabled": False, "alerts__enabled": False},
    {"autoscaling": "keda", "ingress": "gateway", "database": "cnpg", "backup__enabled": False},
    {"sink__enabled": True, "channels__enabled": True, "loadBalancer__enabled": True, "database": "single"},
]


@pytest.mark.parametrize("changed", CHOICES)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_choices_go_together(environment: str, changed: dict[str, Any]) -> None:
    from manifests import checks

    rules = checks.load()
    found = Manifests(environment, objects(values(environment, **changed)))
    for rule in ("is-what-kubernetes-takes", "mounts-meet-volumes", "labels-say-whose-it-is", "lives-in-its-namespace"):
        assert rules[rule].complaints(found) == []


def test_a_new_configuration_has_another_name_and_is_what_pods_mount() -> None:
    given = values("dev", config="logging: {}\n")
    one, other = (_config_names(objects(item)) for item in (given, values("dev")))
    assert len(one) == len(other) == 1
    assert one != other


def _config_names(items: list[Object]) -> set[str]:
    return set(re.findall(r"phantommesh-config-[a-z0-9]{10}", json.dumps(items)))


@pytest.mark.parametrize(
    "changed",
    [{"ingress": "nginx"}, {"replicas__vpnCore": 0}, {"storage__postgres": "ten"}, {"images__valkey": "phantommesh"},
     {"images__automation": "registry.example/automation@sha256:" + "0" * 64},
     {"environment": "Dev"}, {"unknown": 1}, {"resources__valkey": {"requests": {"cpu": "1"}}}],
)  # fmt: skip
def test_the_schema_refuses_what_is_not_legal(changed: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        objects(values("dev", **changed))


def test_every_value_does_something() -> None:
    templates = "".join(path.read_text() for path in CHART.glob("templates/*.yaml"))
    from generate.chart import described

    assert [name for name in described() if f".Values.{name}" not in templates] == []


@pytest.mark.parametrize(
    "text", ["{{ .Release.Name }}", "{{ range .Values.a }}", "{{ if .Values.a }}", "{{ .Values.b }}"]
)
def test_what_the_reader_of_templates_does_not_know_it_refuses(text: str) -> None:
    with pytest.raises(TemplateError):
        render(text, {"a": [1]})
