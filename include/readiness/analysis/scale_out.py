"""Scaling out under load: how long it took until there were more replicas, all of them ready."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.analysis.bound import AtLeast
from readiness.analysis.readings import Readings
from readiness.model.dataset import ScenarioEvidence
from readiness.model.interval import Interval
from readiness.model.result import Measurement


def ready_replicas(evidence: ScenarioEvidence) -> "pd.DataFrame":
    """For each tick (index, epoch ns) and each component that serves metrics (columns) the number of ready replicas."""
    rows = evidence.health[evidence.health["ready"]]
    ticks = pd.Index(np.unique(evidence.health["time_ns"].to_numpy(np.int64)), name="time_ns")
    counts = rows.groupby(["time_ns", "component"]).size().unstack(fill_value=0)
    return counts.reindex(ticks, fill_value=0)


def scale_out_time(readings: Readings, _: str | None, __: float) -> Measurement:
    """Seconds from the start of the load - of its warm-up, which already has the whole rate - to the first tick of the
    observation at which every replica that had appeared by then was ready.

    The interval reaches back to the tick before the first one of the last of them that was ready: it came up some time
    between. No replica that appeared: AtLeast the time that was observed under load, for it may have come later.
    n: replicas that appeared by then.
    """
    evidence = readings.evidence
    start_ns, end_ns = evidence.clock.phases[0].start_ns, evidence.clock.phases[-1].end_ns
    joined = [str(item["replica"]) for item in evidence.observe["targets"] if item.get("joined_ns") is not None]
    health = evidence.health[evidence.health["replica"].isin(joined) & (evidence.health["time_ns"] < end_ns)]
    ticks_ns = np.unique(health["time_ns"].to_numpy(np.int64))
    seen = [name for name in joined if (health["replica"] == name).any()]
    loaded_s = (end_ns - start_ns) / 1e9
    if not seen:
        return AtLeast(None, None, 0, f"no replica appeared in {loaded_s:.0f} s of load", bound=loaded_s)
    done_ns = _first_all_ready(health, ticks_ns)
    if done_ns is None:
        note = f"{', '.join(sorted(seen))} appeared and never were all ready in {loaded_s:.0f} s of load"
        return AtLeast(None, None, 0, note, bound=loaded_s)
    there = sorted(str(name) for name in health.loc[health["time_ns"] == done_ns, "replica"].unique())
    low_ns = max(start_ns, _not_yet(evidence, there, done_ns))
    value_s, low_s = (done_ns - start_ns) / 1e9, (low_ns - start_ns) / 1e9
    if value_s < 0:
        return Measurement(None, None, len(there), "replicas were added before the load began")
    # The bounds hold for certain, whatever the confidence asked for.
    return Measurement(value_s, Interval(low_s, value_s, 1.0), len(there), f"{', '.join(there)} added")


def _first_all_ready(health: pd.DataFrame, ticks_ns: NDArray[np.int64]) -> int | None:
    """The first tick at which all replicas that were sampled are ready."""
    every = health.groupby("time_ns")["ready"].all().reindex(ticks_ns, fill_value=False)
    ready = np.flatnonzero(every.to_numpy())
    return int(ticks_ns[ready[0]]) if len(ready) else None


def _not_yet(evidence: ScenarioEvidence, names: list[str], done_ns: int) -> int:
    """The last tick before ``done_ns`` at which one of the replicas had not been seen ready; a replica is found only
    when the status is asked, so it may have been ready since the question before."""
    health = evidence.health
    found_ns = [int(t["joined_ns"]) for t in evidence.observe["targets"] if str(t["replica"]) in names]
    unready = health[health["replica"].isin(names) & ~health["ready"] & (health["time_ns"] < done_ns)]
    if len(unready):
        return int(unready["time_ns"].max())
    return max(found_ns) - round(float(evidence.observe.get("discovery_s") or 0.0) * 1e9)
