"""The time in which a fault of the drill may show: outside of it the platform must be as good as without one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readiness.model.dataset import ScenarioEvidence


@dataclass(frozen=True)
class FaultWindow:
    """Epoch ns, ``end_ns`` inclusive. ``healed`` False: the platform was not seen whole again, so the window has no end
    within the load."""

    start_ns: int
    end_ns: int
    healed: bool

    def holds(self, times_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each time whether it lies in the window."""
        return (times_ns >= self.start_ns) & (times_ns <= self.end_ns)


def fault_window(evidence: ScenarioEvidence) -> FaultWindow | None:
    """From the first injection to the last time at which everything was healthy again after a step; None without a
    drill, or if nothing was injected."""
    steps = (evidence.drill or {}).get("steps") or ()
    injected = [int(step["injected_ns"]) for step in steps if step.get("injected_ns") is not None]
    if not injected:
        return None
    healthy = [step.get("healthy_ns") for step in steps if step.get("injected_ns") is not None]
    healed = [int(at_ns) for at_ns in healthy if at_ns is not None]
    if len(healed) < len(injected):
        return FaultWindow(min(injected), int(np.iinfo(np.int64).max), healed=False)
    return FaultWindow(min(injected), max(healed), healed=True)
