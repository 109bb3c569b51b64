"""Real runs through Airflow: the real platform, a short load, the real sign-off."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orchestration.following import FollowedRun
from orchestration.run_identity import ASK
from orchestration.services import AirflowServices
from readiness.clients.archive import Archive
from readiness.model.document import from_json
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.result import RunDecision, SignOff

pytestmark = pytest.mark.timeout(900)  # of the first test, which waits for a run, and on a busy machine for three
Trigger = Callable[..., FollowedRun]
Reached = Callable[..., None]


def _kept(run: FollowedRun, stage: str, name: str, scope: str = RUN_SCOPE) -> Path:
    return Archive(run.home.archive).sealed_folder(run.run_id, StageRef(scope, stage)) / name


def _decision(run: FollowedRun) -> RunDecision:
    return from_json(RunDecision, _kept(run, "decide", "decision.json").read_bytes())


def _sign_off(run: FollowedRun) -> SignOff:
    return from_json(SignOff, _kept(run, "sign_off", "sign-off.json").read_bytes())


def _processes_of(home: Path) -> list[str]:
    """Command lines that name the home folder, but for Airflow's own."""
    import psutil

    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(home) in line and "airflow" not in line]


@pytest.fixture(scope="module")
def approved(trigger: Trigger, state_reached: Reached, airflow: AirflowServices) -> FollowedRun:
    """A run of two scenarios that a person approved. On a machine that is busy with other things a load may not be
    proven, which is rightly INCONCLUSIVE: such a run is rejected, and another one asked for, twice at most."""
    for attempt in (1, 2, 3):
        run = trigger(f"approved-{attempt}", scenarios=["steady", "again"], sign_off=True, replicas=2)
        state_reached(run, ASK, "awaiting_input")
        busy = "load not proven" in airflow.api.question(run.dag_id, run.dag_run_id, ASK)["body"] and attempt < 3
        answer, comment = ("Reject", "busy") if busy else ("Approve", "looks good")
        airflow.api.answer(run.dag_id, run.dag_run_id, ASK, answer, {"comment": comment})
        run.wait(120)
        if not busy:
            break
    return run


def _ask_again(run: FollowedRun, airflow: AirflowServices, reached: Reached) -> None:
    """Clear the question and what follows, as a person can in the UI: it is asked again on the same evidence."""
    airflow.api.clear(run.dag_id, run.dag_run_id, [ASK, "sign_off", "decide"])
    reached(run, ASK, "awaiting_input")


def test_an_approved_run_is_bound_to_the_person_and_the_evidence(
    approved: FollowedRun, airflow: AirflowServices
) -> None:
    assert [(task.name, approved.reason(task)) for task in approved.failed_tasks()] == []
    question = airflow.api.question(approved.dag_id, approved.dag_run_id, ASK)
    signed, decision = _sign_off(approved), _decision(approved)
    assert (signed.answer, signed.by, signed.comment) == ("approve", "admin", "looks good")
    assert signed.evidence_digest in question["body"]
    assert signed.evidence_digest == decision.evidence_digest
    assert decision.decision == "APPROVED"
    assert decision.scope == "merge"  # a smoke run
    assert airflow.api.run_state(approved.dag_id, approved.dag_run_id) == "success"


def test_the_question_shows_each_objective(approved: FollowedRun, airflow: AirflowServices) -> None:
    body = airflow.api.question(approved.dag_id, approved.dag_run_id, ASK)["body"]
    results = [objective for scenario in _decision(approved).scenarios for objective in scenario.objectives]
    assert len(results) == 26
    for objective in results:
        assert f"| {objective.name} | {objective.shown} | {objective.must} | {objective.verdict} |" in body


def test_the_scenarios_ran_one_after_the_other_as_asked(approved: FollowedRun) -> None:
    at = {}
    for scenario in ("steady", "again"):
        for stage in ("load", "check"):
            at[scenario, stage] = json.loads(_kept(approved, stage, "stage.json", scenario).read_text())
    assert at["steady", "check"]["finished_ns"] <= at["again", "load"]["started_ns"]
    plan: dict[str, Any] = json.loads(_kept(approved, "plan", "run.json").read_text())
    assert (plan["replicas"], plan["profile"], plan["requested_by"]) == (2, "smoke", "admin")
    assert [scenario["name"] for scenario in plan["scenarios"]] == ["steady", "again"]


