"""A dependency that a cluster's drill could not take down is refused before anything is changed or loaded."""

import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from fake_cluster.cluster import FakeCluster
from readiness.clients.home import Home
from readiness.clients.kubernetes import target as target_module
from readiness.clients.kubernetes.rendering import Object, rendered
from readiness.stages import deploy as deploy_stage
from readiness.stages.breakable import require_breakable
from readiness.stages.plan import Request, plan
from readiness.stages.run import Run, UnusableEnvironmentError
from readiness.stages.sequence import execute
from readiness.stages.sign_off import Answer

ROOT = Path(__file__).parents[3]
rendered_once = cache(rendered)


@pytest.fixture
def run(cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Its drill takes the database down; nothing in the cluster would stand in the way of it but an operator."""
    scenarios, home = tmp_path / "project" / "scenarios", Home(tmp_path / "home")
    shutil.copytree(ROOT / "scenarios" / "environments", scenarios / "environments")
    text = (ROOT / "scenarios" / "cascading.yaml").read_text()
    assert "component: automation, for: 5s" in text
    (scenarios / "cascading.yaml").write_text(text.replace("automation, for: 5s", "postgres, for: 5s"))
    monkeypatch.setenv("READINESS_SCENARIOS", str(scenarios))
    monkeypatch.setattr(deploy_stage, "require_usable", lambda *_: None)  # tests of its own
    monkeypatch.setattr(target_module, "rendered", lambda *_: _overlay())
    with cluster.changed() as state:
        state["objects"] = list(map(_by_operator, state["objects"]))
    plan(home, "a-run", Request("dev", ("cascading",), scenarios))
    return Run(home, "a-run")


def test_one_that_an_operator_keeps_is_refused(run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_module, "rendered", lambda *_: tuple(map(_by_operator, _overlay())))
    with pytest.raises(UnusableEnvironmentError) as refused:
        execute(run, lambda _: Answer("not required"), lambda _: None, lambda: None)
    assert re.match(
        r"scenario cascading, step 2 of its drill: dependency_down cannot take postgres down in the environment dev: "
        r".*, and there is none \(pods of an operator .*; write kill or partition for it, or leave the scenario out$",
        str(refused.value),
    )
    assert cluster.changes == []
    assert run.archive.runs() == ("a-run",)
    assert not run.deployed


def test_one_that_the_release_brings_first_is_not(run: Run, cluster: FakeCluster) -> None:
    require_breakable(run)
    assert cluster.changes == []


def test_one_with_the_pods_of_two_is_refused(run: Run, cluster: FakeCluster) -> None:
    """As the drill itself does: it would not know which."""
    template = {"metadata": {"labels": {"app.kubernetes.io/name": "postgres"}}, "spec": {"containers": []}}
    cluster.add("apps/v1", "Deployment", "another", spec={"replicas": 1, "template": template})
    with pytest.raises(UnusableEnvironmentError, match="there is deployment another, statefulset postgres"):
        require_breakable(run)


def _overlay() -> tuple[Object, ...]:
    return rendered_once(ROOT, "k8s/overlays/dev")


def _by_operator(item: Object) -> Object:
    """The database as CloudNativePG has it, everything else as it is."""
    if (item["kind"], item["metadata"]["name"]) != ("StatefulSet", "postgres"):
        return item
    return {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": item["metadata"], "spec": {}}
