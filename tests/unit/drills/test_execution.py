"""When faults come and go, on clocks that the test turns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from readiness.drills.clock import SteadyClock
from readiness.drills.execution import Execution
from readiness.drills.fault import Leftover
from readiness.drills.journal import Journal
from readiness.drills.progress import StepProgress
from readiness.drills.victims import DrillError, Status, Victim
from readiness.model.drill import Drill

S = 1_000_000_000
T0 = 1_800_000_000 * S
HOUR_S = 3600.0


@dataclass
class Clocks:
    """A machine whose wall clock can be set."""

    monotonic_s: float = 50.0
    wall_ahead_s: float = T0 / S - 50.0

    def steady(self) -> SteadyClock:
        return SteadyClock(
            wall_ns=lambda: round((self.monotonic_s + self.wall_ahead_s) * S),
            monotonic_ns=lambda: round(self.monotonic_s * S),
        )

    def sleep(self, seconds: float) -> None:
        self.monotonic_s += max(seconds, 0.001)


@dataclass
class FakeFault:
    """Notes what is asked of it."""

    name: str = "fault"
    did: list[str] = field(default_factory=list)
    victims: list[Victim] = field(default_factory=lambda: [Victim("automation", "automation-0", 7, 1.0)])
    fails: str = ""
    raises: type[BaseException] = DrillError

    def _note(self, word: str) -> None:
        if word not in ("hold",) or self.did[-1:] != ["hold"]:
            self.did.append(word)
        if word == self.fails:
            raise self.raises(f"{self.name} cannot {word}")

    def describe(self) -> str:
        return self.name

    def arm(self, _: Status) -> None:
        self._note("arm")

    def aim(self) -> None:
        self._note("aim")

    def leftover(self) -> Leftover | None:
        return {"kind": "file", "path": self.name}

    def inject(self) -> None:
        self._note("inject")

    def hold(self) -> None:
        self._note("hold")

    def restore(self) -> None:
        self._note("restore")


@dataclass
class Looks:
    """Healthy ``after_s`` seconds after the last fault was taken back."""

    clocks: Clocks
    healthy_from_s: float = 0.0
    levels: int = 0

    def note_level(self) -> None:
        self.levels += 1

    def look(self) -> str:
        return "" if self.clocks.monotonic_s >= self.healthy_from_s else "automation-0: /readyz HTTP 503"


STEPS = [
    {"at": "10%", "action": "pause", "component": "automation", "for": "5s"},
    {"at": "10%", "after": "3s", "action": "pause", "component": "automation", "for": "2s"},
]


@dataclass
class Bench:
    clocks: Clocks
    faults: list[FakeFault]
    looks: Looks
    execution: Execution
    journal: Journal
    flushed: list[list[dict[str, Any]]]


def bench(tmp_path: Path, steps: list[dict[str, Any]] = STEPS, ended: Callable[[], str] = lambda: "") -> Bench:
    """Steps in a measured phase of 100 s that starts at T0."""
    clocks = Clocks()
    drill = Drill.model_validate({"steps": steps})
    faults = [FakeFault(f"fault {number}") for number in range(len(steps))]
    progress = [
        StepProgress(number, step, fault, due_ns=T0 + round((step.at * 100 + step.after) * S))
        for number, (step, fault) in enumerate(zip(drill.steps, faults, strict=True))
    ]
    looks, journal, flushed = Looks(clocks), Journal(tmp_path), []

    def flush() -> None:
        flushed.append([step.facts() for step in progress])

    execution = Execution(
        progress, clocks.steady(), looks, journal, run="run-1/failover", flush=flush, ended=ended, sleep=clocks.sleep
    )
    return Bench(clocks, faults, looks, execution, journal, flushed)


def seconds(at_ns: int | None) -> float:
    assert at_ns is not None
    return round((at_ns - T0) / S, 2)


def test_each_step_comes_at_its_share_and_goes_after_its_time(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.looks.healthy_from_s = 50 + 17
    assert b.execution.execute(T0 + 200 * S) == ""
    first, second = b.execution.steps
    assert (seconds(first.injected_ns), seconds(first.restored_ns)) == (10.0, pytest.approx(15.0, abs=0.11))
    assert (seconds(second.injected_ns), seconds(second.restored_ns)) == (13.0, pytest.approx(15.0, abs=0.11))
    assert seconds(first.healthy_ns) == pytest.approx(17, abs=0.3)
    assert first.unhealthy_ns is not None
    assert first.healthy_ns is not None
    assert 0 < first.healthy_ns - first.unhealthy_ns <= 0.3 * S
    assert b.faults[0].did == ["aim", "inject", "hold", "restore"]
    assert b.journal.entries() == ()
    assert b.looks.levels > 5


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_a_wall_clock_that_is_set_moves_no_fault(tmp_path: Path, jump_s: float) -> None:
    b = bench(tmp_path)

    def sleep(seconds_: float) -> None:
        b.clocks.sleep(seconds_)
        if b.clocks.monotonic_s > 55 and b.clocks.wall_ahead_s == T0 / S - 50.0:
            b.clocks.wall_ahead_s += jump_s

    b.execution._sleep = sleep
    assert b.execution.execute(T0 + 200 * S) == ""
    assert b.clocks.wall_ahead_s != T0 / S - 50.0
    assert [seconds(step.injected_ns) for step in b.execution.steps] == [10.0, 13.0]
    assert b.clocks.monotonic_s < 50 + 20


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_whatever_ends_it_takes_back_all_that_is_in_place(tmp_path: Path, stop: type[BaseException]) -> None:
    b = bench(tmp_path)

    def sleep(seconds_: float) -> None:
        b.clocks.sleep(seconds_)
        if b.clocks.monotonic_s > 50 + 14 and not b.faults[0].did[-1] == "restore":
            raise stop

    b.execution._sleep = sleep
    with pytest.raises(stop):
        b.execution.execute(T0 + 200 * S)
    assert [fault.did[-1] for fault in b.faults] == ["restore", "restore"]
    assert b.journal.entries() == ()
    assert all(step["restored_ns"] and step["healthy_ns"] for step in b.flushed[-1])


def test_one_that_cannot_be_taken_back_keeps_no_other_in_place_and_stays_in_the_journal(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.faults[1].fails = "restore"
    with pytest.raises(DrillError, match="fault 1 cannot restore"):
        b.execution.execute(T0 + 200 * S)
    assert b.faults[0].did[-1] == "restore"
    assert [entry.describe for entry in b.journal.entries()] == ["fault 1"]
    assert b.flushed[-1][1]["error"] == "fault 1 cannot restore"
    assert b.flushed[-1][1]["restored_ns"] is None


def test_one_that_cannot_be_injected_ends_the_drill_and_the_others_are_taken_back(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.faults[1].fails = "inject"
    with pytest.raises(DrillError, match="fault 1 cannot inject"):
        b.execution.execute(T0 + 200 * S)
    assert [fault.did[-1] for fault in b.faults] == ["restore", "restore"]  # half of it may be in place


def test_the_journal_has_the_fault_before_it_is_injected(tmp_path: Path) -> None:
    b = bench(tmp_path)
    seen: list[int] = []
    b.faults[0].inject = lambda: seen.append(len(b.journal.entries()))  # type: ignore[method-assign]
    b.execution.execute(T0 + 200 * S)
    assert seen == [1]


def test_a_target_that_does_not_come_back_is_a_result(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.looks.healthy_from_s = 10_000
    assert b.execution.execute(T0 + 40 * S) == "automation-0: /readyz HTTP 503"
    assert b.execution.steps[0].healthy_ns is None
    assert b.execution.steps[0].restored_ns is not None


def test_a_starter_that_is_gone_ends_it(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.execution._ended = lambda: "the load stage is gone" if b.clocks.monotonic_s > 50 + 12 else ""
    with pytest.raises(DrillError, match="the load stage is gone"):
        b.execution.execute(T0 + 200 * S)
    assert b.faults[0].did[-1] == "restore"
    assert "inject" not in b.faults[1].did


def test_nobody_is_hit_twice_while_a_fault_holds_him(tmp_path: Path) -> None:
    b = bench(tmp_path)
    taken: list[frozenset[str]] = []
    b.faults[1].aim = lambda: taken.append(b.execution.taken())  # type: ignore[method-assign]
    b.execution.execute(T0 + 200 * S)
    assert taken == [{"automation-0"}]
