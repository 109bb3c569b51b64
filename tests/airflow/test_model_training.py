"""The DAG that trains the threat model: its shape, its arguments, and real runs with the real command."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException
from orchestration.following import FollowedRun
from orchestration.model_training import model_training_dag, train_arguments, training_form, training_outcome
from orchestration.services import AirflowServices
from readiness.clients.airflow import AirflowError
from recorded_alerts import drawn_alerts

DAG_ID = "model_training"
Train = Callable[..., FollowedRun]


@pytest.fixture(scope="module")
def train(airflow: AirflowServices) -> Train:
    """Triggers a run by that name and waits until it has ended."""
    airflow.wait_for_dag(DAG_ID)

    def start(name: str, **conf: object) -> FollowedRun:
        run = FollowedRun(airflow, "local", DAG_ID, name)
        run.trigger(conf)
        run.wait(180)
        return run

    return start


def states(run: FollowedRun) -> dict[str, str | None]:
    return {task.task_id: task.state for task in run.tasks()}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "alerts.ndjson"
    path.write_bytes(b"\n".join(drawn_alerts(1200)))
    return path


@pytest.fixture(scope="module")
def unlearnable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Alerts whose sign, by which the rules judge, is far behind what a model reads of a signature."""
    lines = [json.loads(line) for line in drawn_alerts(1200)]
    for number, line in enumerate(lines):
        sign = "WebShell" if number * 7919 % 13 < 6 else "nothing"
        line["alert"] = {"signature_id": 1, "signature": "x " * 300 + sign, "category": "", "severity": 2}
        line["src_ip"], line["dest_ip"], line["dest_port"] = f"192.0.2.{number % 250}", "198.51.100.1", 80
    path = tmp_path_factory.mktemp("recording") / "alerts.ndjson"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_it_runs_at_midnight_utc_and_does_not_make_up_for_the_last(airflow: AirflowServices, train: Train) -> None:
    assert train  # the DAG is there
    details = airflow.api.dag(DAG_ID)
    assert details["timetable_description"] == "At 00:00"
    assert details["is_paused"] is False
    upcoming = datetime.fromisoformat(details["next_dagrun_run_after"])
    assert (upcoming.hour, upcoming.minute, upcoming.utcoffset()) == (0, 0, UTC.utcoffset(None))
    assert upcoming > datetime.now(UTC)


def test_one_task_after_the_other_bounded_in_time_never_retried(airflow: AirflowServices, train: Train) -> None:
    assert train
    tasks = {task["task_id"]: task for task in airflow.api.tasks_of(DAG_ID)}
    after = {name: task["downstream_task_ids"] for name, task in tasks.items()}
    assert after == {"train": ["promoted"], "promoted": []}
    assert {task["retries"] for task in tasks.values()} == {0}
    assert all(task["execution_timeout"] for task in tasks.values())


def test_a_model_that_passes_is_in_force(train: Train, airflow: AirflowServices, recording: Path) -> None:
    models = recording.parent / "models"
    run = train("passes", events=[str(recording)], models=str(models))
    assert states(run) == {"train": "success", "promoted": "success"}
    assert airflow.api.run_state(DAG_ID, run.dag_run_id) == "success"
    version = json.loads((models / "current").read_text())["version"]
    (task,) = (task for task in run.tasks() if task.task_id == "promoted")
    assert f"in force: {version}" in run.log_of(task).read_text()


def test_a_model_that_does_not_pass_is_skipped_and_the_run_is_no_failure(
    train: Train, airflow: AirflowServices, unlearnable: Path
) -> None:
    models = unlearnable.parent / "models"
    run = train("does-not-pass", events=[str(unlearnable)], models=str(models))
    assert states(run) == {"train": "success", "promoted": "skipped"}
    assert airflow.api.run_state(DAG_ID, run.dag_run_id) == "success"
    assert not (models / "current").exists()
    (task,) = (task for task in run.tasks() if task.task_id == "promoted")
    assert "not promoted: " in run.log_of(task).read_text()


def test_the_run_fails_when_no_model_could_be_made(train: Train, airflow: AirflowServices, tmp_path: Path) -> None:
    (tmp_path / "few.ndjson").write_bytes(b"\n".join(drawn_alerts(10)))
    run = train("too-few", events=[str(tmp_path / "few.ndjson")], models=str(tmp_path / "models"))
    assert states(run) == {"train": "failed", "promoted": "upstream_failed"}
    assert airflow.api.run_state(DAG_ID, run.dag_run_id) == "failed"
    (task,) = run.failed_tasks()
    assert run.reason(task) == (
        "training failed (exit 4): phantommesh: 10 samples, at least 1000 are needed; record more alerts"
    )


def test_a_run_that_someone_asked_for_without_data_fails_in_one_line(train: Train) -> None:
    run = train("nothing-named")
    (task,) = run.failed_tasks()
    assert run.reason(task).startswith("name either a state folder (parameter state, or PHANTOMMESH_STATE)")


def test_what_the_form_does_not_have_is_refused(train: Train) -> None:
    with pytest.raises(AirflowError) as refused:
        train("text-for-events", events="alerts.json")
    assert refused.value.status in (400, 422)
    (task,) = train("unknown-key", folder="/").failed_tasks()
    assert task.task_id == "train"


def test_the_environment_names_the_platform_of_the_nightly_run() -> None:
    form = training_form({"PHANTOMMESH_STATE": "/srv/mesh", "PHANTOMMESH_MODELS": "/srv/models"})
    params = {name: param.resolve() for name, param in form.items()}
    assert train_arguments(params) == ["--state=/srv/mesh", "--models=/srv/models", "--json"]
    assert [task.task_id for task in model_training_dag(None, {}).topological_sort()] == ["train", "promoted"]


def test_arguments_of_the_command(tmp_path: Path) -> None:
    params = {"state": "", "events": ["a.json", "/b.json"], "models": "--rm"}
    assert train_arguments(params, tmp_path) == [
        f"--events={tmp_path}/a.json", "--events=/b.json", f"--models={tmp_path}/--rm", "--json",
    ]  # fmt: skip
    for bad, telling in (({"state": "s"}, "either"), ({"events": []}, "either"), ({"models": ""}, "models folder")):
        with pytest.raises(ValueError, match=telling):
            train_arguments(params | bad)


@pytest.mark.parametrize(
    ("code", "line", "telling"),
    [
        (1, "phantommesh: no", r"exit 1\): phantommesh: no"),
        (-9, "", "signal 9"),
        (0, "what", "not the JSON"),
        (0, "[]", "not the JSON"),
        (0, '{"promoted": false}', "disagree"),
        (3, '{"promoted": true}', "disagree"),
    ],
)
def test_what_the_command_says_is_not_taken_on_trust(code: int, line: str, telling: str) -> None:
    with pytest.raises(AirflowFailException, match=telling):
        training_outcome(code, line)
