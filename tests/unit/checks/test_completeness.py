"""Evidence that is not whole is named: gaps, missing replicas, rows, facts, other clocks and other runs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from planted_faults import with_metrics_gap
from readiness.checks.completeness import Expected
from readiness.checks.data_checks import check_completeness
from readiness.model.dataset import ScenarioEvidence
from readiness.model.verdict import Verdict
from synthetic_evidence import COMPONENTS, WITH_METRICS, S, source_of, steady_evidence

CLEAN = steady_evidence()
MEASURE = CLEAN.clock.phase("measure")
TARGETS = CLEAN.observe["targets"]
EXPECTED = Expected(5, COMPONENTS, WITH_METRICS, source_of())
Change = Callable[[ScenarioEvidence], ScenarioEvidence]


def bad(evidence: ScenarioEvidence, expected: Expected = EXPECTED) -> dict[str, str]:
    checks = check_completeness(evidence, expected)
    return {f"{c.dataset}: {c.check}": f"{c.verdict} {c.observed}" for c in checks if c.verdict is not Verdict.PASS}


def fact(name: str, **values: Any) -> Change:
    return lambda evidence: replace(evidence, **{name: getattr(evidence, name) | values})


def without_fact(name: str, key: str) -> Change:
    return lambda e: replace(e, **{name: {k: v for k, v in getattr(e, name).items() if k != key}})


def targets(*items: dict[str, Any]) -> Change:
    return fact("observe", targets=list(items))


def rows(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda evidence: replace(evidence, **{name: change(getattr(evidence, name))})


def gap(replica: str, ticks: int, at_s: float) -> Change:
    return lambda evidence: with_metrics_gap(evidence, replica, ticks, at_s=at_s)


def without_replica(name: str, replica: str) -> Change:
    return rows(name, lambda r: r[r["replica"] != replica])


def other_source(name: str) -> Change:
    return rows(name, lambda r: r.assign(source=r["source"].where(r.index != 5, "run-0/steady")))


def phases(*spans: tuple[int, int]) -> Change:
    """Move start and end of each phase by so many seconds."""

    def changed(evidence: ScenarioEvidence) -> ScenarioEvidence:
        moved = tuple(
            replace(phase, start_ns=phase.start_ns + a * S, end_ns=phase.end_ns + b * S)
            for phase, (a, b) in zip(evidence.clock.phases, spans, strict=True)
        )
        return replace(evidence, clock=replace(evidence.clock, phases=moved))

    return changed


METRICS, HEALTH = "observe/metrics.parquet: no gaps", "observe/health.parquet: no gaps"
REPLICAS, SAMPLER = "observe/observe.json: replicas as planned", "observe/observe.json: sampler awake"
AUDIT, DELIVERIES = "collect/audit.parquet: read to the end", "collect/deliveries.parquet: read to the end"
DECLARED = "observe/observe.json: metrics as declared"
CLOCK = "load/phases.json: one clock"
MORE, STRANGER = {"replica": "automation-3"}, {"component": "vpn", "replica": "vpn-0"}
BROKEN_OFF = {"complete": False, "count": len(CLEAN.audit)}

# How to plant it, the check that finds it, what the check says.
FAULTS: dict[str, tuple[Change, str, str]] = {
    "gap": (gap("automation-1", 5, 10), METRICS, "automation-1: 6.0 s from"),
    "gap at the end": (gap("automation-2", 10, 24), METRICS, "automation-2: 6.7 s from"),
    "gap at the start": (gap("automation-2", 6, 0), METRICS, "automation-2: 6.3 s from"),
    "no metrics": (without_replica("metrics", "automation-0"), METRICS, "automation-0: no sample in the whole"),
    "no health": (without_replica("health", "postgres-0"), HEALTH, "postgres-0: no sample"),
    "nobody observed": (targets(), HEALTH, "no replica was observed"),
    "replica not observed": (targets(*TARGETS[1:]), REPLICAS, "2 of 3 automation"),
    "component not observed": (targets(*TARGETS[:-1]), REPLICAS, "0 of 1 sink"),
    "replica too many": (targets(*TARGETS, TARGETS[0] | MORE), REPLICAS, "4 of 3 automation"),
    "one replica twice": (targets(TARGETS[0], *TARGETS[:2], *TARGETS[3:]), REPLICAS, "automation-0 named twice"),
    "stranger observed": (targets(*TARGETS, TARGETS[0] | STRANGER), REPLICAS, "unexpected vpn"),
    "without metrics": (
        targets(TARGETS[0] | {"metrics": False}, *TARGETS[1:]),
        DECLARED,
        "automation-0 was observed as",
    ),
    "metrics unknown": (
        targets(TARGETS[0] | {"metrics": None}, *TARGETS[1:]),
        DECLARED,
        "automation-0 was observed as",
    ),
    "audit broken off": (fact("collect", audit=BROKEN_OFF), AUDIT, "broke off"),
    "audit rows removed": (rows("audit", lambda r: r.iloc[:-3]), AUDIT, "were announced"),
    "delivery rows removed": (rows("deliveries", lambda r: r.iloc[:-3]), DELIVERIES, "were announced"),
    "not drained": (fact("collect", drained=False), "collect/collect.json: drained", "still at work after 60 s"),
    "read an hour later": (
        fact(
            "collect",
            **{name: CLEAN.collect[name] + 3600 * S for name in ("drained_at_ns", "started_ns", "finished_ns")},
        ),
        "collect/collect.json: read in time",
        "FAIL the collection started 3595 s after what was measured had ended",
    ),
    "sampler stalled": (fact("observe", worst_lag_ms=1000.0), SAMPLER, "stalled"),
    "sampler lag unknown": (fact("observe", worst_lag_ms=float("nan")), SAMPLER, "stalled"),
    "clock set": (fact("generator", wall_clock_drift_ns=-2 * S), CLOCK, "set by -2000 ms"),
    "observation backwards": (fact("observe", finished_ns=5), CLOCK, "the observation ended before it started"),
    "observation late": (fact("observe", started_ns=MEASURE.start_ns + 9 * S), CLOCK, "did not cover"),
    "observation short": (fact("observe", finished_ns=MEASURE.end_ns - 9 * S), CLOCK, "did not cover"),
    "collection early": (fact("collect", started_ns=6, finished_ns=7), CLOCK, "the collection ended before the load"),
    "phases overlap": (phases((0, 2), (0, 0)), CLOCK, "the measure phase started before the warmup phase ended"),
    "phase backwards": (phases((9, 0), (0, 0)), CLOCK, "the warmup phase ended before it started"),
    "arrivals out of order": (
        rows("requests", lambda r: r.assign(seq=r["seq"].iloc[::-1].to_numpy())),
        CLOCK,
        "not due in the order",
    ),
    "another run's audit": (other_source("audit"), "collect/audit.parquet: one source", "'run-0/steady'"),
    "another run's delivery": (
        other_source("deliveries"),
        "collect/deliveries.parquet: one source",
        "'run-0/steady'",
    ),
    "NaN": (
        rows("metrics", lambda r: r.assign(value=r["value"].where(r.index != 0, np.nan))),
        "observe/metrics.parquet: finite values",
        "automation-0 phantommesh_events_received_total: 1 samples",
    ),
    "lag missing": (without_fact("observe", "worst_lag_ms"), "completeness: sampler awake", "ERROR KeyError"),
    "targets missing": (without_fact("observe", "targets"), "completeness: no gaps", "ERROR KeyError"),
    "collection's end missing": (without_fact("collect", "finished_ns"), "completeness: one clock", "ERROR KeyError"),
}


def test_clean_evidence_is_whole() -> None:
    assert bad(CLEAN) == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_check(fault: str) -> None:
    plant, check, says = FAULTS[fault]
    found = bad(plant(CLEAN))
    assert check in found, found
    assert says in found[check]


def test_a_gap_of_just_the_length_allowed_is_none() -> None:
    assert bad(with_metrics_gap(CLEAN, "automation-1", 4)) == {}
    assert METRICS in bad(with_metrics_gap(CLEAN, "automation-1", 4), replace(EXPECTED, max_gap_s=4.9))


def test_a_gap_in_the_warm_up_matters_to_nobody() -> None:
    assert bad(with_metrics_gap(CLEAN, "automation-1", 5, at_s=-5)) == {}


def test_the_gap_is_named_with_its_times() -> None:
    found = bad(with_metrics_gap(CLEAN, "automation-1", 6))[METRICS]
    assert found == "FAIL automation-1: 7.0 s from 2026-09-21 14:13:34.3 UTC to 2026-09-21 14:13:41.3 UTC"


def test_without_a_known_source_all_rows_must_agree_on_one() -> None:
    unknown = replace(EXPECTED, source=None)
    assert bad(CLEAN, unknown) == {}
    assert "collect/deliveries.parquet: one source" in bad(other_source("deliveries")(CLEAN), unknown)
    assert "collect/audit.parquet: one source" in bad(CLEAN, replace(EXPECTED, source="run-2/steady"))
