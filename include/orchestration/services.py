"""Starts and stops a local Airflow: api-server, scheduler and dag-processor as processes of their own."""

import contextlib
import json
import os
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from readiness.clients.airflow import Airflow, AirflowError

from orchestration.airflow_home import USER, AirflowHome
from orchestration.processes import ProcessIdentity, descendants, stop_all
from orchestration.project import PROJECT, command

_COMMANDS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),  # the api-server reads the logs from the same disk
    "dag-processor": ("dag-processor",),
}
_START_S, _MIGRATE_S, _TERM_S = 120.0, 120.0, 15.0
_POLL_S = 0.25


class ServiceError(Exception):
    """Airflow did not start or died; one line with the path of the log."""


class AirflowServices:
    """A running Airflow. As a context manager it is up inside, and every process of it is gone outside, whatever
    happened. Raises ServiceError."""

    def __init__(self, home: AirflowHome) -> None:
        self.home = home
        self.api = Airflow(home.url, USER, home.password)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "AirflowServices":
        try:
            self._start()
        except BaseException:  # Ctrl-C while it starts, too
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """Service -> pid."""
        return {name: process.pid for name, process in self._processes.items()}

    def check_alive(self) -> None:
        """Raises ServiceError if a service has ended by itself."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise ServiceError(f"Airflow's {name} ended (exit {process.returncode}); its log is {self._log(name)}")

    def wait_for_dag(self, dag_id: str, deadline_s: float = _START_S) -> None:
        """Until Airflow has read the DAG from its file since it was started. Raises ServiceError."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            self.check_alive()
            parsed = self.api.last_parsed(dag_id)
            if parsed is not None and parsed >= self._started:
                return
            if errors := self.api.import_errors():
                raise ServiceError(errors[0])
            time.sleep(_POLL_S)
        raise ServiceError(f"Airflow has no DAG {dag_id} after {deadline_s:.0f} s; see {self._log('dag-processor')}")

    def stop(self) -> None:
        """Stop every service, and what they had started. The api-server goes last: tasks that end report to it."""
        below = descendants(self.pids.values())
        last = {name: process for name, process in self._processes.items() if name == "api-server"}
        for group in ({n: p for n, p in self._processes.items() if n not in last}, last):
            _stop_group(list(group.values()))
        stop_all(below, _TERM_S)
        self._processes = {}
        self._services_file.unlink(missing_ok=True)
        self.api.__exit__(None, None, None)

    def _start(self) -> None:
        self._started = datetime.now(UTC)
        (self.home.logs / "services").mkdir(parents=True, exist_ok=True)
        self._stop_leftovers()
        self._migrate()
        for name, arguments in _COMMANDS.items():
            self._launch(name, arguments)
        end = time.monotonic() + _START_S
        while not self._healthy():
            if time.monotonic() > end:
                raise ServiceError(f"Airflow is not healthy after {_START_S:.0f} s; see {self._log('scheduler')}")
            self.check_alive()
            time.sleep(_POLL_S)

    def _healthy(self) -> bool:
        try:
            health = self.api.health()
        except AirflowError:
            return False
        return all(health.get(part) == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))

    def _migrate(self) -> None:
        """Make the database, unless this version of Airflow has made it already."""
        from importlib.metadata import version

        stamp, wanted = self.home.folder / "migrated", version("apache-airflow")
        if stamp.exists() and stamp.read_text() == wanted and (self.home.folder / "airflow.db").exists():
            return
        process = self._launch("migrate", ("db", "migrate"))
        try:
            code = process.wait(_MIGRATE_S)
        except subprocess.TimeoutExpired as error:
            raise ServiceError(f"the database is not ready after {_MIGRATE_S:.0f} s: {self._log('migrate')}") from error
        if code != 0:
            raise ServiceError(f"airflow db migrate failed (exit {code}); its log is {self._log('migrate')}")
        del self._processes["migrate"]
        stamp.write_text(wanted)

    def _launch(self, name: str, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with self._log(name).open("wb") as log:
            process = subprocess.Popen(
                [command("airflow"), *arguments], env=self.home.environment(), cwd=PROJECT, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._processes[name] = process
        running = [identity for pid in self.pids.values() if (identity := ProcessIdentity.of(pid))]
        self._services_file.write_text(json.dumps([[one.pid, one.started_s] for one in running]))
        return process

    def _stop_leftovers(self) -> None:
        """An owner that was killed could not stop its services; two Airflows on one database disturb each other."""
        try:
            noted = [ProcessIdentity(*item) for item in json.loads(self._services_file.read_text())]
        except (FileNotFoundError, ValueError):
            return
        alive = [one for one in noted if one.find()]
        below = descendants(one.pid for one in alive)
        stop_all(alive, _TERM_S)
        stop_all(below, _TERM_S)

    @property
    def _services_file(self) -> Path:
        return self.home.folder / "services.json"

    def _log(self, name: str) -> Path:
        return self.home.logs / "services" / f"{name}.log"


def _stop_group(processes: list[subprocess.Popen[bytes]]) -> None:
    """SIGTERM to each, SIGKILL to the group of each that has not ended within the deadline that they share."""
    for process in processes:
        process.terminate()
    end = time.monotonic() + _TERM_S
    for process in processes:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):  # it ended at this very moment
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
