"""What the figures show is what the evidence holds: counted and ranked by hand on small cases."""

from dataclasses import replace

import numpy as np
import pandas as pd
import planted_faults
import pytest
import synthetic_evidence as synthetic
from readiness.analysis import latency
from readiness.analysis.events import number_events
from readiness.report.figures import draw_all, series
from readiness.report.figures.timeline import Timeline, natural, timeline
from unit.report import report_examples as examples

AXIS = Timeline(10**18, -2.0, 4.0, 6.0, (), (), ())


def test_quantiles_are_nearest_ranks_of_each_bin() -> None:
    at_s = np.array([0.1, 0.2, 0.3, 0.9, 2.5])
    values = np.array([40.0, 10.0, 30.0, 20.0, 7.0])
    middles, (low, high) = series.quantiles(at_s, values, [0.5, 0.99], AXIS, 1)
    shown = dict(zip(middles, zip(low, high, strict=True), strict=True))
    assert shown[0.5] == (20.0, 40.0)
    assert shown[2.5] == (7.0, 7.0)
    assert np.isnan(shown[1.5]).all()


def test_counts_are_per_second_whatever_the_width_of_a_bin() -> None:
    at_s = np.array([-1.5, 0.0, 0.5, 1.9, 3.0])
    assert series.counts(at_s, AXIS, 1).tolist()[:6] == [1, 0, 2, 1, 0, 1]
    assert series.counts(at_s, AXIS, 2).tolist()[:3] == [0.5, 1.5, 0.5]


def _counter(values: list[float]) -> pd.DataFrame:
    times = 10**18 + np.arange(len(values)) * 10**9
    frame = {"time_ns": times, "replica": "a-0", "metric": "process_cpu_seconds_total", "value": values}
    return pd.DataFrame(frame)


def test_growth_of_a_counter_is_per_second() -> None:
    line = series.growth(_counter([5.0, 5.5, 6.5]), "process_cpu_seconds_total", AXIS, 1)["a-0"]
    assert line[np.isfinite(line)].tolist() == [0.5, 1.0]


def test_a_counter_that_starts_anew_gives_no_negative_growth() -> None:
    line = series.growth(_counter([5.0, 5.5, 0.25, 0.75]), "process_cpu_seconds_total", AXIS, 1)["a-0"]
    assert line[np.isfinite(line)].tolist() == [0.5, 0.5]


def test_end_to_end_counts_to_the_last_due_alert_and_its_first_arrival() -> None:
    """a and b arrived, c has nothing due, d lacks an alert, e was acknowledged and never assessed, f was refused."""
    s, ms = 10**18, 10**6
    requests = pd.DataFrame({"event_id": [*"abcdef"], "intended_ns": s, "phase": "measure", "done_ns": s})
    requests["status"], requests["error"] = [202, 202, 202, 202, 202, 503], ""
    due = ["email,slack", "slack", "", "email,slack"]
    audit = pd.DataFrame({"event_id": ["a", "b", "c", "d"], "action": "assessed", "due": due})
    rows = [
        ("a", "email", 30), ("a", "slack", 50), ("a", "slack", 900), ("b", "slack", 20), ("b", "email", 99),
        ("d", "email", 10),
    ]  # fmt: skip
    deliveries = pd.DataFrame(
        [{"event_id": event, "channel": channel, "received_at_ns": s + at * ms} for event, channel, at in rows]
    )
    found = series.end_to_end_latencies(requests, audit, deliveries, AXIS)
    assert found.judged_ms.tolist() == [20.0, 50.0, np.inf, np.inf]
    later = series.end_to_end_latencies(requests, audit, deliveries, AXIS, offset_ns=5 * ms)
    assert later.judged_ms.tolist() == [15.0, 45.0, np.inf, np.inf]


def test_accept_latency_counts_from_the_intended_time_and_is_endless_without_success() -> None:
    evidence = synthetic.steady_evidence(measure_s=5)
    failed = planted_faults.some_events(evidence, 3)
    evidence = planted_faults.with_errors(evidence, failed, status=0)
    axis = timeline(evidence, None)
    assert axis is not None
    found = series.accept_latencies(evidence.requests, axis)
    good = evidence.requests[~evidence.requests["event_id"].isin(failed)]
    expected = (good["done_ns"].astype("int64") - good["intended_ns"]) / 1e6
    assert found.latency_ms[np.isfinite(found.latency_ms)] == pytest.approx(expected.to_numpy())
    assert len(found.endless_at_s) == 3
    assert np.isinf(found.judged_ms).sum() == 3


