"""What may be asked for, and what becomes of a request that cannot be carried out."""

from collections.abc import Callable

import pytest
from orchestration.following import FollowedRun
from orchestration.services import AirflowServices
from readiness.clients import lease
from readiness.clients.airflow import AirflowError
from readiness.clients.archive import Archive
from readiness.model.document import from_json
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.result import RunDecision

Trigger = Callable[..., FollowedRun]


@pytest.mark.parametrize(
    ("name", "conf"),
    [
        ("unknown-scenario", {"scenarios": ["stead"]}),
        ("no-scenario", {"scenarios": []}),
        ("same-scenario-twice", {"scenarios": ["steady", "steady"]}),
        ("unknown-profile", {"profile": "tiny"}),
        ("no-replicas", {"replicas": 0}),
        ("text-for-replicas", {"replicas": "3"}),
        ("version-like-an-option", {"version": "--port=1"}),
        ("text-for-sign-off", {"sign_off": "no"}),
    ],
)
def test_a_value_that_does_not_fit_is_refused_before_anything_runs(
    trigger: Trigger, name: str, conf: dict[str, object]
) -> None:
    with pytest.raises(AirflowError) as refused:
        trigger(name, **conf)
    assert refused.value.status in (400, 422)
    assert "\n" not in str(refused.value)


def test_an_unknown_key_is_refused_by_the_first_task_in_one_line(trigger: Trigger) -> None:
    run = trigger("unknown-key", scenaros=["steady"])
    run.wait(120)
    first, *_ = run.failed_tasks()
    assert first.task_id == "request"
    assert run.reason(first) == (
        "conf: unknown key 'scenaros'; legal are scenarios, profile, version, sign_off, replicas"
    )
    states = {task.task_id: task.state for task in run.tasks()}
    assert states["plan"] == states["deploy"] == "upstream_failed"
    assert not (run.home.archive / "runs" / run.run_id).exists()


def test_a_run_whose_platform_never_started_still_ends_in_a_decision(
    trigger: Trigger, airflow: AirflowServices
) -> None:
    folder = FollowedRun(airflow, "local", "", "").home.environment("local")
    lease.take(folder, "local", "another-run", 600)
    try:
        run = trigger("environment-in-use")
        run.wait(180)
    finally:
        assert lease.release(folder, "another-run")  # the teardown of a run must not give back another run's lease
    states = {task.name: task.state for task in run.tasks()}
    assert states["deploy"] == states["decide"] == "failed"
    assert states["scenario.load"] == "upstream_failed"
    assert states["report"] == states["sign_off"] == states["teardown"] == "success"
    first, *_ = run.failed_tasks()
    assert "environment local is in use by run another-run" in run.reason(first)
    kept = Archive(run.home.archive).sealed_folder(run.run_id, StageRef(RUN_SCOPE, "decide")) / "decision.json"
    assert from_json(RunDecision, kept.read_bytes()).decision == "INCONCLUSIVE"
    assert airflow.api.run_state(run.dag_id, run.dag_run_id) == "failed"
