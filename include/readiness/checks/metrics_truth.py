"""Whether the metrics can be what a living process counted: counters that move, and that never fall in one life.

Metrics that stand still make every slope zero and every queue empty; a counter that begins anew without a new process
hides what was counted before.
"""

from collections.abc import Iterable

import pandas as pd

from readiness.checks.completeness import METRICS, Expected, S, verdict_of
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import DataCheck

_COUNTER = "_total"
_STARTED = "process_start_time_seconds"
_IDLE_S = 60.0
"""A component without load still spends processor time when its metrics are read: a minute of that shows."""
_UNDER_LOAD_GAPS = 2
"""How many times the largest gap the counters of a replica under load may stand still."""


def counters_move(evidence: ScenarioEvidence, expected: Expected) -> Iterable[DataCheck]:
    """No replica answers with the same counters again and again while the load lasts."""
    rows = _counters(evidence)
    wrong = []
    for (component, replica), part in rows.groupby(["component", "replica"], sort=True):
        under_load = component == expected.under_load
        longest_s = _UNDER_LOAD_GAPS * expected.max_gap_s if under_load else max(_IDLE_S, expected.max_gap_s)
        still_s = _longest_still_s(part)
        if still_s > longest_s:
            wrong.append(f"{replica}: no counter moved for {still_s:.1f} s")
    words = "counters that move: a replica's metrics must not be the same again and again under load"
    yield verdict_of(METRICS, "counters move", words, wrong, f"{rows['replica'].nunique()} replicas")


def counters_never_fall(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """No counter falls unless the process says that it was started anew."""
    rows = _counters(evidence)
    started = evidence.metrics[evidence.metrics["metric"] == _STARTED]
    starts = started.drop_duplicates(["replica", "time_ns"]).set_index(["replica", "time_ns"])["value"]
    life = starts.groupby(level="replica").diff().fillna(0).ne(0).groupby(level="replica").cumsum()
    rows = rows.assign(life=life.reindex(pd.MultiIndex.from_frame(rows[["replica", "time_ns"]])).to_numpy())
    rows["life"] = rows.groupby("replica")["life"].ffill().fillna(0)
    fell = rows.groupby(["replica", "life", "metric", "labels"], sort=False)["value"].diff() < 0
    falls = rows.loc[fell, ["replica", "metric"]].astype("str")
    names = (falls["replica"] + " " + falls["metric"]).value_counts().sort_index()
    wrong = [f"{name} fell {times} times in one life of its process" for name, times in names.items()]
    yield verdict_of(
        METRICS, "counters never fall", "counters that only rise while a process lives", wrong, "none fell"
    )


def _counters(evidence: ScenarioEvidence) -> pd.DataFrame:
    """The samples of the measured phase of everything that is named as a counter, in the order of time."""
    phase, rows = evidence.clock.phase("measure"), evidence.metrics
    inside = (rows["time_ns"] >= phase.start_ns) & (rows["time_ns"] < phase.end_ns)
    rows = rows[inside & rows["metric"].str.endswith(_COUNTER)]
    # As the observer writes them they are in order, and stay where they are.
    return rows if rows["time_ns"].is_monotonic_increasing else rows.sort_values("time_ns", kind="stable")


def _longest_still_s(rows: pd.DataFrame) -> float:
    """The longest time between two samples of one replica between which no counter moved; a time without samples is a
    gap, and not looked at here."""
    sums = rows.groupby("time_ns")["value"].sum()
    run = sums.diff().ne(0).cumsum()
    times = sums.index.to_series()
    spans = times.groupby(run).max() - times.groupby(run).min()
    return float(spans.max()) / S if len(spans) else 0.0
