"""Airflow's REST API, as far as starting, following and signing a run needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

_TIMEOUT_S = 15.0


class AirflowError(Exception):
    """Airflow did not answer, or refused; one line for people. ``status``: of HTTP; None: no answer came."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Task:
    """One task instance. ``map_index`` is -1 for a task that is not mapped; ``state`` None: not scheduled yet."""

    task_id: str
    map_index: int
    state: str | None
    attempt: int
    started: datetime | None
    ended: datetime | None

    @property
    def name(self) -> str:
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


class Airflow:
    """One Airflow. Logs in when first needed, and again when the token has expired. A context manager."""

    def __init__(self, base_url: str, user: str, password: str) -> None:
        # trust_env: a proxy of the environment has no business between two processes of one machine.
        self._http = httpx.Client(base_url=base_url, timeout=_TIMEOUT_S, trust_env=False)
        self._login = {"username": user, "password": password}

    def __enter__(self) -> "Airflow":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def health(self) -> dict[str, str | None]:
        """Component -> "healthy", "unhealthy" or None (does not run). Needs no login."""
        answer = self._send("GET", "/api/v2/monitor/health", login=False)
        return {name: part.get("status") for name, part in answer.items() if isinstance(part, dict)}

    def last_parsed(self, dag_id: str) -> datetime | None:
        """When the DAG was last read from its file; None if Airflow does not know it (yet)."""
        try:
            answer = self._send("GET", f"/api/v2/dags/{dag_id}")
        except AirflowError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return _time(answer["last_parsed_time"])

    def import_errors(self) -> tuple[str, ...]:
        """``file: last line of the error`` for each DAG file that cannot be read."""
        answer = self._send("GET", "/api/v2/importErrors")
        return tuple(
            f"{found['filename']}: {found['stack_trace'].strip().splitlines()[-1]}" for found in answer["import_errors"]
        )

    def dag(self, dag_id: str) -> dict[str, Any]:
        """The DAG as Airflow describes it."""
        described: dict[str, Any] = self._send("GET", f"/api/v2/dags/{dag_id}")
        return described

    def tasks_of(self, dag_id: str) -> list[dict[str, Any]]:
        """The DAG's tasks as Airflow describes them."""
        tasks: list[dict[str, Any]] = self._send("GET", f"/api/v2/dags/{dag_id}/tasks")["tasks"]
        return tasks

    def trigger(self, dag_id: str, dag_run_id: str, conf: Mapping[str, Any]) -> None:
        """Start a run. Raises AirflowError with status 422 or 400 for values that the trigger form refuses."""
        body = {"dag_run_id": dag_run_id, "logical_date": None, "conf": dict(conf)}
        self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)

    def run_state(self, dag_id: str, dag_run_id: str) -> str:
        """queued, running, success or failed."""
        return str(self._send("GET", _run(dag_id, dag_run_id))["state"])

    def mark_failed(self, dag_id: str, dag_run_id: str) -> None:
        """End a run: what runs is killed, what waits is skipped, teardowns are still executed."""
        self._send("PATCH", _run(dag_id, dag_run_id), {"state": "failed"})

    def clear(self, dag_id: str, dag_run_id: str, task_ids: Sequence[str]) -> None:
        """Let these tasks of a run be executed again."""
        body = {
            "dry_run": False, "dag_run_id": dag_run_id, "task_ids": list(task_ids), "only_failed": False,
            "reset_dag_runs": True,
        }  # fmt: skip
        self._send("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", body)

    def tasks(self, dag_id: str, dag_run_id: str) -> tuple[Task, ...]:
        """Every task instance of a run."""
        answer = self._send("GET", f"{_run(dag_id, dag_run_id)}/taskInstances?limit=1000")
        return tuple(
            Task(
                found["task_id"], found["map_index"], found["state"], found["try_number"],
                _time(found["start_date"]), _time(found["end_date"]),
            )
            for found in answer["task_instances"]
        )  # fmt: skip

    def question(self, dag_id: str, dag_run_id: str, task_id: str) -> dict[str, Any]:
        """The question of a human-in-the-loop task with its answer, if any."""
        return self._send("GET", f"{_run(dag_id, dag_run_id)}/taskInstances/{task_id}/-1/hitlDetails")

    def answer(self, dag_id: str, dag_run_id: str, task_id: str, choice: str, form: Mapping[str, Any]) -> None:
        """Answer it, as the person who is logged in."""
        body = {"chosen_options": [choice], "params_input": dict(form)}
        self._send("PATCH", f"{_run(dag_id, dag_run_id)}/taskInstances/{task_id}/-1/hitlDetails", body)

    def _send(self, method: str, path: str, body: Any = None, *, login: bool = True) -> dict[str, Any]:
        if login and "Authorization" not in self._http.headers:
            self._log_in()
        answer = self._request(method, path, body)
        if login and answer.status_code == httpx.codes.UNAUTHORIZED:
            self._log_in()
            answer = self._request(method, path, body)
        if answer.is_error:
            message = f"Airflow: {method} {path}: HTTP {answer.status_code}: {_detail(answer)}"
            raise AirflowError(message, answer.status_code)
        found: dict[str, Any] = answer.json()
        return found

    def _log_in(self) -> None:
        self._http.headers.pop("Authorization", None)
        answer = self._request("POST", "/auth/token", self._login)
        if answer.status_code != httpx.codes.CREATED:
            user = self._login["username"]
            raise AirflowError(f"Airflow: login as {user}: HTTP {answer.status_code}", answer.status_code)
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _request(self, method: str, path: str, body: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise AirflowError(f"Airflow at {self._http.base_url} does not answer ({type(error).__name__})") from error


def _run(dag_id: str, dag_run_id: str) -> str:
    return f"/api/v2/dags/{dag_id}/dagRuns/{quote(dag_run_id, safe='')}"


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
    return " ".join(str(detail).split())[:500]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
