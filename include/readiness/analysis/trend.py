"""Leaks: the trend of memory and CPU of each replica in the measured phase, and the worst of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.analysis.slope import Slope, theil_sen
from readiness.model.dataset import ScenarioEvidence
from readiness.model.interval import Interval
from readiness.model.quantity import Dimension, show
from readiness.model.result import Measurement

SHORTEST_S = 300.0
"""A shorter time cannot tell a leak from warming up."""

MEMORY, CPU, STARTED = "process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"
What = Literal["memory", "cpu"]
_DIMENSION = {"memory": Dimension.BYTES_PER_HOUR, "cpu": Dimension.CORES_PER_HOUR}


@dataclass(frozen=True)
class _Life:
    """The longest time of a replica in the measured phase without a restart."""

    times_s: NDArray[np.float64]
    values: NDArray[np.float64]
    restarts: int

    @property
    def length_s(self) -> float:
        return float(self.times_s[-1] - self.times_s[0]) if len(self.times_s) else 0.0


def leak_slope(evidence: ScenarioEvidence, what: What, confidence: float) -> Measurement:
    """Slope of the worst replica, in bytes/h or cores/h; n: its number of samples.

    Each replica is judged over its longest time without a restart (a counter that fell, or another start time), and
    restarts are noted. With k replicas each interval is built for 1 - (1 - confidence) / k (Bonferroni), so that
    [largest low, largest high] covers the largest of the true slopes with at least the confidence asked.
    No value if a replica has no samples, or none of SHORTEST_S without a restart: the note then says which slope
    such a time can just tell from none.
    """
    series = _series(evidence)
    expected = [target["replica"] for target in evidence.observe["targets"] if target["metrics"]]
    missing = [name for name in expected if name not in series]
    if missing or not expected:
        return Measurement(None, None, 0, f"no samples of {', '.join(missing) or 'any replica'}")
    each = 1 - (1 - confidence) / len(expected)
    lives = {name: _longest_life(series[name], what) for name in expected}
    slopes = {name: _slope(lives[name], what, each) for name in expected}
    restarted = [f"{name} restarted {life.restarts} times" for name, life in lives.items() if life.restarts]
    shortest = min(lives, key=lambda name: lives[name].length_s)
    length_s = lives[shortest].length_s
    if length_s + 2 * float(evidence.observe["interval_s"]) < SHORTEST_S:
        note = f"{shortest} was observed for {length_s:.0f} s on end, a trend needs {SHORTEST_S:.0f} s"
        return Measurement(None, None, 0, "; ".join([note + _smallest_seen(slopes.values(), what), *restarted]))
    found = {name: slope for name, slope in slopes.items() if slope is not None}
    if len(found) < len(slopes):
        return Measurement(None, None, 0, f"too few samples of {', '.join(sorted(set(slopes) - set(found)))}")
    worst = max(found, key=lambda name: (found[name].value, name))
    low, high = (max(getattr(slope.interval, end) for slope in found.values()) for end in ("low", "high"))
    note = "; ".join([f"worst replica {worst}", *restarted])
    return Measurement(found[worst].value, Interval(low, high, confidence), len(lives[worst].values), note)


def _series(evidence: ScenarioEvidence) -> dict[str, pd.DataFrame]:
    """For each replica its samples of the measured phase: a row a tick, a column a metric."""
    phase, rows = evidence.clock.phase("measure"), evidence.metrics
    rows = rows[rows["metric"].isin([MEMORY, CPU, STARTED])]
    rows = rows[(rows["time_ns"] >= phase.start_ns) & (rows["time_ns"] < phase.end_ns)]
    wide = rows.pivot_table(index=["replica", "time_ns"], columns="metric", values="value", aggfunc="last")
    wide = wide.reindex(columns=[MEMORY, CPU, STARTED]).sort_index()
    return {str(name): part.droplevel("replica") for name, part in wide.groupby(level="replica")}


def _longest_life(samples: pd.DataFrame, what: What) -> _Life:
    fell = samples[CPU].ffill().diff() < 0
    other_start = samples[STARTED].ffill().diff().abs() > 1e-6
    life = (fell | other_start).cumsum()
    parts = [part for _, part in samples.groupby(life)]
    longest = max(parts, key=lambda part: part.index[-1] - part.index[0])
    column = longest[MEMORY if what == "memory" else CPU].dropna()
    times_s = (column.index.to_numpy(np.int64) - int(samples.index[0])) / 1e9
    values = column.to_numpy(np.float64)
    if what == "cpu":
        values, times_s = np.diff(values) / np.diff(times_s), (times_s[1:] + times_s[:-1]) / 2
    return _Life(times_s, values, len(parts) - 1)


def _slope(life: _Life, what: What, confidence: float) -> Slope | None:
    return theil_sen(life.times_s, life.values, confidence, mean_of_block=what == "cpu")


def _smallest_seen(slopes: Iterable[Slope | None], what: What) -> str:
    widths = [(slope.interval.high - slope.interval.low) / 2 for slope in slopes if slope is not None]
    return f"; slopes below about {show(max(widths), _DIMENSION[what])} would have stayed hidden" if widths else ""
