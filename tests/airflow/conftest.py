"""One real Airflow for all tests here, with the real stages on a short copy of the steady scenario."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before anything imports Airflow: its configuration is made at import, by default in the user's home.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-of-tests-")

from orchestration.airflow_home import prepare
from orchestration.following import FollowedRun
from orchestration.processes import ProcessIdentity, descendants
from orchestration.project import PROJECT
from orchestration.services import AirflowServices

DAG_ID = "release_validation_local"
SIGN_OFF_TIMEOUT_S = 15
QUICK = {"SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2", "SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1"}


def pytest_sessionfinish() -> None:
    shutil.rmtree(os.environ["AIRFLOW_HOME"], ignore_errors=True)


@pytest.fixture(scope="session")
def short_scenarios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenarios folder whose ``steady`` and ``again`` are the real steady with phases of a few seconds."""
    real, folder = PROJECT / "scenarios", tmp_path_factory.mktemp("scenarios")
    for name in ("traffic", "locust"):
        (folder / name).symlink_to(real / name)
    (folder / "environments").mkdir()
    shutil.copy(real / "environments" / "local.yaml", folder / "environments")
    steady = (real / "steady.yaml").read_text()
    short = re.sub(r"smoke: \{.*\}", "smoke: {warmup: 1s, measure: 5s, drain: 30s}", steady)
    # The upper end of its interval needs thousands of requests; that there is no error at all needs none more.
    short = short.replace('metric: error_rate, must: "< 0.1%"', 'metric: error_rate, must: "< 5%"')
    assert "< 5%" in short
    assert short != steady
    (folder / "steady.yaml").write_text(short)
    (folder / "again.yaml").write_text(short.replace("name: steady\n", "name: again\n", 1))
    return folder


@pytest.fixture(scope="session")
def airflow(short_scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowServices]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("READINESS_SCENARIOS", str(short_scenarios))
        patch.setenv("READINESS_SIGN_OFF_TIMEOUT_S", str(SIGN_OFF_TIMEOUT_S))
        # What a user's shell may have set must not reach the Airflow that we start.
        patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", "/nowhere")
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        with AirflowServices(prepare(tmp_path_factory.mktemp("home"), QUICK)) as services:
            services.wait_for_dag(DAG_ID)
            yield services
            started = [identity for pid in services.pids.values() if (identity := ProcessIdentity.of(pid))]
            started += descendants(services.pids.values())
    assert len(started) > 3
    assert [one for one in started if one.find()] == []


@pytest.fixture(scope="session")
def trigger(airflow: AirflowServices) -> Callable[..., FollowedRun]:
    """Triggers a run by that name; smoke, without sign-off, unless the conf says otherwise."""

    def start(name: str, **conf: object) -> FollowedRun:
        run = FollowedRun(airflow, "local", DAG_ID, name)
        run.trigger({"scenarios": ["steady"], "profile": "smoke", "sign_off": False, **conf})
        return run

    return start


def _pause_is_known(run: FollowedRun, task_id: str, attempt: int) -> bool:
    """Whether the scheduler has taken note that the task's process ended when it paused. An answer that comes earlier,
    within a turn of the scheduler's loop and faster than any person, makes Airflow 3.3.2 fail the task."""
    log = (run.services.home.logs / "services" / "scheduler.log").read_text(errors="replace")
    who = rf"task_id='{task_id}', run_id='{run.dag_run_id}', try_number={attempt},"
    return re.search(rf"Received executor event with state success for task instance [^\n]*{who}", log) is not None


@pytest.fixture(scope="session")
def state_reached() -> Callable[..., None]:
    """Waits until a task of a run is in a state; fails if it is not within the deadline or fails before."""

    def wait(run: FollowedRun, task_id: str, state: str, deadline_s: float = 120.0) -> None:
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            tasks = [task for task in run.tasks() if task.task_id == task_id]
            found = {task.state for task in tasks}
            if state in found and (state != "awaiting_input" or _pause_is_known(run, task_id, tasks[0].attempt)):
                return
            assert not found & {"failed", "upstream_failed", "skipped"}, [
                (task.name, task.state, run.reason(task)) for task in run.tasks()
            ]
            time.sleep(0.3)
        pytest.fail(f"{task_id} is not {state} after {deadline_s} s: {[(t.name, t.state) for t in run.tasks()]}")

    return wait
