"""Faults that are easily overlooked: each is planted, and what it must lead to is asserted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_faults import some_events, without_audit, without_deliveries
from readiness.analysis.measure import measure
from readiness.checks.causality import effect_after_cause
from readiness.model.dataset import ScenarioEvidence
from synthetic_evidence import S, steady_evidence


@pytest.fixture(scope="module")
def clean() -> ScenarioEvidence:
    return steady_evidence()


def value(evidence: ScenarioEvidence, metric: str) -> float | None:
    return measure(metric, None, 0.95, evidence).value


def test_an_event_that_was_never_assessed_is_an_alert_that_was_not_delivered(clean: ScenarioEvidence) -> None:
    ids = some_events(clean, 12)
    silent = without_deliveries(without_audit(clean, ids, ("assessed", "incident_opened", "delivered")), ids)
    found = measure("alerts_undelivered", None, 0.95, silent)
    assert found.value == 12
    assert "12 events were never assessed" in found.note
    assert value(clean, "alerts_undelivered") == 0


def test_an_event_that_was_persisted_twice_is_unexpected(clean: ScenarioEvidence) -> None:
    again = clean.audit[clean.audit["action"] == "received"].head(5).assign(seq=lambda rows: rows["seq"] + 10**9)
    twice = replace(clean, audit=pd.concat([clean.audit, again], ignore_index=True))
    assert value(twice, "events_unexpected") == 5
    assert value(clean, "events_unexpected") == 0


def test_a_replica_that_was_back_before_the_next_look_was_not_ready(clean: ScenarioEvidence) -> None:
    metrics = clean.metrics.copy()
    later = metrics["time_ns"] > clean.clock.phase("measure").start_ns + 10 * S
    restarted = (metrics["metric"] == "process_start_time_seconds") & (metrics["replica"] == "automation-1") & later
    metrics.loc[restarted, "value"] += 100.0
    found = measure("replica_ready", None, 0.95, replace(clean, metrics=metrics))
    assert found.value is not None
    assert found.value < 1
    assert "restarted: automation-1 1 times" in found.note
    assert value(clean, "replica_ready") == 1


def test_a_tick_without_a_sample_was_not_ready(clean: ScenarioEvidence) -> None:
    health = clean.health
    gone = (health["replica"] == "automation-1") & (np.arange(len(health)) % 3 == 0)
    found = value(replace(clean, health=health[~gone]), "replica_ready")
    assert found is not None
    assert found < 1


def test_nothing_is_delivered_before_it_was_sent(clean: ScenarioEvidence) -> None:
    early = clean.deliveries.assign(received_at_ns=clean.deliveries["received_at_ns"] - S)
    verdicts = {check.dataset: check.verdict for check in effect_after_cause(replace(clean, deliveries=early))}
    assert verdicts == {"collect/audit.parquet": "PASS", "collect/deliveries.parquet": "FAIL"}
    assert {check.verdict for check in effect_after_cause(clean)} == {"PASS"}


def test_a_wall_clock_that_moved_widens_what_depends_on_it(clean: ScenarioEvidence) -> None:
    moved = replace(clean, generator=clean.generator | {"wall_clock_drift_ns": -40_000_000})
    before = measure("end_to_end_latency", "p95", 0.95, clean).interval
    after = measure("end_to_end_latency", "p95", 0.95, moved).interval
    assert before is not None
    assert after is not None
    assert after.high - before.high == pytest.approx(0.04, abs=0.001)
