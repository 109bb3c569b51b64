"""The faults of a drill in time: each armed, injected when it is due, held, restored; then healthy again, or not.

One thread does it all, so that a signal interrupts one place only; whatever ends it, what is in place is taken back.
"""

import time
from collections.abc import Callable
from typing import Protocol

from readiness.drills.clock import SteadyClock
from readiness.drills.journal import Journal
from readiness.drills.progress import StepProgress
from readiness.drills.victims import DrillError

S = 1_000_000_000
_TURN_NS = S // 10
_AIM_NS = S
_LOOK_NS = S // 5
_LEVEL_NS = S
_AFTER_INTERRUPTION_NS = 10 * S


class Looks(Protocol):
    """Health as the execution needs it."""

    def note_level(self) -> None: ...
    def look(self) -> str: ...


class Execution:
    """``steps`` share one clock. ``run``: who writes the journal; ``flush``: told after every change, so that what is
    known is on disk; ``ended``: why to stop early, empty to go on; ``sleep``: waits that many seconds."""

    def __init__(
        self,
        steps: list[StepProgress],
        clock: SteadyClock,
        looks: Looks,
        journal: Journal,
        *,
        run: str,
        flush: Callable[[], None],
        ended: Callable[[], str] = lambda: "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.steps, self._clock, self._looks, self._journal = steps, clock, looks, journal
        self._run, self._flush, self._ended, self._sleep = run, flush, ended, sleep
        self._next_look_ns = self._next_level_ns = 0

    def taken(self) -> frozenset[str]:
        """The replicas that are held down by a fault now."""
        held = [step for step in self.steps if step.in_place]
        return frozenset(victim.replica for step in held for victim in step.fault.victims)

    def execute(self, deadline_ns: int) -> str:
        """Carry out every step, then watch until the target is healthy or the deadline (epoch ns) is over. Why it is
        not healthy; empty if it is. Raises DrillError when a fault could not be injected or taken back; then, and when
        a signal ends it, all that is in place has been taken back before this returns."""
        try:
            while not all(step.over for step in self.steps):
                if reason := self._ended():
                    raise DrillError(reason)
                now_ns = self._clock.now_ns()
                if now_ns > deadline_ns and not any(step.in_place for step in self.steps):
                    return self._last_reason
                for step in self.steps:
                    self._advance(step)
                self._watch()
                self._wait()
            return ""
        finally:
            self._restore_all()

    _last_reason = "not looked at"

    def _advance(self, step: StepProgress) -> None:
        now_ns = self._clock.now_ns()
        if not step.aimed and now_ns >= step.due_ns - _AIM_NS:
            self._guarded(step, step.fault.aim)
            step.aimed = True
        if step.injected_ns is None and self._clock.now_ns() >= step.due_ns:
            self._inject(step)
        elif step.in_place and step.in_place_ns is not None:
            before = len(step.fault.victims)
            self._guarded(step, step.fault.hold)
            if len(step.fault.victims) != before:
                self._flush()
            if self._clock.now_ns() >= step.in_place_ns + round((step.step.lasts_s or 0) * S):
                self._restore(step)

    def _inject(self, step: StepProgress) -> None:
        left = step.fault.leftover()
        if left is not None:
            step.key = self._journal.add(self._run, step.fault.describe(), left)
        step.injected_ns = self._clock.now_ns()
        self._guarded(step, step.fault.inject)
        step.in_place_ns = self._clock.now_ns()
        if step.step.lasts_s is None:  # done at once: there is nothing to take back
            step.restored_ns = step.in_place_ns
        self._flush()

    def _restore(self, step: StepProgress) -> None:
        self._guarded(step, step.fault.restore)
        if step.key is not None:
            self._journal.strike(step.key)
        step.restored_ns = self._clock.now_ns()
        self._flush()

    def _guarded(self, step: StepProgress, act: Callable[[], None]) -> None:
        try:
            act()
        except DrillError as error:
            step.error = step.error or str(error)
            self._flush()
            raise

    def _watch(self) -> None:
        """Look at the target: at its level before any fault, at its health once no fault is in place any more. Never
        shortly before a fault is due, which a slow answer would delay."""
        now_ns = self._clock.now_ns()
        if any(step.injected_ns is None and step.due_ns < now_ns + 2 * _AIM_NS for step in self.steps):
            return
        begun = [step for step in self.steps if step.injected_ns is not None]
        if not begun:
            if now_ns >= self._next_level_ns:
                self._next_level_ns = now_ns + _LEVEL_NS
                self._looks.note_level()
            return
        watched = [step for step in begun if not step.over]
        if watched and now_ns >= self._next_look_ns and not any(step.in_place for step in begun):
            self._next_look_ns = now_ns + _LOOK_NS
            self._look(watched)

    def _look(self, watched: list[StepProgress]) -> None:
        began_ns = self._clock.now_ns()
        reason = self._looks.look()
        self._last_reason = reason or self._last_reason
        for step in watched:
            if reason:
                step.unhealthy_ns = began_ns
            else:
                step.healthy_ns = self._clock.now_ns()
        if not reason:
            self._flush()

    def _wait(self) -> None:
        """Until the next turn, or exactly until the next fault is due."""
        now_ns = self._clock.now_ns()
        due = [step.due_ns - now_ns for step in self.steps if step.injected_ns is None]
        self._sleep(max(0, min([_TURN_NS, *due])) / S)

    def _restore_all(self) -> None:
        """Take back what is in place, the last first, whatever happens to one of them; then see whether it helped."""
        left = [step for step in reversed(self.steps) if step.in_place]
        problems = []
        for step in left:
            try:
                self._restore(step)
            except DrillError as error:
                problems.append(str(error))
        ends_ns = self._clock.now_ns() + _AFTER_INTERRUPTION_NS
        while left and not problems and self._clock.now_ns() < ends_ns:
            self._look([step for step in left if not step.over])
            if all(step.over for step in left):
                break
            self._sleep(_LOOK_NS / S)
        self._flush()
        if problems:
            raise DrillError("; ".join(problems))
