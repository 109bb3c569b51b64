"""Leaks: a full run sees one of 2 KB an event, a smoke run says that it cannot judge."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from readiness.analysis.judge import judge_objective
from readiness.analysis.measure import measure
from readiness.analysis.slope import theil_sen
from readiness.analysis.trend import MEMORY, trends
from readiness.model.dataset import ScenarioEvidence
from readiness.model.scenario import Scenario
from readiness.model.verdict import Decision, Verdict, decide
from readiness.spec.files import read_scenario
from scaled_evidence import with_replica_added
from short_scenarios import ROOT
from synthetic_evidence import S, steady_evidence, typed

EVENTS_PER_S = 10_000 / 60 / 3
"""Of one replica in the sustained scenario."""


@pytest.fixture(scope="module")
def hour() -> ScenarioEvidence:
    return steady_evidence(rate_per_s=0.5, warmup_s=60, measure_s=3600)


@pytest.fixture(scope="module")
def sustained() -> Scenario:
    return read_scenario(ROOT / "scenarios" / "sustained.yaml")


def leaking(evidence: ScenarioEvidence, bytes_per_event: float) -> ScenarioEvidence:
    metrics = evidence.metrics.copy()
    hit = (metrics["replica"] == "automation-1") & (metrics["metric"] == MEMORY)
    age_s = (metrics.loc[hit, "time_ns"] - metrics["time_ns"].min()) / S
    metrics.loc[hit, "value"] += age_s * EVENTS_PER_S * bytes_per_event
    return replace(evidence, metrics=metrics)


def with_database(evidence: ScenarioEvidence, *, bytes_per_hour: float) -> ScenarioEvidence:
    """PostgreSQL's processes, which the observer reads itself every 5 s."""
    ticks_ns = np.unique(evidence.metrics["time_ns"].to_numpy(np.int64))[::5]
    age_s = (ticks_ns - ticks_ns[0]) / S
    noise = np.random.default_rng(7).normal(0, 20_000, len(ticks_ns))
    series = {
        "process_tree_private_bytes": 60e6 + age_s / 3600 * bytes_per_hour + noise,
        "process_tree_cpu_seconds_total": age_s * 0.1,
        "process_start_time_seconds": np.full(len(ticks_ns), 1.79e9),
    }
    parts = [
        pd.DataFrame(
            {"time_ns": ticks_ns, "component": "postgres", "replica": "postgres-0", "metric": name, "value": v}
        )
        for name, v in series.items()
    ]
    rows = typed("observe/metrics.parquet", pd.concat(parts).assign(labels=""))
    targets = [item | {"memory": item["component"] != "sink"} for item in evidence.observe["targets"]]
    metrics = pd.concat([evidence.metrics, rows], ignore_index=True)
    return replace(evidence, metrics=metrics, observe=evidence.observe | {"targets": targets})


def verdict(scenario: Scenario, name: str, evidence: ScenarioEvidence) -> tuple[Verdict, str]:
    objective = next(item for item in scenario.objectives if item.name == name)
    found = judge_objective(objective, measure(objective.metric, None, objective.confidence, evidence))
    return found.verdict, found.reason


def test_a_leak_of_2_kb_an_event_fails_a_full_run(hour: ScenarioEvidence, sustained: Scenario) -> None:
    full = sustained.in_profile("full")
    assert verdict(full, "memory-slope", hour)[0] is Verdict.PASS
    failed, reason = verdict(full, "memory-slope", leaking(hour, 2048))
    assert failed is Verdict.FAIL
    assert "390.6 MiB/h" in reason  # 2,048 B x 10,000/min / 3 replicas
    assert "worst replica automation-1" in reason


def test_a_passing_run_states_the_smallest_leak_that_it_would_have_seen(hour: ScenarioEvidence) -> None:
    note = measure("memory_slope", None, 0.95, hour).note
    assert "MiB/h or more would have been seen" in note
    assert "cores/h or more would have been seen" in measure("cpu_slope", None, 0.95, hour).note


def test_a_leak_of_the_width_of_the_interval_is_seen_as_often_as_claimed() -> None:
    rng, times_s, seen = np.random.default_rng(11), np.arange(0.0, 3600.0, 30.0), 0
    for _ in range(300):
        noise = rng.normal(0, 1, len(times_s))
        flat = theil_sen(times_s, noise, 0.95)
        assert flat is not None
        width = flat.interval.high - flat.interval.low
        leak = theil_sen(times_s, rng.normal(0, 1, len(times_s)) + width * times_s / 3600, 0.95)
        assert leak is not None
        seen += leak.interval.low > 0
    assert seen / 300 >= 0.95


def test_a_smoke_run_says_that_it_cannot_judge_and_is_not_a_pass(sustained: Scenario) -> None:
    minute = steady_evidence(rate_per_s=2, measure_s=60)
    smoke = sustained.in_profile("smoke")
    for name in ("memory-slope", "cpu-slope"):
        for evidence in (minute, leaking(minute, 2048)):
            found, reason = verdict(smoke, name, evidence)
            assert found is Verdict.WARN
            assert "leaks were not judged" in reason
            assert "would have stayed hidden" in reason
        assert verdict(sustained.in_profile("full"), name, minute)[0] is Verdict.NO_DATA
    assert decide(Verdict.WARN) is Decision.APPROVED
    assert decide(Verdict.NO_DATA) is Decision.INCONCLUSIVE


def test_only_what_says_so_is_advisory_in_a_smoke_run(sustained: Scenario) -> None:
    advisory = [item.name for item in sustained.in_profile("smoke").objectives if item.severity == "advisory"]
    assert advisory == ["memory-slope", "cpu-slope"]
    assert all(item.severity == "blocking" for item in sustained.in_profile("full").objectives)


def test_the_database_is_judged_too(hour: ScenarioEvidence) -> None:
    quiet = measure("memory_slope", None, 0.95, with_database(hour, bytes_per_hour=0))
    assert quiet.interval is not None
    assert quiet.interval.high < 1024**2
    leak = measure("memory_slope", None, 0.95, with_database(hour, bytes_per_hour=30e6))
    assert leak.value == pytest.approx(30e6, rel=0.05)
    assert "worst replica postgres-0" in leak.note
    shown = trends(with_database(hour, bytes_per_hour=30e6))
    assert {item.replica: item.per_hour for item in shown.memory}["postgres-0"] == pytest.approx(30e6, rel=0.05)
    assert [item.replica for item in shown.cpu] == ["automation-0", "automation-1", "automation-2", "postgres-0"]
    assert trends(steady_evidence(measure_s=60)).memory == ()


def test_a_database_without_samples_leaves_no_value(hour: ScenarioEvidence) -> None:
    seen = with_database(hour, bytes_per_hour=0)
    blind = replace(seen, metrics=seen.metrics[seen.metrics["component"] != "postgres"])
    assert "postgres-0" in measure("memory_slope", None, 0.95, blind).note
    assert measure("memory_slope", None, 0.95, blind).value is None


def test_a_replica_that_was_there_too_briefly_is_named_and_holds_nothing_up(hour: ScenarioEvidence) -> None:
    brief = with_replica_added(hour, "automation-3", found_s=3500, ready_s=3502)
    found = measure("memory_slope", None, 0.95, brief)
    assert found.value is not None
    assert "automation-3 came or went, too briefly there" in found.note
    long = with_replica_added(hour, "automation-3", found_s=100, ready_s=102)
    assert "came or went" not in measure("memory_slope", None, 0.95, long).note
