"""What is measured from samples that each replica has at times of its own is what was measured from common ticks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from prometheus_evidence import collected_evidence, facts_of, with_metrics_facts
from readiness.analysis.coverage import missing_s, usual_step_s
from readiness.analysis.measure import measure
from readiness.analysis.queue import queue_depths
from readiness.checks.completeness import Expected
from readiness.checks.data_checks import check_completeness
from readiness.model.dataset import COUNTERS, JUDGED_METRICS, ScenarioEvidence
from readiness.model.metric import CATALOGUE
from readiness.report.figures.resources import cpu_figure, memory_figure, queue_figure
from readiness.report.figures.timeline import timeline
from synthetic_evidence import COMPONENTS, MS, WITH_METRICS, S, source_of, steady_evidence

LONG = {"measure_s": 330.0, "rate_per_s": 5.0}
OF_METRICS = [name for name, metric in CATALOGUE.items() if "observe/metrics.parquet" in metric.evidence]


def with_depth(evidence: ScenarioEvidence, depth: dict[str, float]) -> ScenarioEvidence:
    """Each replica named reports this depth from 10 s before until 3 s after the end of the measured phase, 0 else."""
    rows, end_ns = evidence.metrics.copy(), evidence.clock.phase("measure").end_ns
    own = rows["metric"] == "phantommesh_queue_depth"
    high = own & (rows["time_ns"] >= end_ns - 10 * S) & (rows["time_ns"] < end_ns + 3 * S)
    rows.loc[own, "value"] = 0.0
    rows.loc[high, "value"] = rows.loc[high, "replica"].astype("str").map(lambda name: depth.get(name, 0.0))
    return replace(evidence, metrics=rows)


@pytest.mark.parametrize("metric", OF_METRICS)
def test_nothing_that_is_measured_needs_a_metric_that_is_not_collected(metric: str) -> None:
    whole = steady_evidence(**LONG)
    rows = whole.metrics
    few = replace(whole, metrics=rows[rows["metric"].isin(JUDGED_METRICS) | rows["metric"].str.endswith(COUNTERS)])
    assert len(few.metrics) < len(rows)
    statistic = "p99" if CATALOGUE[metric].statistics else None
    assert measure(metric, statistic, 0.95, few) == measure(metric, statistic, 0.95, whole)
    assert measure(metric, statistic, 0.95, few).value is not None


def test_no_check_and_no_picture_needs_one_either() -> None:
    whole = steady_evidence(measure_s=60)
    rows = whole.metrics
    few = replace(whole, metrics=rows[rows["metric"].isin(JUDGED_METRICS) | rows["metric"].str.endswith(COUNTERS)])
    expected = Expected(5, COMPONENTS, WITH_METRICS, source_of(), under_load="automation")
    shown = [[(check.check, check.verdict) for check in check_completeness(item, expected)] for item in (few, whole)]
    assert shown[0] == shown[1]
    axis = timeline(whole, None)
    assert axis is not None
    assert timeline(few, None) == axis
    for draw in (cpu_figure, memory_figure, queue_figure):
        assert draw("key", few.metrics, axis) == draw("key", whole.metrics, axis)


def test_slopes_are_what_they_were() -> None:
    ticks, own = steady_evidence(**LONG), collected_evidence(**LONG)
    for metric in ("memory_slope", "cpu_slope"):
        one, other = measure(metric, None, 0.95, ticks), measure(metric, None, 0.95, own)
        assert one.interval is not None
        assert other.value is not None
        assert one.interval.low <= other.value <= one.interval.high


def test_a_replica_that_cannot_see_the_queue_hides_nothing() -> None:
    blind = {"automation-0": 50.0, "automation-1": 0.0, "automation-2": 50.0}
    for evidence in (steady_evidence(), collected_evidence()):
        depths = queue_depths(with_depth(evidence, blind))
        assert (depths[-8:] == 50).all()
        assert len(depths) == pytest.approx(30, abs=1)


@pytest.mark.parametrize("spread_ms", [0, 270, 330])
@pytest.mark.parametrize("seer", ["automation-0", "automation-1", "automation-2"])
def test_the_recovery_of_the_queue_is_within_its_interval_whoever_saw_it(spread_ms: int, seer: str) -> None:
    truth = measure("queue_recovery_time", None, 0.95, with_depth(steady_evidence(), {seer: 50.0}))
    found = measure(
        "queue_recovery_time", None, 0.95, with_depth(collected_evidence(spread_ms=spread_ms), {seer: 50.0})
    )
    assert truth.value is not None
    assert found.value is not None
    assert found.interval is not None
    assert found.interval.low <= 3.0 <= found.interval.high
    assert found.interval.high - found.interval.low <= 2 * (1.0 + 1.0 + 0.01)
    assert abs(found.value - truth.value) <= 1.0


def test_the_clock_of_prometheus_widens_what_depends_on_it() -> None:
    depth = {"automation-0": 9.0}
    exact, vague = (
        measure("queue_recovery_time", None, 0.95, with_depth(collected_evidence(uncertainty_ms=by), depth))
        for by in (0, 500)
    )
    assert exact.interval is not None
    assert vague.interval is not None
    measured_s = 0.0024  # counts where less was said
    assert vague.interval.high - exact.interval.high == pytest.approx(0.5 - measured_s)
    assert exact.interval.low - vague.interval.low == pytest.approx(0.5 - measured_s)


def test_so_does_what_was_measured_of_it_where_that_is_more() -> None:
    evidence = with_depth(collected_evidence(), {"automation-0": 9.0})
    clock = {"offset_ns": -20 * MS, "uncertainty_ns": 40 * MS}
    known = measure("queue_recovery_time", None, 0.95, evidence)
    found = measure("queue_recovery_time", None, 0.95, with_metrics_facts(evidence, clock=clock))
    assert known.interval is not None
    assert found.interval is not None
    assert found.interval.high - known.interval.high == pytest.approx(0.05)


def test_a_restart_seen_by_another_clock_at_the_edge_of_the_fault_is_of_the_fault() -> None:
    evidence = collected_evidence(measure_s=60, spread_ms=0, uncertainty_ms=100)
    start_ns = evidence.clock.phase("measure").start_ns
    rows = evidence.metrics.copy()
    own = (rows["replica"] == "automation-1") & (rows["metric"] == "process_start_time_seconds")
    seen_ns = int(rows.loc[own & (rows["time_ns"] > start_ns + 30 * S), "time_ns"].min())
    rows.loc[own & (rows["time_ns"] >= seen_ns), "value"] += 100.0
    step = {"injected_ns": seen_ns + 50 * MS, "healthy_ns": seen_ns + 2 * S}
    evidence = replace(evidence, metrics=rows, drill={"steps": [step]})
    assert measure("replica_ready_outside_fault", None, 0.95, evidence).value == 1.0
    nearer = replace(evidence, collect=evidence.collect | {"clock": evidence.collect["clock"] | {"uncertainty_ns": 0}})
    assert (measure("replica_ready_outside_fault", None, 0.95, nearer).value or 1.0) < 1.0


def test_coverage_is_the_time_without_long_gaps() -> None:
    seconds = [second * S for second in range(100)]
    assert missing_s(seconds, (0, 99 * S), 5.0) == 0.0
    assert missing_s([at for at in seconds if not 20 * S < at < 30 * S], (0, 99 * S), 5.0) == 10.0
    assert missing_s(seconds[:50], (0, 99 * S), 5.0) == 50.0
    assert missing_s([], (0, 3 * S), 5.0) == 3.0
    assert usual_step_s([seconds, [0, 7 * S]]) == 1.0
    assert usual_step_s([[1], []]) is None


def test_ticks_of_an_observer_are_as_they_were() -> None:
    evidence = steady_evidence()
    rows = evidence.metrics[evidence.metrics["metric"] == "phantommesh_queue_depth"]
    phase = evidence.clock.phase("measure")
    inside = rows[(rows["time_ns"] >= phase.start_ns) & (rows["time_ns"] < phase.end_ns)]
    expected = inside.groupby("time_ns")["value"].max()
    assert isinstance(expected, pd.Series)
    assert np.array_equal(queue_depths(evidence), expected.to_numpy())
    assert "metrics" not in evidence.collect
    assert facts_of(evidence, 1)["collect"]["metrics"]["count"] == 1
