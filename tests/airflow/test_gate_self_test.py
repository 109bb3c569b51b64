"""The DAG of the gate's self-test: its arguments, and real runs of a fault or two."""

import pytest
from orchestration.following import FollowedRun
from orchestration.gate_self_test import self_test_arguments
from orchestration.services import AirflowServices

DAG_ID = "gate_self_test"


def follow(airflow: AirflowServices, name: str, **conf: object) -> FollowedRun:
    airflow.wait_for_dag(DAG_ID)
    run = FollowedRun(airflow, "local", DAG_ID, name)
    run.trigger(conf)
    run.wait(280)
    return run


@pytest.mark.parametrize(
    ("params", "arguments"),
    [
        ({"quick": False, "only": []}, []),
        ({"quick": True, "only": []}, ["--quick"]),
        ({"quick": False, "only": ["lost", "clean"]}, ["--only=lost", "--only=clean"]),
    ],
)
def test_what_was_asked_for_reaches_the_command(params: dict[str, object], arguments: list[str]) -> None:
    assert self_test_arguments(params) == arguments


def test_one_task_of_bounded_time_started_by_hand_only(airflow: AirflowServices) -> None:
    airflow.wait_for_dag(DAG_ID)
    tasks = airflow.api.tasks_of(DAG_ID)
    assert [task["task_id"] for task in tasks] == ["self_test"]
    assert tasks[0]["execution_timeout"] is not None
    assert airflow.api.dag(DAG_ID)["timetable_summary"] in (None, "None", "Never, external triggers only")


def test_the_table_is_in_the_log_of_a_run_that_caught_its_fault(airflow: AirflowServices) -> None:
    run = follow(airflow, "one-fault", only=["removed"])
    (task,) = run.tasks()
    assert task.state == "success", run.reason(task)
    log = run.log_of(task).read_text()
    assert "evidence missing" in log
    assert "1 faults, 0 missed" in log


def test_a_fault_that_there_is_not_fails_the_task_and_is_named(airflow: AirflowServices) -> None:
    run = follow(airflow, "no-such", only=["no-such-fault"])
    (task,) = run.tasks()
    assert task.state == "failed"
    assert "no fault no-such-fault; legal are" in run.reason(task)
