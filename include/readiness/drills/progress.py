"""What became of each fault so far, as ``drill.json`` has it (docs/archive.md)."""

from dataclasses import dataclass, field
from typing import Any

from readiness.drills.fault import Fault
from readiness.model.drill import DrillStep


@dataclass
class StepProgress:
    """One fault on its way; times are epoch ns on the load's clock, None: not yet, or never. ``unhealthy_ns``: the last
    look at which the target was not healthy. ``key``: its entry in the journal."""

    index: int
    step: DrillStep
    fault: Fault
    due_ns: int
    injected_ns: int | None = None
    in_place_ns: int | None = None
    restored_ns: int | None = None
    unhealthy_ns: int | None = None
    healthy_ns: int | None = None
    aimed: bool = False
    key: str | None = field(default=None, repr=False)
    error: str = ""

    @property
    def in_place(self) -> bool:
        """Whether the fault may be in place now."""
        return self.injected_ns is not None and self.restored_ns is None

    @property
    def over(self) -> bool:
        """Whether nothing is left to do or to watch."""
        return self.healthy_ns is not None

    def facts(self) -> dict[str, Any]:
        """The step in ``drill.json``."""
        victims = [item.facts() for item in self.fault.victims]
        return {
            "index": self.index, "action": self.step.action, "describe": self.fault.describe(),
            "components": list(self.step.components), "for_s": self.step.lasts_s, "victims": victims,
            "due_ns": self.due_ns, "injected_ns": self.injected_ns, "in_place_ns": self.in_place_ns,
            "restored_ns": self.restored_ns, "unhealthy_ns": self.unhealthy_ns, "healthy_ns": self.healthy_ns,
            "error": self.error,
        }  # fmt: skip
