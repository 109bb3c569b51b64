"""Leaks: the trend of memory and CPU of each replica in the measured phase, and the worst of them."""

from collections.abc import Iterable, Mapping
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
from readiness.model.trend import ReplicaTrend, Trends

SHORTEST_S = 300.0
"""A shorter time cannot tell a leak from warming up."""

MEMORY, CPU, STARTED = "process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"
OF_TREES = {"process_tree_private_bytes": MEMORY, "process_tree_cpu_seconds_total": CPU}
"""What the observer reads itself of a process and its children, where a component serves no metrics (PostgreSQL)."""
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

    @property
    def step_s(self) -> float:
        """The usual time between two samples."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0


def leak_slope(evidence: ScenarioEvidence, what: What, confidence: float) -> Measurement:
    """Slope of the worst replica, in bytes/h or cores/h; n: its number of samples.

    Each replica is judged over its longest time without a restart (a counter that fell, or another start time), and
    restarts are noted. A replica that came or went during the load and was there too briefly is noted, too. With k
    replicas each interval is built for 1 - (1 - confidence) / k (Bonferroni), so that
    [largest low, largest high] covers the largest of the true slopes with at least the confidence asked.
    The note states the smallest leak that would have been seen: the width of the widest interval. An interval that
    covers a slope of at least its own width lies wholly above 0, so a leak of that size shows with at least the
    confidence asked.
    No value if a replica has no samples, or none of SHORTEST_S without a restart: then leaks were not judged, which the
    note says together with the slope that such a time can just tell from none.
    """
    series = _series(evidence)
    expected, brief = _judged_replicas(evidence, series)
    missing = [name for name in expected if name not in series]
    if missing or not expected:
        return Measurement(None, None, 0, f"no samples of {', '.join(missing) or 'any replica'}")
    each = 1 - (1 - confidence) / len(expected)
    lives = {name: _longest_life(series[name], what) for name in expected}
    slopes = {name: _slope(lives[name], what, each) for name in expected}
    restarted = [f"{name} restarted {life.restarts} times" for name, life in lives.items() if life.restarts]
    restarted += [f"{', '.join(brief)} came or went, too briefly there to be judged"] * bool(brief)
    shortest = min(lives, key=lambda name: lives[name].length_s)
    length_s = lives[shortest].length_s
    if length_s + 2 * lives[shortest].step_s < SHORTEST_S:
        note = f"leaks were not judged: {shortest} was observed for {length_s:.0f} s on end, a trend needs " \
               f"{SHORTEST_S:.0f} s"  # fmt: skip
        return Measurement(None, None, 0, "; ".join([note + _smallest_seen(slopes.values(), what), *restarted]))
    found = {name: slope for name, slope in slopes.items() if slope is not None}
    if len(found) < len(slopes):
        return Measurement(None, None, 0, f"too few samples of {', '.join(sorted(set(slopes) - set(found)))}")
    worst = max(found, key=lambda name: (found[name].value, name))
    low, high = (max(getattr(slope.interval, end) for slope in found.values()) for end in ("low", "high"))
    note = "; ".join([f"worst replica {worst}", _seen(found.values(), what), *restarted])
    return Measurement(found[worst].value, Interval(low, high, confidence), len(lives[worst].values), note)


def _judged_replicas(evidence: ScenarioEvidence, series: Mapping[str, pd.DataFrame]) -> tuple[list[str], list[str]]:
    """The replicas whose memory is measured and that were there long enough; those that came or went and were not."""
    expected: list[str] = []
    brief: list[str] = []
    for target in evidence.observe["targets"]:
        if not target.get("memory", target["metrics"]):
            continue
        name = str(target["replica"])
        times_ns = series[name].index if name in series else pd.Index([])
        moved = target.get("joined_ns") is not None or target.get("left_ns") is not None
        length_s = (int(times_ns[-1]) - int(times_ns[0])) / 1e9 if len(times_ns) else 0.0
        (brief if moved and length_s < SHORTEST_S else expected).append(name)
    return expected, brief


def _series(evidence: ScenarioEvidence) -> dict[str, pd.DataFrame]:
    """For each replica its samples of the measured phase: a row a tick, a column a metric."""
    phase, rows = evidence.clock.phase("measure"), evidence.metrics
    rows = rows[rows["metric"].isin([MEMORY, CPU, STARTED, *OF_TREES])]
    rows = rows[(rows["time_ns"] >= phase.start_ns) & (rows["time_ns"] < phase.end_ns)]
    rows = rows.assign(replica=rows["replica"].astype("str"), metric=rows["metric"].astype("str").replace(OF_TREES))
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


def trends(evidence: ScenarioEvidence, confidence: float = 0.95) -> Trends:
    """The slope of each replica that was observed for long enough, each with an interval of this confidence."""
    return Trends(memory=_each(evidence, "memory", confidence), cpu=_each(evidence, "cpu", confidence))


def _each(evidence: ScenarioEvidence, what: What, confidence: float) -> tuple[ReplicaTrend, ...]:
    found = []
    for name, samples in sorted(_series(evidence).items()):
        life = _longest_life(samples, what)
        slope = _slope(life, what, confidence)
        if slope is not None and life.length_s + 2 * life.step_s >= SHORTEST_S:
            found.append(ReplicaTrend(name, slope.value, slope.interval))
    return tuple(found)


def _widest(slopes: Iterable[Slope | None]) -> float | None:
    return max((slope.interval.high - slope.interval.low for slope in slopes if slope is not None), default=None)


def _seen(slopes: Iterable[Slope | None], what: What) -> str:
    width = _widest(slopes)
    return "" if width is None else f"a leak of {show(width, _DIMENSION[what])} or more would have been seen"


def _smallest_seen(slopes: Iterable[Slope | None], what: What) -> str:
    width = _widest(slopes)
    # A series so short that it never changed has an interval without width, which says nothing of what it could see.
    return "" if not width else f"; slopes below about {show(width, _DIMENSION[what])} would have stayed hidden"
