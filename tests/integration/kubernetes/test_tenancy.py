"""A run that measures asks again whether the environment is still its own: the day after, another's release is there,
ready and of as many replicas."""

from pathlib import Path

import pytest
from fake_cluster.cluster import FakeCluster
from readiness.clients.home import Home
from readiness.model.evidence import StageRef
from readiness.stages import collect as collect_stage
from readiness.stages import deploy as deploy_stage
from readiness.stages.collect import collect
from readiness.stages.drill import drill
from readiness.stages.load import load
from readiness.stages.plan import Request, plan
from readiness.stages.replay import replay
from readiness.stages.run import Run, StageError
from readiness.stages.sequence import execute
from readiness.stages.sign_off import Answer
from readiness.stages.tenancy import NotHeldError, not_held

ROOT = Path(__file__).parents[3]
SCENARIO = "failover"  # one with a drill


@pytest.fixture
def run(cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Deployed, and nothing measured yet."""
    assert cluster.found("Lease", "readiness") is None
    monkeypatch.setattr(deploy_stage, "require_usable", lambda *_: None)  # tests of its own
    monkeypatch.setenv("READINESS_SCENARIOS", str(ROOT / "scenarios"))
    home = Home(tmp_path / "home")
    plan(home, "a-run", Request("dev", (SCENARIO,), ROOT / "scenarios", version="1.0.0"))
    deploy_stage.deploy(Run(home, "a-run"))
    return Run(home, "a-run")


def given_to(run: Run, other: str) -> None:
    assert run.claim.release(run.run_id)
    if other:
        run.claim.take(other, 600)


WORDS = {
    "another-run": r"is not this run's any more, run another-run has it since 20.* UTC: what runs there is that run's",
    "": r"is not this run's any more, its lease was given back .*: what runs there may be another release; begin a new",
}


@pytest.mark.parametrize("other", WORDS)
def test_nothing_is_sent_scaled_or_broken_in_an_environment_that_is_another_s(
    run: Run, cluster: FakeCluster, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("readiness.stages.load.settle", lambda *_: pytest.fail("it goes on"))
    given_to(run, other)
    before = len(cluster.changes)
    with pytest.raises(NotHeldError, match=WORDS[other]):
        load(run, SCENARIO)
    with pytest.raises(NotHeldError, match=WORDS[other]):
        drill(run, SCENARIO, Path("phases.json"))
    with pytest.raises(NotHeldError, match=WORDS[other]):
        replay(run, SCENARIO)
    assert len(cluster.changes) == before
    seal = run.archive.read_seal(run.run_id, StageRef(SCENARIO, "load"))
    assert (seal.outcome, [file.name for file in seal.files]) == ("failed", [])
    assert "is not this run's any more" in seal.reason


def test_an_environment_that_was_taken_while_it_settled_gets_no_load(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("readiness.stages.load.settle", lambda *_: given_to(run, "another-run") or {})
    monkeypatch.setattr("readiness.stages.load._start", lambda *_: pytest.fail("it is sent"))
    with pytest.raises(NotHeldError, match=WORDS["another-run"]):
        load(run, SCENARIO)


def test_a_lease_that_is_over_and_that_nobody_took_is_as_good_as_any(run: Run) -> None:
    run.claim.take(run.run_id, 0)
    assert not_held(run) == ""


def test_an_environment_that_was_taken_during_the_load_spoils_what_was_collected(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect_stage, "_wait_healed", lambda *_: 1)
    monkeypatch.setattr(collect_stage, "_read", lambda *_: ({}, []))
    monkeypatch.setattr(collect_stage, "collect_metrics", lambda *_: ({}, []))
    monkeypatch.setattr(collect_stage, "wait_drained", lambda *_: (1, ""))
    collect(run, SCENARIO)
    monkeypatch.setattr(collect_stage, "wait_drained", lambda *_: given_to(run, "another-run") or (1, ""))
    with pytest.raises(StageError, match=WORDS["another-run"]):
        collect(run, SCENARIO)
    assert run.read_facts(StageRef(SCENARIO, "collect"), "collect.json")["drained"]  # what was read is kept


def test_the_same_holds_on_this_machine_and_the_scenarios_that_follow_are_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READINESS_SCENARIOS", str(ROOT / "scenarios"))
    home, said = Home(tmp_path / "home"), list[str]()
    plan(home, "a-run", Request("local", ("steady", "peak"), ROOT / "scenarios"))
    run = Run(home, "a-run")
    monkeypatch.setattr("readiness.stages.load.settle", lambda *_: pytest.fail("it goes on"))
    monkeypatch.setattr("readiness.stages.sequence.deploy", lambda _: run.claim.take("another-run", 600))
    monkeypatch.setattr("readiness.stages.sequence.verify", lambda _: None)
    decision = execute(run, lambda _: Answer("not required"), said.append, lambda: None)
    assert decision.decision == "INCONCLUSIVE"
    assert len([line for line in said if "run another-run has it" in line]) == 1
    assert not run.archive.is_sealed("a-run", StageRef("peak", "load"))
