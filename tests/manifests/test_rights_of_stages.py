"""The roles of the stages grant exactly what the engine needs, which is what `readiness doctor` looks for."""

from pathlib import Path

import yaml
from readiness.clients.kubernetes.rendering import rendered
from readiness.clients.kubernetes.rights import DRILL, OBSERVE, Right, deploying, drilling

K8S = Path(__file__).resolve().parents[2] / "k8s"
OVERLAYS = [f"k8s/overlays/{name}/platform" for name in ("dev", "staging", "prod")]


def granted(name: str) -> frozenset[Right]:
    (role, _) = yaml.safe_load_all((K8S / "components" / "readiness-rights" / f"{name}.yaml").read_text())
    return frozenset(
        Right(group, resource, verb, one)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for one in rule.get("resourceNames", [""])
    )


def test_each_role_is_what_its_stages_need_in_some_environment_and_no_more(k8s: Path) -> None:
    objects = [rendered(k8s.parent, overlay) for overlay in OVERLAYS]  # with a release's digests, which git has not
    assert granted("observe") == OBSERVE
    assert granted("drill") == frozenset().union(*map(drilling, objects)) > DRILL
    assert granted("deploy") == frozenset().union(*map(deploying, objects))
