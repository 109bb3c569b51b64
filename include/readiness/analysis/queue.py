"""The queue of the platform over time: its depth, and how long it takes to come back after the load."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.analysis.bound import AtLeast
from readiness.analysis.metrics_clock import metrics_off_ns
from readiness.model.dataset import ScenarioEvidence
from readiness.model.interval import Interval
from readiness.model.quantity import Dimension, show
from readiness.model.result import Measurement

DEPTH = "phantommesh_queue_depth"


def _depth(evidence: ScenarioEvidence) -> "pd.Series[float]":
    """Depth at each tick (index: epoch ns), ascending. Each replica reports its view of the whole, so the largest of
    them counts: one that cannot see must not hide what another sees.

    Prometheus scrapes each replica at a time of its own. There a tick is as long as its interval, so that each replica
    is in it, and is said to be at the last of its samples."""
    rows = evidence.metrics[evidence.metrics["metric"] == DEPTH]
    step_ns = _step_ns(evidence)
    if step_ns and len(rows):
        tick = (rows["time_ns"] - rows["time_ns"].min()) // step_ns
        rows = rows.assign(time_ns=rows.groupby(tick)["time_ns"].transform("max"))
    depth: pd.Series[float] = rows.groupby("time_ns")["value"].max().sort_index()
    return depth


def _step_ns(evidence: ScenarioEvidence) -> int:
    """The interval of Prometheus; 0 where the observer scraped all replicas at once."""
    return round(float(evidence.collect.get("metrics", {}).get("interval_s") or 0.0) * 1e9)


def _loose_s(evidence: ScenarioEvidence) -> float:
    """By how much a tick may have been another time than it says: the samples of Prometheus are spread over its
    interval, and timed by its own clock."""
    step_ns = _step_ns(evidence)
    return (step_ns + metrics_off_ns(evidence)) / 1e9 if step_ns else 0.0


def queue_depths(evidence: ScenarioEvidence) -> NDArray[np.float64]:
    """Depth at each tick of the measured phase."""
    phase, depth = evidence.clock.phase("measure"), _depth(evidence)
    at_ns = depth.index.to_numpy(np.int64)
    values = np.asarray(depth, dtype=np.float64)
    return values[(at_ns >= phase.start_ns) & (at_ns < phase.end_ns)]


def _highest(evidence: ScenarioEvidence) -> str:
    """How far the queue rose under load, in words: expected of a burst, and no objective."""
    depths = queue_depths(evidence)
    return f"at most {show(float(depths.max()), Dimension.COUNT)} under load" if len(depths) else "not seen under load"


def queue_recovery(evidence: ScenarioEvidence) -> Measurement:
    """Seconds from the end of the measured phase to the first tick from which on the queue stays at or below its
    level before the load; the interval reaches back to the tick before, for the queue was back some time between, and
    is as much wider as ticks are uncertain.

    The level before is the median of the ticks ahead of the first phase; without any it is 0, an empty queue, which
    can only make the time longer. Not back at the last tick: AtLeast the time that was observed.
    """
    depth = _depth(evidence)
    at_ns, values = depth.index.to_numpy(np.int64), depth.to_numpy(np.float64)
    end_ns = evidence.clock.phase("measure").end_ns
    before = values[at_ns < min(phase.start_ns for phase in evidence.clock.phases)]
    level = float(np.median(before)) if len(before) else 0.0
    after = at_ns >= end_ns
    n = int(after.sum())
    if n == 0:
        return Measurement(None, None, 0, "the queue was not observed after the measured phase")
    ticks_s, above = (at_ns[after] - end_ns) / 1e9, np.flatnonzero(values[after] > level)
    note = f"level before {show(level, Dimension.COUNT)}, {_highest(evidence)}"
    if len(above) and above[-1] == n - 1:
        last = show(float(values[after][-1]), Dimension.COUNT)
        return AtLeast(None, None, n, f"{note}, still {last} when the observation ended", bound=float(ticks_s[-1]))
    back = int(above[-1]) + 1 if len(above) else 0
    low = float(ticks_s[back - 1]) if back else 0.0
    loose_s = _loose_s(evidence)
    # The bounds hold for certain, whatever the confidence asked for.
    ends = Interval(max(0.0, low - loose_s), float(ticks_s[back]) + loose_s, 1.0)
    return Measurement(float(ticks_s[back]), ends, n, note)
