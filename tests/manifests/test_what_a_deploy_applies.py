"""What the deploy stage applies of an environment's overlay lets the stages of that environment in."""

from pathlib import Path
from typing import Any

import pytest
from readiness.clients.kubernetes.faults import makers_of
from readiness.clients.kubernetes.overlay import applied, of_namespace
from readiness.clients.kubernetes.rendering import rendered
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.spec.files import read_environment

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = "phantommesh.io/environment"


def _peers(value: Any) -> set[str]:
    """Which environments the selectors in it name."""
    if isinstance(value, list):
        return {name for item in value for name in _peers(item)}
    if not isinstance(value, dict):
        return set()
    found = {str(value[ENVIRONMENT])} if ENVIRONMENT in value else set()
    return found | {name for item in value.values() for name in _peers(item)}


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_a_deploy_opens_the_platform_to_the_stages_of_its_environment(name: str, k8s: Path) -> None:
    environment = read_environment(ROOT / "scenarios/environments" / f"{name}.yaml")
    assert isinstance(environment, KubernetesEnvironment)
    cluster = environment.cluster
    objects = applied(of_namespace(rendered(k8s.parent, cluster.overlay), cluster.namespace))
    assert {item["metadata"].get("namespace", cluster.namespace) for item in objects} == {cluster.namespace}
    policies = [item for item in objects if item["kind"] == "NetworkPolicy"]
    assert len(policies) > 5
    assert _peers([item["spec"] for item in policies]) == {name}


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_an_environment_asks_for_the_host_that_its_overlay_serves_where_its_stages_may_go(name: str, k8s: Path) -> None:
    environment = read_environment(ROOT / "scenarios/environments" / f"{name}.yaml")
    assert isinstance(environment, KubernetesEnvironment)
    ingress = environment.cluster.ingress
    assert ingress is not None
    objects = rendered(k8s.parent, environment.cluster.overlay)
    (route,) = (item for item in objects if item["kind"] == "IngressRoute")
    assert all(f"Host(`{ingress.host}`)" in rule["match"] for rule in route["spec"]["routes"])
    (policy,) = (item for item in of_namespace(objects, environment.stages.namespace)
                 if item["metadata"]["name"] == "stages-to-ingress")  # fmt: skip
    (rule,) = policy["spec"]["egress"]
    (peer,) = rule["to"]
    service, namespace, _ = ingress.url.removeprefix("https://").split(".")
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": namespace}
    assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": service}
    assert policy["spec"]["podSelector"] == {}


def test_the_namespace_of_the_stages_is_left_alone() -> None:
    both = [
        {"kind": "Namespace", "metadata": {"name": "platform"}},
        {"kind": "Namespace", "metadata": {"name": "stages"}},
        {"kind": "Service", "metadata": {"name": "a", "namespace": "platform"}},
        {"kind": "Service", "metadata": {"name": "b", "namespace": "stages"}},
        {"kind": "ClusterRole", "metadata": {"name": "c"}},
    ]
    assert of_namespace(both, "platform") == (both[0], both[2], both[4])


@pytest.mark.parametrize(("name", "operators"), [("dev", set()), ("staging", set()), ("prod", {"postgres"})])
def test_what_an_operator_keeps_is_the_one_thing_that_a_drill_cannot_scale(
    name: str, operators: set[str], k8s: Path
) -> None:
    environment = read_environment(ROOT / "scenarios/environments" / f"{name}.yaml")
    assert isinstance(environment, KubernetesEnvironment)
    objects = applied(of_namespace(rendered(k8s.parent, environment.cluster.overlay), environment.cluster.namespace))
    workloads = [item for item in objects if item["kind"] in ("Deployment", "StatefulSet")]
    assert {one for one in environment.components if len(makers_of(workloads, one)) != 1} == operators
