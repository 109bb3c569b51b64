"""Kill: replicas end, and with ``for`` their replacements, too. Dependency down: all replicas of a component do."""

import signal
import time

import psutil

from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status, Victim, is_there, living, send
from readiness.model.drill import DependencyDown, Kill

_GONE_S = 10.0
_LOOK_S = 0.005


class KillFault:
    """Ends processes. A supervisor starts the next one at once; while the fault lasts, that one is ended as soon as
    the target's status names it, so that a degraded state stays long enough to be measured."""

    def __init__(self, step: Kill | DependencyDown, around: Surroundings) -> None:
        self._step, self._around = step, around
        self._signal = signal.SIGTERM if isinstance(step, Kill) and step.signal == "TERM" else signal.SIGKILL
        self._parents: set[int] = set()
        self._known: set[int] = set()
        self.victims: list[Victim] = []

    def describe(self) -> str:
        who = ", ".join(dict.fromkeys(victim.replica for victim in self.victims)) or self._step.component
        lasts = f", also what replaces it, for {self._step.lasts:g} s" if self._step.lasts else ""
        verb = "kill" if isinstance(self._step, Kill) else "take down"
        return f"{verb} {who} ({self._signal.name.removeprefix('SIG')}{lasts})"

    def arm(self, status: Status) -> None:
        there = len(living(status, self._step.component))
        if there < self._wanted(there):
            raise DrillError(f"{self.describe()}: {self._wanted(there)} replicas are to end and {there} run")

    def _wanted(self, there: int) -> int:
        return self._step.replicas if isinstance(self._step, Kill) else max(there, 1)

    def aim(self) -> None:
        found = living(self._around.status(), self._step.component)
        found = [victim for victim in found if victim.replica not in self._around.taken()]
        wanted = self._wanted(len(found))
        if len(found) < wanted:
            raise DrillError(f"{self.describe()}: {wanted} replicas are to end and {len(found)} run")
        self.victims = found[:wanted]

    def leftover(self) -> Leftover | None:
        return None

    def inject(self) -> None:
        self._parents = {parent for victim in self.victims if (parent := _parent(victim.pid)) is not None}
        self._known = self._children()
        for victim in self.victims:
            send(victim.pid, victim.started, self._signal)
        if self._signal is signal.SIGKILL:
            _await_gone(self.victims)

    def hold(self) -> None:
        if self._step.lasts is None:
            return
        fresh = self._children() - self._known
        if self._parents and not fresh:
            return
        names = {victim.replica for victim in self.victims}
        status = self._around.status()
        for victim in living(status, self._step.component):
            hit = victim.replica in names or isinstance(self._step, DependencyDown)
            if hit and victim not in self.victims:
                send(victim.pid, victim.started, self._signal)
                self.victims.append(victim)
        self._known |= {part["pid"] for part in status["components"] if part["pid"]}

    def restore(self) -> None:
        """Nothing to take back: from now on replacements live."""

    def _children(self) -> set[int]:
        """Processes of those who started the victims: a new one may be a replacement. Who it is says the status."""
        found: set[int] = set()
        for parent in self._parents:
            try:
                found |= {child.pid for child in psutil.Process(parent).children()}
            except psutil.Error:
                continue
        return found


def _parent(pid: int) -> int | None:
    try:
        return psutil.Process(pid).ppid()
    except psutil.Error:
        return None


def _await_gone(victims: list[Victim]) -> None:
    ends_s = time.monotonic() + _GONE_S
    while left := [victim for victim in victims if is_there(victim.pid, victim.started)]:
        if time.monotonic() > ends_s:
            raise DrillError(f"{left[0].replica}: process {left[0].pid} outlives SIGKILL by {_GONE_S:g} s")
        time.sleep(_LOOK_S)
