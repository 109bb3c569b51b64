"""Pause: replicas are stopped, hold what they have, and answer nothing until they may go on."""

import signal
import time
from typing import Any

import psutil

from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status, Victim, is_there, living, send
from readiness.model.drill import Pause

_STOPPED_S = 5.0
_LOOK_S = 0.005


class PauseFault:
    """SIGSTOP, and SIGCONT to take it back."""

    def __init__(self, step: Pause, around: Surroundings) -> None:
        self._step, self._around = step, around
        self.victims: list[Victim] = []

    def describe(self) -> str:
        who = ", ".join(victim.replica for victim in self.victims) or self._step.component
        return f"pause {who} for {self._step.lasts:g} s"

    def arm(self, status: Status) -> None:
        there = len(living(status, self._step.component))
        if there < self._step.replicas:
            raise DrillError(f"{self.describe()}: {self._step.replicas} replicas are to stop and {there} run")

    def aim(self) -> None:
        found = living(self._around.status(), self._step.component)
        found = [victim for victim in found if victim.replica not in self._around.taken()]
        if len(found) < self._step.replicas:
            raise DrillError(f"{self.describe()}: {self._step.replicas} replicas are to stop and {len(found)} run")
        self.victims = found[: self._step.replicas]

    def leftover(self) -> Leftover | None:
        return {"kind": "stopped", "processes": [[victim.pid, victim.started] for victim in self.victims]}

    def inject(self) -> None:
        for victim in self.victims:
            send(victim.pid, victim.started, signal.SIGSTOP)
        ends_s = time.monotonic() + _STOPPED_S
        while any(is_there(item.pid, item.started) and not _stopped(item.pid) for item in self.victims):
            if time.monotonic() > ends_s:
                raise DrillError(f"{self.describe()}: not stopped within {_STOPPED_S:g} s")
            time.sleep(_LOOK_S)

    def hold(self) -> None:
        """It stays as it is."""

    def restore(self) -> None:
        let_go_on([[victim.pid, victim.started] for victim in self.victims])


def let_go_on(processes: list[list[Any]]) -> None:
    """SIGCONT to each [process id, start] that lives. Raises DrillError if one does not go on."""
    for pid, since in processes:
        send(pid, since, signal.SIGCONT)
    ends_s = time.monotonic() + _STOPPED_S
    while still := [pid for pid, since in processes if is_there(pid, since) and _stopped(pid)]:
        if time.monotonic() > ends_s:
            raise DrillError(f"process {still[0]} does not go on after SIGCONT")
        time.sleep(_LOOK_S)


def _stopped(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False
