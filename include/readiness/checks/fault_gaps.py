"""Gaps that are no fault of the evidence: of the drill itself - a replica that it held down or paused has no metrics
then, and must not have any - and of a Prometheus that has not found a new pod yet."""

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


def with_new_pods(evidence: ScenarioEvidence, times: dict[str, Times]) -> dict[str, Times]:
    """``times`` with a mark each second from when a pod became a replica until Prometheus scraped it, for at most as
    long as the environment says that takes. A pod that was one from the beginning is known."""
    facts, found = evidence.collect.get("metrics"), dict(times)
    if facts is None:
        return found
    for holding in evidence.observe.get("holdings", []):
        replica, since_ns = str(holding["replica"]), int(holding["since_ns"])
        if not since_ns:
            continue
        own = found.get(replica, np.empty(0, dtype=np.int64))
        later = own[own >= since_ns]
        end_ns = since_ns + round(float(facts["finds_within_s"]) * S)
        if len(later):
            end_ns = min(end_ns, int(later[0]))
        found[replica] = np.unique(np.concatenate([own, np.arange(since_ns, end_ns + S, S, dtype=np.int64)]))
    return found
