"""Where a run lives: its home, its archive and its plan. Every stage starts from here."""

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from readiness.clients.archive import Archive, ArchiveError, open_archive
from readiness.clients.external_target import RunningTarget
from readiness.clients.home import Home, checked_run_id, scenarios_folder
from readiness.clients.ingress import WayIn, way_in
from readiness.clients.kubernetes.claim import ClusterClaim
from readiness.clients.kubernetes.journal_page import JournalPage
from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.clients.kubernetes.status import measured_addresses
from readiness.clients.kubernetes.target import ClusterTarget
from readiness.clients.lease import FolderClaim
from readiness.clients.target_process import TargetProcess
from readiness.drills.catalogue import take_back
from readiness.drills.journal import Journal, remove_leftovers
from readiness.model.document import from_json
from readiness.model.environment import ExternalEnvironment
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.image import images_of
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.result import ScenarioResult
from readiness.model.run import RunPlan

Target = TargetProcess | RunningTarget | ClusterTarget


class StageError(Exception):
    """The stage could not do its work; one line for people. What it left is sealed as failed."""


class UnusableEnvironmentError(StageError):
    """The environment cannot be used: this run was refused before anything was changed, nothing was measured."""


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

    @cached_property
    def target(self) -> Target:
        """The target of this run's environment."""
        environment = self.plan.environment
        if isinstance(environment, ExternalEnvironment):
            return RunningTarget(environment)
        if isinstance(environment, KubernetesEnvironment):
            known = {part["pod"]: part["replica"] for part in self.status()["components"]} if self.deployed else {}
            version = self.plan.version_under_test
            return ClusterTarget(environment, project_folder(), version=version, known=known)
        return TargetProcess(environment, self.environment_folder / "target")

    @property
    def claim(self) -> FolderClaim | ClusterClaim:
        """The lease on this run's environment: where all who use it can see it."""
        if isinstance(self.target, ClusterTarget):
            return ClusterClaim(self.target.kubectl)
        return FolderClaim(self.environment_folder, self.plan.environment.name)

    @property
    def cluster(self) -> Kubectl | None:
        """Where the target is; None if it is in no cluster."""
        return self.target.kubectl if isinstance(self.target, ClusterTarget) else None

    @property
    def journal(self) -> Journal:
        """The faults that may be in place now: where all who use the environment can see it."""
        cluster = self.cluster
        return Journal(self.environment_folder if cluster is None else JournalPage(cluster))

    def take_back_leftovers(self) -> list[dict[str, Any]]:
        """Take back every fault that the journal names; what was found and whether it is gone (``drill.json``). Raises
        DrillError for a damaged journal."""
        return remove_leftovers(self.journal, partial(take_back, cluster=self.cluster))

    @property
    def moves(self) -> bool:
        """Whether a replica may be at another address after it was replaced, so that it is asked for again."""
        return isinstance(self.plan.environment, KubernetesEnvironment)

    @property
    def deployed(self) -> bool:
        """Whether the target came up."""
        ref = StageRef(RUN_SCOPE, "deploy")
        return self.archive.is_sealed(self.run_id, ref) and self.archive.read_seal(self.run_id, ref).outcome == "done"

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

    def images(self) -> dict[str, tuple[str, ...]]:
        """Component -> digests of the images that it was deployed with; empty where nothing tells."""
        try:
            return images_of(self.status()["components"])
        except (ArchiveError, KeyError):
            return {}  # it never came up, or the archive's own check names the file

    def status_now(self) -> dict[str, Any]:
        """The status as it is now where replicas move, else as the target had been deployed. Raises TargetError."""
        return self.target.status() if self.moves else self.status()

    def measured_addresses(self) -> tuple[str, ...]:
        """The addresses that may be measured beside those that always may: of the deployed target, in the networks that
        the environment names."""
        environment = self.plan.environment
        if not isinstance(environment, KubernetesEnvironment):
            return ()
        return tuple(sorted(measured_addresses(environment, self.status())))

    def way_in(self) -> WayIn | None:
        """The ingress that the environment names; None where it names none. Raises IngressError."""
        environment = self.plan.environment
        if not isinstance(environment, KubernetesEnvironment) or environment.cluster.ingress is None:
            return None
        return way_in(environment.cluster.ingress, environment.cluster.networks)

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


def project_folder() -> Path:
    """What paths in an environment file are relative to: the folder that has that of the scenarios."""
    return scenarios_folder().parent


def _some(names: tuple[str, ...]) -> str:
    if not names:
        return "no run at all"
    return ", ".join(names[-3:]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