def test_a_replica_that_was_not_ready_is_found_with_its_times() -> None:
    evidence = planted_faults.with_not_ready(synthetic.steady_evidence(), "automation-1", 4, at_s=10)
    axis = timeline(evidence, None)
    assert axis is not None
    (item,) = axis.not_ready
    assert item.replica == "automation-1"
    assert item.start_s == pytest.approx(10.3)
    assert item.end_s == pytest.approx(14.3)


def test_a_restart_is_found_by_the_start_time_of_the_process() -> None:
    evidence = synthetic.steady_evidence()
    origin_ns = evidence.clock.phase("measure").start_ns
    metrics = evidence.metrics.copy()
    later = (metrics["metric"] == "process_start_time_seconds") & (metrics["replica"] == "automation-2")
    later &= metrics["time_ns"] > origin_ns + 8 * synthetic.S
    metrics.loc[later, "value"] = origin_ns / 1e9 + 7.5
    axis = timeline(replace(evidence, metrics=metrics), None)
    assert axis is not None
    assert axis.restarts == (("automation-2", pytest.approx(7.5, abs=0.01)),)


def test_planned_faults_are_on_the_axis() -> None:
    evidence = synthetic.steady_evidence(scenario="failover", measure_s=20)
    scenario = examples.example_plan("failover").scenario("failover")
    axis = timeline(evidence, scenario)
    assert axis is not None
    assert axis.faults == ((pytest.approx(8.0), "kill automation"),)
    figures = draw_all(evidence, scenario, None)
    assert any("kill automation" in item.label for item in figures[0].legend)


def test_replicas_sort_as_people_count() -> None:
    assert sorted(["a-10", "a-9", "a-1"], key=natural) == ["a-1", "a-9", "a-10"]


def test_many_replicas_become_one_range() -> None:
    figures = {item.title: item for item in draw_all(synthetic.steady_evidence(replicas=9), None, None)}
    labels = [item.label for item in figures["CPU by replica"].legend]
    assert "lowest to highest of 9 replicas" in labels
    assert "automation-0" not in labels


def test_errors_and_invalid_slices_are_in_the_legends() -> None:
    evidence = synthetic.steady_evidence()
    evidence = planted_faults.with_errors(evidence, planted_faults.some_events(evidence, 5))
    start_ns = evidence.clock.phase("measure").start_ns
    figures = {item.title: item for item in draw_all(evidence, None, examples.proof(invalid_slices=(start_ns,)))}
    assert "5 without success" in [item.label for item in figures["Accept latency"].legend]
    assert "1 invalid slices of 1 s" in [item.label for item in figures["Rate asked and achieved"].legend]


def test_the_percentile_curve_counts_failures_as_the_slowest() -> None:
    evidence = synthetic.steady_evidence()
    share = len(evidence.requests) // 5
    figures = {item.title: item for item in draw_all(evidence, None, None)}
    assert "without end" not in figures["Latency by percentile"].described
    evidence = planted_faults.with_errors(evidence, planted_faults.some_events(evidence, share), status=0)
    figures = {item.title: item for item in draw_all(evidence, None, None)}
    assert "p95 without end, p99 without end, maximum without end" in figures["Latency by percentile"].described


def test_figures_rest_on_the_same_latencies_as_the_verdicts() -> None:
    evidence = synthetic.steady_evidence()
    evidence = planted_faults.with_errors(evidence, planted_faults.some_events(evidence, 7))
    evidence = planted_faults.without_deliveries(evidence, planted_faults.some_events(evidence, 5, due=True))
    evidence = planted_faults.without_audit(evidence, planted_faults.some_events(evidence, 11), ("assessed",))
    evidence = planted_faults.with_duplicate_deliveries(evidence, planted_faults.some_events(evidence, 9, due=True))
    evidence = replace(evidence, collect=evidence.collect | {"clock": {"offset_ns": 3 * synthetic.MS}})
    axis = timeline(evidence, None)
    assert axis is not None
    shown = series.accept_latencies(evidence.requests, axis).judged_ms
    assert shown == pytest.approx(np.sort(latency.accept_latencies(evidence)) * 1e3)
    found = series.end_to_end_latencies(evidence.requests, evidence.audit, evidence.deliveries, axis, 3 * synthetic.MS)
    judged = np.sort(latency.end_to_end_latencies(evidence, number_events(evidence))) * 1e3
    assert found.judged_ms == pytest.approx(judged)
    assert np.isinf(judged).sum() > 5
