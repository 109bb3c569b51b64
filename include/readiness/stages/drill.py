"""Drill: inject the scenario's faults while the load runs, at their times on its phase clock, and take them back."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from readiness.clients.priority import give_way
from readiness.clients.target_process import TargetError
from readiness.drills.catalogue import fault_of
from readiness.drills.clock import SteadyClock
from readiness.drills.execution import Execution
from readiness.drills.fault import Surroundings
from readiness.drills.health import Health
from readiness.drills.progress import StepProgress
from readiness.drills.victims import DrillError, Status
from readiness.model.dataset import PhaseClock
from readiness.model.document import from_json, to_json
from readiness.model.drill import Drill
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.scenario import Profile
from readiness.stages.recording import Recording, recording
from readiness.stages.run import Run, StageError
from readiness.stages.tenancy import require_held

_START_S = 120.0
_LOOK_S = 0.02


def drill(run: Run, name: str, phases: Path) -> None:
    """Arm, then inject each step at its share of the measured phase, restore, and watch until the target is healthy
    again, at the latest until the load's drain is over; a target that does not come back is a result. Raises StageError
    when a fault could not be injected or taken back, and NotHeldError, having touched nothing, when the environment is
    not this run's any more. What is known is written as it comes."""
    scenario = run.plan.scenario(name)
    if scenario.drill is None:
        raise StageError(f"scenario {name} has no drill")
    inputs = (StageRef(RUN_SCOPE, "plan"), StageRef(RUN_SCOPE, "deploy"))
    with recording(run, StageRef(name, "drill"), inputs, show=False) as record:
        give_way()
        story = _Story(record)
        story.write()
        try:
            _carry_out(run, name, scenario.drill, scenario.profiles[run.plan.profile], phases, story)
        except (DrillError, TargetError, ValueError) as error:
            raise StageError(f"the drill: {error}") from error
        finally:
            story.finish()


class _Story:
    """``drill.json`` while it grows: replaced whole at each change, so that a killed stage leaves what it knew."""

    def __init__(self, record: Recording) -> None:
        self._path = record.folder / "drill.json"
        self.clock: SteadyClock = SteadyClock()
        self.steps: list[StepProgress] = []
        self.facts: dict[str, Any] = {
            "schema": 1, "started_ns": self.clock.now_ns(), "finished_ns": None, "leftovers": [], "not_healthy": "",
        }  # fmt: skip

    def write(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_bytes(to_json(self.facts | {"steps": [step.facts() for step in self.steps]}))
        partial.replace(self._path)

    def finish(self) -> None:
        self.facts["finished_ns"] = self.clock.now_ns()
        self.write()


def _carry_out(run: Run, name: str, wanted: Drill, profile: Profile, phases: Path, story: _Story) -> None:
    require_held(run)  # before another's faults are taken back
    story.facts["leftovers"] = run.take_back_leftovers()
    story.facts |= {"under_load": run.plan.environment.under_load, "replicas": run.replicas()}
    execution: Execution | None = None
    around = Surroundings(
        run.target.status, lambda: execution.taken() if execution else frozenset(), run.plan.environment.faults,
        run.cluster,
    )  # fmt: skip
    story.steps = [
        StepProgress(number, step, fault_of(step, around), due_ns=0) for number, step in enumerate(wanted.steps)
    ]
    story.write()
    health = _armed(run, story)
    ended = _starter_is_gone()
    clock = story.clock = SteadyClock()
    measure = _await_phases(phases, ended).phase("measure")
    for step in story.steps:
        share_ns = round(step.step.at * (measure.end_ns - measure.start_ns))
        step.due_ns = measure.start_ns + share_ns + round(step.step.after * 1e9)
    story.write()
    execution = Execution(
        story.steps, clock, health, run.journal, run=f"{run.run_id}/{name}", flush=story.write, ended=ended
    )
    story.facts["not_healthy"] = execution.execute(measure.end_ns + round(profile.drain * 1e9))


def _armed(run: Run, story: _Story) -> Health:
    """Refuse, before any load, what could not be injected or not be taken back."""
    status: Status = run.target.status()
    for step in story.steps:
        step.fault.arm(status)
    components = run.plan.environment.components
    probed = frozenset(name for name, component in components.items() if component.metrics)
    under_load = run.plan.environment.under_load
    health = Health(run.target.status, run.replicas(), probed, under_load, moves=run.moves)
    health.know(status)
    return health


def _starter_is_gone() -> Callable[[], str]:
    """Tells, when asked, that the process that started this one is gone: nobody would stop it then."""
    parent = int(os.environ.get("READINESS_STARTER") or os.getppid())
    return lambda: "" if os.getppid() == parent else "the load stage that started it is gone"


def _await_phases(path: Path, ended: Callable[[], str]) -> PhaseClock:
    """The phase clock, once the load has published it."""
    ends_s = time.monotonic() + _START_S
    while not path.is_file():
        if reason := ended():
            raise DrillError(reason)
        if time.monotonic() > ends_s:
            raise DrillError(f"{path} did not appear within {_START_S:g} s; no load, no fault")
        time.sleep(_LOOK_S)
    return from_json(PhaseClock, path.read_bytes())