def test_nothing_runs_after_the_teardown(approved: FollowedRun) -> None:
    assert approved.torn_down()
    assert _processes_of(approved.home.root) == []


def test_a_rejection_is_kept_and_fails_the_run(
    approved: FollowedRun, airflow: AirflowServices, state_reached: Reached
) -> None:
    _ask_again(approved, airflow, state_reached)
    airflow.api.answer(approved.dag_id, approved.dag_run_id, ASK, "Reject", {"comment": "not on a Friday"})
    approved.wait(60)
    signed = _sign_off(approved)
    assert (signed.answer, signed.by, signed.comment) == ("reject", "admin", "not on a Friday")
    assert _decision(approved).decision == "REJECTED"
    assert [task.task_id for task in approved.failed_tasks()] == ["decide"]
    assert airflow.api.run_state(approved.dag_id, approved.dag_run_id) == "failed"


def test_nobody_answering_in_time_is_a_rejection_by_nobody(
    approved: FollowedRun, airflow: AirflowServices, state_reached: Reached
) -> None:
    _ask_again(approved, airflow, state_reached)
    approved.wait(60)
    signed = _sign_off(approved)
    assert (signed.answer, signed.by) == ("none", None)
    assert _decision(approved).decision == "REJECTED"
    assert airflow.api.run_state(approved.dag_id, approved.dag_run_id) == "failed"


def test_an_approval_of_evidence_that_changed_after_it_was_shown_does_not_count(
    approved: FollowedRun, airflow: AirflowServices, state_reached: Reached
) -> None:
    _ask_again(approved, airflow, state_reached)
    requests = _kept(approved, "load", "stage.json", "steady")
    before = requests.read_bytes()
    requests.write_bytes(before + b"\n")
    try:
        airflow.api.answer(approved.dag_id, approved.dag_run_id, ASK, "Approve", {"comment": None})
        approved.wait(60)
    finally:
        requests.write_bytes(before)
    assert _decision(approved).decision == "REJECTED"
    assert airflow.api.run_state(approved.dag_id, approved.dag_run_id) == "failed"


@pytest.fixture(scope="module")
def cancelled(trigger: Trigger, state_reached: Reached) -> FollowedRun:
    """A run that was marked failed under its load."""
    run = trigger("cancelled", profile="full")  # its load lasts half an hour
    state_reached(run, "scenario.load", "running")
    run.cancel()
    return run


def test_a_run_marked_failed_under_load_stops_the_load_and_the_platform(
    cancelled: FollowedRun, airflow: AirflowServices
) -> None:
    run = cancelled
    states = {task.name: task.state for task in run.tasks()}
    assert states["scenario.load[0]"] == "failed"
    assert states["teardown"] == "success"
    assert states["decide"] == "skipped"
    assert states["close"] == "failed"
    assert airflow.api.run_state(run.dag_id, run.dag_run_id) == "failed"
    # The task is killed at its next heartbeat, and its stage then stops what it had started.
    end = time.monotonic() + 30
    while _processes_of(run.home.root) and time.monotonic() < end:
        time.sleep(0.2)
    assert _processes_of(run.home.root) == []
    assert not Archive(run.home.archive).is_sealed(run.run_id, StageRef(RUN_SCOPE, "decide"))


def test_a_run_that_is_begun_anew_says_nothing_of_what_it_kept_from_before(
    cancelled: FollowedRun, airflow: AirflowServices
) -> None:
    """Clearing the whole of it, or triggering its id in another Airflow, measures nothing: it is planned already."""
    run = cancelled
    airflow.api.clear(run.dag_id, run.dag_run_id, sorted({task.task_id for task in run.tasks()}))
    run.wait(120)
    states = {task.task_id: task.state for task in run.tasks()}
    assert (states["plan"], states["report"], states["decide"]) == ("failed", "failed", "failed")
    decide = next(task for task in run.tasks() if task.task_id == "decide")
    assert "its plan was not made by this DAG run" in run.reason(decide)
    assert not Archive(run.home.archive).is_sealed(run.run_id, StageRef(RUN_SCOPE, "decide"))
    assert airflow.api.run_state(run.dag_id, run.dag_run_id) == "failed"
