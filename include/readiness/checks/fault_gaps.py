"""Gaps that the drill itself made: a replica that it held down or paused has no metrics then, and must not have any."""

import numpy as np
from numpy.typing import NDArray

from readiness.model.dataset import ScenarioEvidence

Times = NDArray[np.int64]
S = 1_000_000_000


def with_drill(evidence: ScenarioEvidence, times: dict[str, Times]) -> dict[str, Times]:
    """``times`` (replica -> ascending times of its samples) with a mark each second while a fault had the replica down,
    from the injection until the target was healthy again; so a gap then is none, and one outside of it still is."""
    found = dict(times)
    for step in (evidence.drill or {}).get("steps", []):
        end_ns = step["healthy_ns"] or evidence.clock.phase("measure").end_ns
        if step["injected_ns"] is None:
            continue
        marks = np.arange(int(step["injected_ns"]), int(end_ns) + S, S, dtype=np.int64)
        for replica in {str(victim["replica"]) for victim in step["victims"]}:
            found[replica] = np.unique(np.concatenate([found.get(replica, np.empty(0, dtype=np.int64)), marks]))
    return found
