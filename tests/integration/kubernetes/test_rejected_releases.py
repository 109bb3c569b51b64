"""A run over a release that does not come up in a cluster: what is decided, and what confirms it."""

from pathlib import Path
from typing import cast

import pytest
from fake_cluster.cluster import FakeCluster
from readiness.clients.home import Home
from readiness.clients.kubernetes import faults
from readiness.clients.kubernetes.journal_page import JournalPage
from readiness.clients.kubernetes.target import ClusterTarget
from readiness.drills.journal import Journal
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.verdict import Decision
from readiness.spec.files import read_environment
from readiness.stages import deploy as deploy_stage
from readiness.stages.decide import decide
from readiness.stages.plan import Request, plan
from readiness.stages.recompute import recompute
from readiness.stages.report import report
from readiness.stages.run import Run, StageError
from readiness.stages.sequence import execute
from readiness.stages.sign_off import Answer, sign_off

ROOT = Path(__file__).parents[3]
BAD = {"phantommesh/automation:nope": "ErrImageNeverPull"}


def target(version: str = "") -> ClusterTarget:
    found = read_environment(ROOT / "scenarios" / "environments" / "dev.yaml")
    return ClusterTarget(cast("KubernetesEnvironment", found), ROOT, version=version)


@pytest.fixture
def run(cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of a version that cannot be had, over one that runs."""
    monkeypatch.setattr(deploy_stage, "require_usable", lambda *_: None)  # tests of its own
    monkeypatch.setenv("READINESS_SCENARIOS", str(ROOT / "scenarios"))
    target("1.0.0").up(3, 0)
    with cluster.changed() as state:
        state["bad"] = BAD
    home = Home(tmp_path / "home")
    plan(home, "a-run", Request("dev", ("steady",), ROOT / "scenarios", version="nope"))
    return Run(home, "a-run")


def decided(run: Run) -> tuple[Decision, tuple[str, ...]]:
    decision = execute(run, lambda _: Answer("not required"), lambda _: None, lambda: None)
    return decision.decision, decision.reasons


def test_a_release_that_does_not_come_up_is_rejected_and_the_one_before_runs_on(run: Run, cluster: FakeCluster) -> None:
    decision, reasons = decided(run)
    assert decision is Decision.REJECTED
    assert len(reasons) == 1
    assert "phantommesh/automation:nope cannot be had: ErrImageNeverPull" in reasons[0]
    assert "rolled back" in reasons[0]
    again = recompute(Run(run.home, "a-run"))
    assert again.problems == ()
    status = target().status()
    assert (status["state"], status["version"]) == ("ready", "1.0.0")
    lease = cluster.found("Lease", "readiness")
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == ""


def test_where_each_stage_is_a_task_nothing_is_measured_or_judged_and_the_decision_is_confirmed(run: Run) -> None:
    """Airflow does not begin load and check of a deploy that failed."""
    with pytest.raises(StageError):
        deploy_stage.deploy(run)
    report(run)
    sign_off(run, Answer("not required"))
    assert decide(run).decision is Decision.REJECTED
    again = recompute(Run(run.home, "a-run"))
    assert again.problems == ()
    assert again.decision is not None
    assert again.decision.decision is Decision.REJECTED


def test_the_decision_on_a_deploy_that_failed_by_nobody_s_fault_is_confirmed(run: Run, cluster: FakeCluster) -> None:
    with cluster.changed() as state:
        state["bad"] = {"docker.io/library/postgres:15": "ErrImageNeverPull"}
    with pytest.raises(StageError):
        deploy_stage.deploy(run)
    report(run)
    sign_off(run, Answer("not required"))
    said = decide(run)
    assert said.decision is Decision.INCONCLUSIVE
    assert any(reason.startswith("steady/check: ") for reason in said.reasons)
    assert recompute(Run(run.home, "a-run")).problems == ()


def test_the_evidence_of_a_failed_rollout_that_was_altered_convicts_nobody(run: Run) -> None:
    decided(run)
    path = next((run.home.root / "archive").rglob("rollout.json"))
    path.write_text(path.read_text().replace('"of_release": true', '"of_release": false'))
    again = recompute(Run(run.home, "a-run"))
    assert any("rollout.json: was altered" in problem for problem in again.problems)
    assert any("says REJECTED, the evidence says INCONCLUSIVE" in problem for problem in again.problems)


def test_what_an_interrupted_drill_left_is_taken_back_before_a_release_is_applied(
    run: Run, cluster: FakeCluster
) -> None:
    node = next(pod["spec"]["nodeName"] for pod in cluster.pods("automation"))
    kubectl = target().kubectl
    Journal(JournalPage(kubectl)).add("an-earlier-run/failover", f"drain {node}", {"kind": "cordon", "node": node})
    faults.cordon(kubectl, node, "a drill")
    before = len(cluster.changes)
    with pytest.raises(StageError):
        deploy_stage.deploy(run)  # the version cannot be had; the node is used again all the same
    found = cluster.found("Node", node)
    assert found is not None
    assert "unschedulable" not in found["spec"]
    words = [call["words"][:2] for call in cluster.changes[before:]]
    assert words.index(["patch", "node"]) < next(number for number, word in enumerate(words) if word[0] == "apply")
    assert run.journal.entries() == ()
