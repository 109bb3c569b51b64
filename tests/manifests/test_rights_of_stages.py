"""The roles of the stages grant exactly what the engine needs, which is what `readiness doctor` looks for."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from readiness.clients.kubernetes.overlay import applied, of_namespace
from readiness.clients.kubernetes.rendering import Object, rendered
from readiness.clients.kubernetes.rights import DRILL, OBSERVE, Right, deploying, drilling

from manifests.rendering import ENVIRONMENTS, K8S, render
from manifests.rendering import rendered as rendered_once
from manifests.variants import VARIANTS

OVERLAYS = [f"k8s/overlays/{name}/platform" for name in ENVIRONMENTS]
PLAIN = tuple(f"overlays/{name}" for name in ENVIRONMENTS)


def _of_role(role: Object) -> Iterator[Right]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield from (Right(group, resource, verb, one) for one in rule.get("resourceNames", [""]))


def granted(name: str) -> frozenset[Right]:
    (role, _) = yaml.safe_load_all((K8S / "components" / "readiness-rights" / f"{name}.yaml").read_text())
    return frozenset(_of_role(role))


def test_each_role_is_what_its_stages_need_in_some_environment_and_no_more(k8s: Path) -> None:
    objects = [rendered(k8s.parent, overlay) for overlay in OVERLAYS]  # with a release's digests, which git has not
    assert granted("observe") == OBSERVE
    assert granted("drill") == frozenset().union(*map(drilling, objects)) > DRILL
    assert granted("deploy") == frozenset().union(*map(deploying, objects))


@pytest.fixture
def whole(request: pytest.FixtureRequest, k8s: Path, tmp_path: Path) -> tuple[str, list[Object]]:
    """An environment's name and the objects of its overlay: one of those in k8s/, or a variant of it."""
    kind, _, name = str(request.param).rpartition("/")
    if kind:
        return name, rendered_once(k8s, name)
    return VARIANTS[name].environment, render(VARIANTS[name].written(tmp_path))


def _given_to(account: Mapping[str, str], namespace: str, objects: list[Object]) -> frozenset[Right]:
    """What an account may do in a namespace, by what the overlay itself binds."""
    roles = {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item for item in objects}
    found: set[Right] = set()
    for binding in objects:
        where = binding["metadata"].get("namespace")
        if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding") or where not in (None, namespace):
            continue
        if account in binding["subjects"]:
            role = binding["roleRef"]
            found |= set(_of_role(roles[role["kind"], where if role["kind"] == "Role" else None, role["name"]]))
    return frozenset(found)


@pytest.mark.parametrize("whole", [*PLAIN, *VARIANTS], indirect=True)
def test_an_overlay_gives_each_stage_what_the_doctor_demands_for_it(whole: tuple[str, list[Object]]) -> None:
    environment, objects = whole
    namespace = f"phantommesh-{environment}"
    platform = of_namespace(objects, namespace)
    demanded = {"observe": OBSERVE, "drill": OBSERVE | drilling(platform), "deploy": OBSERVE | deploying(platform)}
    for stage, rights in demanded.items():
        account = {"kind": "ServiceAccount", "name": f"stage-{stage}", "namespace": f"readiness-{environment}"}
        lacks = sorted(rights - _given_to(account, namespace, objects))
        assert not lacks, f"stage-{stage} may not {', '.join(map(str, lacks))}"


@pytest.mark.parametrize("whole", [*PLAIN, *VARIANTS], indirect=True)
def test_whatever_is_applied_is_asked_for_and_nothing_else(whole: tuple[str, list[Object]]) -> None:
    _, objects = whole
    kinds = {item["kind"] for item in applied(objects)}
    written = {right.resource for right in deploying(tuple(objects)) - deploying(()) if right.verb == "create"}
    assert len(written) == len(kinds)
    assert deploying(tuple(objects)) == deploying(applied(objects))
    assert written.isdisjoint({"secrets", "roles", "rolebindings", "clusterroles", "clusterrolebindings"})
