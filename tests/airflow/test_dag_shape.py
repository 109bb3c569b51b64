"""What Airflow made of the DAG file, asked over its REST API."""

import itertools
from typing import Any

import pytest
from orchestration.services import AirflowServices

DAG_ID = "release_validation_local"
ORDER = ["request", "plan", "deploy", "verify", "scenario.load", "scenario.collect", "scenario.check", "report",
         "ask_for_sign_off", "sign_off", "decide"]  # fmt: skip


@pytest.fixture(scope="module")
def tasks(airflow: AirflowServices) -> dict[str, dict[str, Any]]:
    return {task["task_id"]: task for task in airflow.api.tasks_of(DAG_ID)}


def test_no_dag_file_has_an_import_error(airflow: AirflowServices) -> None:
    assert airflow.api.import_errors() == ()


def test_the_stages_follow_each_other(tasks: dict[str, dict[str, Any]]) -> None:
    assert set(tasks) == {*ORDER, "teardown", "close"}
    for earlier, later in itertools.pairwise(ORDER):
        assert later in tasks[earlier]["downstream_task_ids"], (earlier, later)
    assert tasks["decide"]["downstream_task_ids"] == []  # at the end of the run, so that its failure is the run's
    assert tasks["teardown"]["downstream_task_ids"] == ["close"]


@pytest.mark.parametrize("task_id", ["scenario.check", "report", "sign_off", "decide"])
def test_what_leads_to_the_decision_runs_whatever_happened(tasks: dict[str, dict[str, Any]], task_id: str) -> None:
    assert tasks[task_id]["trigger_rule"] == "all_done"


@pytest.mark.parametrize(
    "task_id", ["plan", "deploy", "verify", "scenario.load", "scenario.collect", "ask_for_sign_off"]
)
def test_what_builds_on_success_needs_it(tasks: dict[str, dict[str, Any]], task_id: str) -> None:
    assert tasks[task_id]["trigger_rule"] == "all_success"


def test_teardown_is_one_and_comes_after_the_last_scenario(tasks: dict[str, dict[str, Any]]) -> None:
    assert tasks["teardown"]["trigger_rule"] == "all_done_setup_success"
    upstream = {name for name, task in tasks.items() if "teardown" in task["downstream_task_ids"]}
    assert upstream == {"plan", "deploy", "scenario.check"}


def test_no_task_is_retried_and_every_stage_is_bounded_in_time(tasks: dict[str, dict[str, Any]]) -> None:
    assert {task["retries"] for task in tasks.values()} == {0}
    unbounded = {name for name, task in tasks.items() if task["execution_timeout"] is None}
    assert unbounded == {"ask_for_sign_off"}  # bounded by its response_timeout; an execution_timeout would end the wait
