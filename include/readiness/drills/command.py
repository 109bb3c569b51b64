"""Faults that the environment file names as commands: for a target whose processes are not ours to signal."""

from readiness.clients.fault_command import FaultCommandError, execute
from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status, Victim
from readiness.model.drill import Command
from readiness.model.environment import FaultCommands


class CommandFault:
    """The fault's ``inject`` command and, where it lasts, its ``restore`` command."""

    def __init__(self, step: Command, around: Surroundings) -> None:
        self._step = step
        self._commands = around.commands.get(step.fault)
        self.victims: list[Victim] = []
        """Nobody: who is hit is known to the commands alone."""

    def describe(self) -> str:
        lasts = "" if self._step.lasts is None else f" for {self._step.lasts:g} s"
        return f"{self._step.fault} on {self._step.component}{lasts}"

    def _known(self) -> FaultCommands:
        if self._commands is None:
            raise DrillError(
                f"{self.describe()}: the environment file names no fault {self._step.fault!r} under faults"
            )
        if self._step.lasts is not None and not self._commands.restore:
            raise DrillError(f"{self.describe()}: it lasts, and the environment file names no restore command for it")
        return self._commands

    def arm(self, status: Status) -> None:  # noqa: ARG002  the commands know whom they hit
        self._known()

    def aim(self) -> None:
        """The commands know whom they hit."""

    def leftover(self) -> Leftover | None:
        if self._step.lasts is None:
            return None
        return {"kind": "command", "command": list(self._known().restore)}

    def inject(self) -> None:
        self._run(self._known().inject)

    def hold(self) -> None:
        """It stays as it is."""

    def restore(self) -> None:
        self._run(self._known().restore)

    def _run(self, command: tuple[str, ...]) -> None:
        run(command, self.describe())


def run(command: tuple[str, ...], what: str) -> None:
    """Execute it. Raises DrillError with its own reason."""
    try:
        execute(command)
    except FaultCommandError as error:
        raise DrillError(f"{what}: {error}") from error
