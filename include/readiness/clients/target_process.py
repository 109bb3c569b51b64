"""A target on this machine: the commands of the environment file that start, ask and stop it."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from readiness.clients.address import require_allowed
from readiness.model.environment import LocalEnvironment

_STOP_TIMEOUT_S = 60.0
_LAST_LINES = 5


class TargetError(Exception):
    """The target did not do what was asked; the message is one line for people."""


class TargetProcess:
    """``state``: the folder where the target keeps what it needs while it runs."""

    def __init__(self, environment: LocalEnvironment, state: Path) -> None:
        self._environment, self._state = environment, state

    def clear(self) -> bool:
        """Stop what an earlier run left; whether there was something."""
        leftover: bool = self.status()["state"] != "stopped"
        if leftover:
            self.down()
        return leftover

    def up(self, replicas: int, port: int, links: tuple[str, ...] = ()) -> dict[str, Any]:
        """Start the target and wait until it is ready; its status (docs/platform-api.md). ``links``: connections on
        which faults will be injected.
        Raises TargetError with the command's own reason."""
        self._state.mkdir(parents=True, exist_ok=True)
        timeout_s = self._environment.start_timeout
        option = self._environment.links.option
        asked = tuple(part.replace("{link}", link) for link in links for part in option)
        done = self._command((*self._environment.commands.up, *asked), timeout_s, replicas=replicas, port=port)
        if done.returncode != 0:
            raise TargetError(f"the target did not start: {_reason(done)}")
        return _status(done)

    def status(self) -> dict[str, Any]:
        """The target's status as it is now, also when nothing runs."""
        return _status(self._command(self._environment.commands.status, _STOP_TIMEOUT_S))

    def scale(self, most: int) -> bool:
        """Let the component under load scale out to ``most`` replicas from now on; False if the environment has no
        command for that. Raises TargetError if it could not be done."""
        template = self._environment.commands.scale
        if template is None:
            return False
        done = self._command(template, _STOP_TIMEOUT_S, most=most)
        if done.returncode != 0:
            raise TargetError(f"the target cannot be scaled: {_reason(done)}")
        return True

    def down(self) -> None:
        """Stop the target; fine when nothing runs. Raises TargetError if it could not be stopped."""
        done = self._command(self._environment.commands.down, _STOP_TIMEOUT_S)
        if done.returncode != 0:
            raise TargetError(f"the target did not stop: {_reason(done)}")

    def _command(
        self, template: tuple[str, ...], timeout_s: float, replicas: int = 1, port: int = 0, most: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        python = str(Path(sys.executable).parent)
        may = self._environment.components[self._environment.under_load].max_replicas or replicas
        values = {
            "state": str(self._state), "replicas": str(replicas), "max_replicas": str(most or max(may, replicas)),
            "port": str(port), "python": python,
        }  # fmt: skip
        command = [_filled(part, values) for part in template]
        # The commands of this very installation come first on the search path.
        environment = os.environ | {"PATH": python + os.pathsep + os.environ.get("PATH", os.defpath)}
        try:
            return _run(command, environment, timeout_s)
        except FileNotFoundError as error:
            raise TargetError(f"the command {command[0]!r} of the environment file is not installed here") from error
        except subprocess.TimeoutExpired as error:
            raise TargetError(f"{' '.join(command[:2])} did not finish within {timeout_s:g} s") from error


def _run(command: list[str], environment: dict[str, str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Like subprocess.run, but TERM before KILL: the command must get the chance to clean up after itself."""
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except BaseException:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
        return subprocess.CompletedProcess(command, process.returncode, output, errors)


class ProcessWatch:
    """Whether one process still lives; a recycled process id is not taken for it."""

    def __init__(self, pid: int | None) -> None:
        self.pid = pid or -1  # psutil takes None for this very process
        self._started_s = -1.0
        if self.pid > 0:
            with contextlib.suppress(psutil.Error):
                self._started_s = psutil.Process(self.pid).create_time()

    def alive(self) -> bool:
        """True while that very process runs (a zombie does not)."""
        try:
            if self.pid <= 0:
                return False
            process = psutil.Process(self.pid)
            return process.create_time() == self._started_s and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def _filled(part: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        part = part.replace("{" + name + "}", value)
    return part


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return "; ".join(lines[-_LAST_LINES:]) or f"exit code {done.returncode}, no message"


def _status(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    try:
        status: dict[str, Any] = json.loads(done.stdout)
        components, state = status["components"], status["state"]
    except (ValueError, KeyError, TypeError) as error:
        raise TargetError(f"the target's status is not the JSON of docs/platform-api.md: {_reason(done)}") from error
    if state != "stopped":
        urls = [status["base_url"], status["sink_url"], *(part.get("admin_url") for part in components)]
        urls += [link["admin_url"] for link in status.get("links", [])]
        for url in urls:
            if url is not None:
                require_allowed(url)
    return status
