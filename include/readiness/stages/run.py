"""Where a run lives: its home, its archive and its plan. Every stage starts from here."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from readiness.clients.archive import Archive, ArchiveError, open_archive
from readiness.clients.external_target import RunningTarget
from readiness.clients.home import Home, checked_run_id
from readiness.clients.target_process import TargetProcess
from readiness.model.document import from_json
from readiness.model.environment import ExternalEnvironment
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.result import ScenarioResult
from readiness.model.run import RunPlan


class StageError(Exception):
    """The stage could not do its work; one line for people. What it left is sealed as failed."""


class EnvironmentInUseError(StageError):
    """Another run has the environment: this one was refused, nothing was measured."""


@dataclass(frozen=True)
class Run:
    """A run on this machine. Raises ArchiveError where the archive does not hold what is asked for."""

    home: Home
    run_id: str

    def __post_init__(self) -> None:
        checked_run_id(self.run_id)

    @cached_property
    def archive(self) -> Archive:
        return open_archive(self.home)

    @cached_property
    def plan(self) -> RunPlan:
        """The run as it was asked for."""
        ref = StageRef(RUN_SCOPE, "plan")
        if not self.archive.is_sealed(self.run_id, ref):
            known = self.archive.runs()
            raise ArchiveError(f"no run {self.run_id!r} in {self.archive.place}; it holds {_some(known)}")
        data = self.read(ref, "run.json")
        try:
            return from_json(RunPlan, data)
        except ValueError as error:
            raise ArchiveError(f"{ref}/run.json: damaged ({str(error).splitlines()[0]})") from error

    @property
    def environment_folder(self) -> Path:
        return self.home.environment(self.plan.environment.name)

    @property
    def target(self) -> TargetProcess | RunningTarget:
        """The target of this run's environment. Raises StageError for one in a cluster."""
        environment = self.plan.environment
        if isinstance(environment, ExternalEnvironment):
            return RunningTarget(environment)
        if isinstance(environment, KubernetesEnvironment):
            raise StageError(f"environment {environment.name}: this version can read a cluster's file and not deploy")
        return TargetProcess(environment, self.environment_folder / "target")

    def source(self, scenario: str) -> str:
        """The name under which a scenario's events are sent and later found again."""
        return f"{self.run_id}/{scenario}"

    def replicas(self) -> dict[str, int]:
        """How many replicas of each component there must be."""
        environment = self.plan.environment
        declared = {name: component.replicas for name, component in environment.components.items()}
        return declared | {environment.under_load: self.plan.replicas}

    def most_replicas(self) -> dict[str, int]:
        """How many replicas of each component there may be, for those that scale with the load."""
        components = self.plan.environment.components.items()
        return {name: item.max_replicas for name, item in components if item.max_replicas is not None and item.scales}

    def read(self, ref: StageRef, name: str) -> bytes:
        """A file of a sealed stage. Raises ArchiveError, naming it, if it is not there."""
        return self.archive.file(self.run_id, ref, name).read_bytes()

    def read_facts(self, ref: StageRef, name: str) -> dict[str, Any]:
        """A JSON file of a sealed stage. Raises ArchiveError."""
        try:
            return from_json(dict[str, Any], self.read(ref, name))
        except ValueError as error:
            raise ArchiveError(f"{ref}/{name}: not JSON ({str(error).splitlines()[0]})") from error

    def status(self) -> dict[str, Any]:
        """The target's status when it had been deployed."""
        status: dict[str, Any] = self.read_facts(StageRef(RUN_SCOPE, "deploy"), "deploy.json")["status"]
        return status

    def result(self, scenario: str) -> ScenarioResult | None:
        """What the check stage said of the scenario; None if it said nothing."""
        ref = StageRef(scenario, "check")
        if not self.archive.is_sealed(self.run_id, ref):
            return None
        try:
            return from_json(ScenarioResult, self.read(ref, "result.json"))
        except (ArchiveError, ValueError):
            return None  # the archive's own check names the file

    def results(self) -> tuple[ScenarioResult, ...]:
        """Every scenario's result that there is."""
        found = (self.result(name) for name in self.plan.scenario_names)
        return tuple(result for result in found if result is not None)


def _some(names: tuple[str, ...]) -> str:
    if not names:
        return "no run at all"
    return ", ".join(names[-3:]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
