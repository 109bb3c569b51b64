"""Every metric of the catalogue from evidence whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_faults import (
    some_events,
    with_duplicate_deliveries,
    with_errors,
    with_not_ready,
    with_slow_tail,
    with_unknown_events,
    without_audit,
    without_deliveries,
)
from readiness.analysis.bound import AtLeast
from readiness.analysis.measure import MEASURES, measure
from readiness.analysis.queue import DEPTH
from readiness.analysis.trend import CPU, MEMORY, STARTED
from readiness.model.dataset import ScenarioEvidence
from readiness.model.metric import CATALOGUE
from readiness.model.result import Measurement
from synthetic_evidence import S, steady_evidence


@pytest.fixture(scope="module")
def clean() -> ScenarioEvidence:
    return steady_evidence()


@pytest.fixture(scope="module")
def long() -> ScenarioEvidence:
    return steady_evidence(rate_per_s=1, measure_s=1200)


def of(evidence: ScenarioEvidence, metric: str, statistic: str | None = None) -> Measurement:
    return measure(metric, statistic, 0.95, evidence)


def with_series(
    evidence: ScenarioEvidence, replica: str, metric: str, per_hour: float, *, reset_at_s: float | None = None
) -> ScenarioEvidence:
    """A ramp added to a series from its start on; at ``reset_at_s`` of the measured phase it starts from 0 again."""
    metrics = evidence.metrics.copy()
    hit = (metrics["replica"] == replica) & (metrics["metric"] == metric)
    age_s = (metrics.loc[hit, "time_ns"] - metrics.loc[hit, "time_ns"].min()) / S
    ramp = per_hour * age_s**2 / 3600 / 2 if metric == CPU else per_hour * age_s / 3600
    values = metrics.loc[hit, "value"] + ramp
    if reset_at_s is not None:
        at_ns = evidence.clock.phase("measure").start_ns + reset_at_s * S
        after = metrics.loc[hit, "time_ns"] >= at_ns
        values = values.where(~after, values - values[after].iloc[0])
    metrics.loc[hit, "value"] = values
    return replace(evidence, metrics=metrics)


def with_queue(evidence: ScenarioEvidence, depth_at: dict[int, float]) -> ScenarioEvidence:
    """Queue depth 0 but at the given seconds after the end of the measured phase."""
    metrics = evidence.metrics.copy()
    hit = metrics["metric"] == DEPTH
    seconds = (metrics["time_ns"] - evidence.clock.phase("measure").end_ns) // S
    metrics.loc[hit, "value"] = seconds[hit].map(depth_at).fillna(0.0)
    return replace(evidence, metrics=metrics)


WITHOUT_METHOD: set[str] = set()


def test_every_metric_has_exactly_one_method() -> None:
    assert set(MEASURES) == set(CATALOGUE) - WITHOUT_METHOD


@pytest.mark.parametrize("metric", CATALOGUE)
def test_clean_evidence_measures_every_metric_that_it_can(clean: ScenarioEvidence, metric: str) -> None:
    for statistic in CATALOGUE[metric].statistics or (None,):
        found = of(clean, metric, statistic)
        # No fault and no probe, no replica that was added, too short for a trend.
        beside = CATALOGUE[metric].stage not in ("load", "observe", "collect")
        cannot = beside or metric in WITHOUT_METHOD or metric == "scale_out_time" or metric.endswith("_slope")
        assert (found.value is None) is cannot
        assert found.note or not cannot


@pytest.mark.parametrize("metric", sorted(MEASURES))
def test_the_same_evidence_gives_the_same_measurement(metric: str) -> None:
    statistic = "p95" if CATALOGUE[metric].statistics else None
    first, second = (of(steady_evidence(measure_s=320, rate_per_s=2), metric, statistic) for _ in range(2))
    assert first == second


def test_latency_counts_from_the_intended_time_in_the_measured_phase_only(clean: ScenarioEvidence) -> None:
    measured = clean.requests[clean.requests["phase"] == "measure"]
    taken_s = np.sort((measured["done_ns"] - measured["intended_ns"]).to_numpy(float) / 1e9)
    found = of(clean, "accept_latency", "p95")
    assert found.value == pytest.approx(taken_s[569], abs=1e-9)
    assert found.n == 600
    slow = clean.requests.copy()
    slow.loc[slow["phase"] == "warmup", "done_ns"] += S
    assert of(replace(clean, requests=slow), "accept_latency", "max") == of(clean, "accept_latency", "max")


def test_a_slow_tail_shows(clean: ScenarioEvidence) -> None:
    found = of(with_slow_tail(clean, 0.10, 300), "accept_latency", "p95")
    assert found.value == pytest.approx(0.3)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(0.3)


@pytest.mark.parametrize("status", [0, 503])
def test_failed_requests_do_not_make_percentiles_look_better(clean: ScenarioEvidence, status: int) -> None:
    failed = with_errors(clean, some_events(clean, 60), status=status)
    found = of(failed, "accept_latency", "p95")
    assert isinstance(found, AtLeast)
    assert "60 of 600 requests without success" in found.note
    assert of(failed, "accept_latency", "p50").interval is not None


def test_errors_are_counted_and_shared(clean: ScenarioEvidence) -> None:
    failed = with_errors(clean, some_events(clean, 6))
    assert of(failed, "request_errors") == Measurement(6, None, 600)
    assert of(failed, "error_rate").value == pytest.approx(0.01)
    assert of(failed, "availability").value == pytest.approx(0.99)
    interval = of(clean, "error_rate").interval
    assert interval is not None
    assert (interval.low, interval.high) == (0, pytest.approx(1 - 0.025 ** (1 / 600)))


def test_achieved_rate_is_what_was_sent_per_time(clean: ScenarioEvidence) -> None:
    assert of(clean, "achieved_rate").value == pytest.approx(20)


def test_achieved_load_is_what_was_sent_of_what_was_scheduled(clean: ScenarioEvidence) -> None:
    assert of(clean, "achieved_load").value == 1
    cut = clean.requests.drop(clean.requests.index[-60:])
    assert of(replace(clean, requests=cut), "achieved_load").value == pytest.approx(0.9)
    stopped = clean.requests.copy()
    stopped.loc[stopped.index[-6:], ["status", "error", "done_ns"]] = [0, "stopped", None]
    assert of(replace(clean, requests=stopped), "achieved_load").value == pytest.approx(0.99)


def test_the_ledger_metrics_count_what_was_planted(clean: ScenarioEvidence) -> None:
    ids = some_events(clean, 5, due=True)
    alerts = int(clean.deliveries["event_id"].isin(ids).sum())
    assert of(without_audit(clean, ids), "events_lost").value == 5
    assert of(with_unknown_events(clean, 3), "events_unexpected").value == 3
    assert of(without_deliveries(clean, ids), "alerts_undelivered").value == alerts
    assert of(with_duplicate_deliveries(clean, ids), "alerts_duplicated").value == alerts
    for metric in ("events_lost", "events_unexpected", "alerts_undelivered", "alerts_duplicated"):
        assert of(clean, metric).value == 0


def test_nothing_acknowledged_is_not_zero_lost(clean: ScenarioEvidence) -> None:
    refused = with_errors(clean, clean.requests["event_id"].tolist())
    for metric in ("events_lost", "events_unexpected", "alerts_undelivered", "alerts_duplicated"):
        assert of(refused, metric).value is None


def test_end_to_end_ends_with_the_last_due_channel(clean: ScenarioEvidence) -> None:
    rows = clean.deliveries.merge(clean.requests[clean.requests["phase"] == "measure"], on="event_id")
    last = rows.groupby("event_id").agg({"received_at_ns": "max", "intended_ns": "first"})
    taken_s = (last["received_at_ns"] - last["intended_ns"]) / 1e9
    found = of(clean, "end_to_end_latency", "max")
    assert found.n == len(last)
    assert found.value == pytest.approx(taken_s.max(), abs=1e-9)
    late = clean.deliveries.copy()
    late.loc[late["event_id"].isin(last.index) & (late["channel"] == "pagerduty"), "received_at_ns"] += S
    assert of(replace(clean, deliveries=late), "end_to_end_latency", "max").value > 1  # type: ignore[operator]


def test_a_repeated_delivery_does_not_make_the_event_later(clean: ScenarioEvidence) -> None:
    again = with_duplicate_deliveries(clean, some_events(clean, 20, due=True))
    assert of(again, "end_to_end_latency", "max") == of(clean, "end_to_end_latency", "max")


def test_undelivered_and_unassessed_events_never_end(clean: ScenarioEvidence) -> None:
    due = some_events(clean, 30, due=True)
    for faulty in (without_deliveries(clean, due), without_audit(clean, some_events(clean, 60), ("assessed",))):
        found = of(faulty, "end_to_end_latency", "p95")
        assert isinstance(found, AtLeast)
        assert "did not all arrive" in found.note


def test_the_clock_offset_is_taken_off_and_its_uncertainty_widens(clean: ScenarioEvidence) -> None:
    ahead = clean.deliveries.assign(received_at_ns=clean.deliveries["received_at_ns"] + S)
    clock = {"kind": "measured", "offset_ns": S, "uncertainty_ns": 2_000_000}
    shifted = replace(clean, deliveries=ahead, collect=clean.collect | {"clock": clock})
    plain, found = of(clean, "end_to_end_latency", "p95"), of(shifted, "end_to_end_latency", "p95")
    assert found.value == plain.value
    assert found.interval is not None
    assert plain.interval is not None
    assert found.interval.low == pytest.approx(plain.interval.low - 0.002)
    assert found.interval.high == pytest.approx(plain.interval.high + 0.002)


def test_the_worst_replica_speaks_for_readiness(clean: ScenarioEvidence) -> None:
    found = of(with_not_ready(clean, "automation-1", 3), "replica_ready")
    assert found.value == pytest.approx(0.9)
    assert found.n == 30
    assert "worst replica automation-1: 3 of 30" in found.note
    assert of(clean, "replica_ready").value == 1
    assert of(with_not_ready(clean, "automation-1", 3, at_s=30), "replica_ready").value == 1


def test_a_replica_without_health_samples_leaves_no_value(clean: ScenarioEvidence) -> None:
    found = of(replace(clean, health=clean.health[clean.health["replica"] != "sink-0"]), "replica_ready")
    assert found.value is None
    assert "sink-0" in found.note


def test_queue_depth_is_what_the_replica_that_sees_most_says(clean: ScenarioEvidence) -> None:
    metrics = clean.metrics.copy()
    hit = (metrics["metric"] == DEPTH) & (metrics["replica"] == "automation-2")
    metrics.loc[hit, "value"] = 77
    assert of(replace(clean, metrics=metrics), "queue_depth", "p50").value == 77


def test_queue_recovery_is_bounded_by_two_ticks(clean: ScenarioEvidence) -> None:
    found = of(with_queue(clean, {0: 9, 1: 0, 2: 4}), "queue_recovery_time")
    assert found.value == pytest.approx(3.3)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (pytest.approx(2.3), pytest.approx(3.3))
    assert of(with_queue(clean, {}), "queue_recovery_time").value == pytest.approx(0.3)


def test_a_queue_that_never_came_back_took_at_least_what_was_observed(clean: ScenarioEvidence) -> None:
    found = of(with_queue(clean, {4: 1}), "queue_recovery_time")
    assert isinstance(found, AtLeast)
    assert found.bound == pytest.approx(4.3)
    assert "still 1" in found.note


@pytest.mark.parametrize(("metric", "name", "per_hour"), [("memory_slope", MEMORY, 3e6), ("cpu_slope", CPU, 0.1)])
def test_a_leak_of_one_replica_is_found(long: ScenarioEvidence, metric: str, name: str, per_hour: float) -> None:
    found = of(with_series(long, "automation-1", name, per_hour), metric)
    assert found.interval is not None
    assert found.interval.low <= per_hour <= found.interval.high
    assert found.interval.low > per_hour / 2
    assert "worst replica automation-1" in found.note


@pytest.mark.parametrize("metric", ["memory_slope", "cpu_slope"])
def test_no_leak_is_an_interval_around_zero(long: ScenarioEvidence, metric: str) -> None:
    interval = of(long, metric).interval
    assert interval is not None
    assert interval.low <= 0 <= interval.high or abs(interval.low) < 0.02


@pytest.mark.parametrize(("metric", "name"), [("memory_slope", MEMORY), ("cpu_slope", CPU)])
def test_a_short_phase_cannot_judge_leaks_and_says_what_it_would_miss(
    clean: ScenarioEvidence, metric: str, name: str
) -> None:
    found = of(with_series(clean, "automation-0", name, 1e9), metric)
    assert found.value is None
    assert "needs 300 s" in found.note
    assert "would have stayed hidden" in found.note


def test_a_short_series_that_never_changes_does_not_say_what_it_could_see(clean: ScenarioEvidence) -> None:
    still = clean.metrics.assign(value=clean.metrics["value"].where(clean.metrics["metric"] != MEMORY, 1e8))
    found = of(replace(clean, metrics=still), "memory_slope")
    assert "needs 300 s" in found.note
    assert "would have stayed hidden" not in found.note


def test_a_restart_cuts_the_series_and_is_noted(long: ScenarioEvidence) -> None:
    for name in (CPU, STARTED):
        restarted = with_series(long, "automation-1", name, 0, reset_at_s=500)
        found = of(with_series(restarted, "automation-1", MEMORY, 3e6), "memory_slope")
        assert "automation-1 restarted 1 times" in found.note
        assert found.value == pytest.approx(3e6, rel=0.2)
        cpu = of(restarted, "cpu_slope")
        assert cpu.value is not None
        assert abs(cpu.value) < 0.05


def test_restarts_that_leave_no_long_life_leave_no_verdict(long: ScenarioEvidence) -> None:
    restarted = long
    for at_s in (250, 500, 750, 1000):
        restarted = with_series(restarted, "automation-1", CPU, 0, reset_at_s=at_s)
    found = of(restarted, "cpu_slope")
    assert found.value is None
    assert "automation-1 restarted 4 times" in found.note


def test_a_replica_without_samples_leaves_no_slope(long: ScenarioEvidence) -> None:
    missing = replace(long, metrics=long.metrics[long.metrics["replica"] != "automation-2"])
    assert of(missing, "memory_slope").value is None
    assert "automation-2" in of(missing, "memory_slope").note
    none: pd.DataFrame = long.metrics[long.metrics["metric"] != MEMORY]
    assert of(replace(long, metrics=none), "memory_slope").value is None
