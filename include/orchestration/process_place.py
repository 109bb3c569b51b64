"""Stages as processes on Airflow's machine."""

import os
from collections.abc import Mapping
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException
from readiness.clients.home import Home

from orchestration.project import PROJECT, command, home, home_folder, stage_environment
from orchestration.sealed_evidence import require_plan
from orchestration.stage_place import StageCall, TaskLog
from orchestration.stage_process import StageProcess
from orchestration.time_limits import TimeLimits

_GRACE_S = 30.0
"""From SIGTERM to SIGKILL where the task itself stops its stage (a timeout, an error)."""
_VERDICTS = {"decide": frozenset({2, 3})}
"""Exit codes that tell what a stage found, and no failure of it: what it found is in the archive."""


class ProcessPlace:
    """See StagePlace. A stage is tried once: what it needs is on this machine, and would be missing again."""

    def __init__(self, limits: TimeLimits) -> None:
        self._limits = limits

    def home(self) -> Home:
        """See StagePlace."""
        return home()

    def task_options(self, stage: str) -> Mapping[str, Any]:
        """See StagePlace."""
        return {"execution_timeout": self._limits.of(stage)}

    def prepare(self, call: StageCall, context: Context, log: TaskLog) -> "ProcessStage":  # noqa: ARG002 - see StagePlace
        """See StagePlace."""
        return ProcessStage(call, self.home(), log)


class ProcessStage:
    """See RunningStage. When the task is killed the stage gets SIGTERM and its last lines are still logged; when the
    task times out it gets SIGTERM, and SIGKILL after 30 s."""

    def __init__(self, call: StageCall, at: Home, log: TaskLog) -> None:
        self._call, self._home, self._log = call, at, log
        self._process: StageProcess | None = None

    def follow(self) -> None:
        """See RunningStage."""
        require_plan(self._home, self._call)
        argv = [command("readiness"), *self._call.command, f"--home={home_folder()}"]
        self._log.info("%s", " ".join(argv))
        self._process = StageProcess(argv, env=stage_environment(os.environ), cwd=PROJECT)
        last = "it said nothing"
        try:
            for line in self._process.lines():
                self._log.info("%s", line)
                last = line if line.strip() else last
            exit_code = self._process.wait()
        except BaseException:  # a timeout of the task is one
            self._process.stop(_GRACE_S)
            raise
        if exit_code != 0 and exit_code not in _VERDICTS.get(self._call.stage, ()):
            how = f"exit {exit_code}" if exit_code > 0 else f"signal {-exit_code}"
            raise AirflowFailException(f"stage {self._call.stage} failed ({how}): {last}")

    def terminate(self) -> None:
        """See RunningStage."""
        if self._process is not None:
            self._process.terminate()
