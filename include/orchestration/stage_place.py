"""Where the stages of an environment run: what every such place offers to Airflow's tasks.

There are two: processes on Airflow's machine (``process_place``) and pods (``pod_place``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from readiness.clients.home import Home
from readiness.model.evidence import RUN_SCOPE, StageRef

if TYPE_CHECKING:
    from airflow.sdk import Context


class TaskLog(Protocol):
    """The log of a task."""

    def info(self, event: str, /, *args: Any) -> Any: ...

    def warning(self, event: str, /, *args: Any) -> Any: ...


@dataclass(frozen=True)
class StageCall:
    """One stage to be executed. ``arguments``: what else the command line of ``readiness stage`` gets."""

    stage: str
    run_id: str
    scenario: str | None = None
    arguments: tuple[str, ...] = ()

    @property
    def ref(self) -> StageRef:
        """Where the stage leaves its evidence."""
        return StageRef(self.scenario or RUN_SCOPE, self.stage)

    @property
    def command(self) -> list[str]:
        """The arguments of ``readiness``. Values are joined by "=", so that none can pass for an option."""
        of_scenario = [f"--scenario={self.scenario}"] if self.scenario is not None else []
        return ["stage", self.stage.replace("_", "-"), f"--run={self.run_id}", *of_scenario, *self.arguments]


class RunningStage(Protocol):
    """A stage that a task has started."""

    def follow(self) -> None:
        """Until it has ended, with its lines in the task's log. Raises AirflowFailException when it failed, and
        AirflowException when it may be tried again."""
        ...

    def terminate(self) -> None:
        """The task is being killed: the stage is to clean up and end. Returns at once."""
        ...


class StagePlace(Protocol):
    """Where an environment's stages run."""

    def home(self) -> Home:
        """Where this process finds their evidence. Raises HomeError."""
        ...

    def task_options(self, stage: str) -> Mapping[str, Any]:
        """Airflow's options of the stage's task: how long it may take, how often it is tried."""
        ...

    def prepare(self, call: StageCall, context: "Context", log: TaskLog) -> RunningStage:
        """The stage, not yet begun."""
        ...
