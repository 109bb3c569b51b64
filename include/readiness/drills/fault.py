"""What every kind of fault offers, and what it may ask of its surroundings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.drills.victims import Hit, Status
from readiness.model.environment import FaultCommands

Leftover = dict[str, Any]
"""What takes a fault back, as plain JSON: ``kind`` names the way (``catalogue.take_back``)."""


@dataclass(frozen=True)
class Surroundings:
    """``status``: asks the target for its status now; ``taken``: the replicas that other faults of this drill hold
    down now, who are no victims again; ``commands``: of the faults that the environment file names; ``cluster``: where
    the target is, None for processes of this machine."""

    status: Callable[[], Status]
    taken: Callable[[], frozenset[str]]
    commands: Mapping[str, FaultCommands] = field(default_factory=dict)
    cluster: Kubectl | None = None


class Fault(Protocol):
    """One fault, once: arm >> inject >> hold ... >> restore. Each raises DrillError, in words, if it cannot."""

    @property
    def victims(self) -> Sequence[Hit]:
        """Everybody who was hit so far."""

    def describe(self) -> str:
        """What it does, for people: "kill automation-0 (KILL)"."""

    def arm(self, status: Status) -> None:
        """Refuse what could not be injected or not be taken back; nothing is changed."""

    def aim(self) -> None:
        """Decide who is hit, shortly before it is due."""

    def leftover(self) -> Leftover | None:
        """What would be left if this process died after ``inject``; None for a fault that leaves nothing."""

    def inject(self) -> None:
        """Put it in place; when this returns, it is."""

    def hold(self) -> None:
        """Called again and again while it lasts, to keep it in place."""

    def restore(self) -> None:
        """Take it back; fine when it is gone already."""
