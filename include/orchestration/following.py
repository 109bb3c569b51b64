"""A DAG run from trigger to end, as it is followed from outside Airflow."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness.clients import progress
from readiness.clients.airflow import Task
from readiness.clients.home import Home, find_home
from readiness.report.terminal import LiveProgress

from orchestration.run_identity import ASK, readiness_run_id
from orchestration.services import AirflowServices

_ENDED = ("success", "failed")
_STOPPING_S = 90.0
_LIVE_S, _ASK_S = 0.5, 2.0


class FollowError(Exception):
    """The run did not end in time; one line."""


@dataclass(frozen=True)
class FollowedRun:
    """One DAG run of an environment's DAG in a local Airflow."""

    services: AirflowServices
    environment: str
    dag_id: str
    dag_run_id: str

    @property
    def run_id(self) -> str:
        return readiness_run_id(self.environment, self.dag_run_id)

    @property
    def home(self) -> Home:
        return find_home(self.services.home.runs)

    @property
    def url(self) -> str:
        return f"{self.services.home.url}/dags/{self.dag_id}/runs/{self.dag_run_id}"

    def trigger(self, conf: Mapping[str, Any]) -> None:
        """Raises AirflowError for values that the form refuses."""
        self.services.api.trigger(self.dag_id, self.dag_run_id, conf)

    def wait(self, deadline_s: float, waiting: Callable[[str], None] = lambda _url: None) -> None:
        """Follow the run, showing its progress, until it has ended. ``waiting`` is called once, with the address of the
        question, when a person is asked. Raises FollowError, ServiceError, AirflowError."""
        end = time.monotonic() + deadline_s
        ask_next, asked = 0.0, False
        with LiveProgress(lambda: progress.read(self.home, self.run_id)) as live:
            while time.monotonic() < end:
                live.update()
                if time.monotonic() >= ask_next:  # each look costs the machine that is measured
                    ask_next = time.monotonic() + _ASK_S
                    self.services.check_alive()
                    if self.services.api.run_state(self.dag_id, self.dag_run_id) in _ENDED:
                        live.update()
                        return
                    if not asked and self._task(ASK, "awaiting_input"):
                        asked = True
                        waiting(f"{self.url}/tasks/{ASK}/required_actions")
                time.sleep(_LIVE_S)
        raise FollowError(f"the run has not ended after {deadline_s:.0f} s; see {self.url}")

    def cancel(self) -> None:
        """Mark the run failed and wait, for at most 90 s, until what ran has been stopped and torn down."""
        self.services.api.mark_failed(self.dag_id, self.dag_run_id)
        end = time.monotonic() + _STOPPING_S
        while time.monotonic() < end:
            self.services.check_alive()
            tasks = self.tasks()
            ended = all(task.state in (*_ENDED, "skipped", "upstream_failed", "removed") for task in tasks)
            # The scheduler takes note of the last task's end a turn later.
            if ended and self.services.api.run_state(self.dag_id, self.dag_run_id) in _ENDED:
                return
            time.sleep(_LIVE_S)

    def tasks(self) -> tuple[Task, ...]:
        return self.services.api.tasks(self.dag_id, self.dag_run_id)

    def failed_tasks(self) -> list[Task]:
        """The tasks that failed by themselves, the first first."""
        failed = [task for task in self.tasks() if task.state == "failed"]
        return sorted(failed, key=lambda task: (task.ended is None, task.ended and task.ended.timestamp()))

    def torn_down(self) -> bool:
        return self._task("teardown", "success")

    def log_of(self, task: Task) -> Path:
        """The file with the task's log."""
        mapped = [f"map_index={task.map_index}"] if task.map_index >= 0 else []
        parts = [f"dag_id={self.dag_id}", f"run_id={self.dag_run_id}", f"task_id={task.task_id}", *mapped]
        return self.services.home.logs.joinpath(*parts, f"attempt={task.attempt}.log")

    def reason(self, task: Task) -> str:
        """Why it failed, from its log: the last error there; empty if the log does not say."""
        try:
            lines = self.log_of(task).read_text(errors="replace").splitlines()
        except OSError:
            return ""
        for line in reversed(lines):
            if details := _error_detail(line):
                return str(details[0].get("exc_value", "")).strip()
        return ""

    def _task(self, task_id: str, state: str) -> bool:
        return any(task.task_id == task_id and task.state == state for task in self.tasks())


def _error_detail(line: str) -> list[dict[str, Any]]:
    try:
        details = json.loads(line).get("error_detail")
    except (ValueError, AttributeError):
        return []
    return details if isinstance(details, list) else []
