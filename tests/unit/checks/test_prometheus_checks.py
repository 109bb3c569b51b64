"""Evidence that was collected from Prometheus: clean it passes every check, and each fault in it is named."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from prometheus_evidence import collected_evidence, with_metrics_facts, without
from readiness.checks.completeness import Expected
from readiness.checks.data_checks import check_completeness, check_data
from readiness.model.dataset import ScenarioEvidence
from readiness.model.verdict import Verdict
from synthetic_evidence import COMPONENTS, WITH_METRICS, S, source_of, steady_evidence

CLEAN = collected_evidence(measure_s=60)
START_NS = CLEAN.clock.phase("measure").start_ns
EXPECTED = Expected(5, COMPONENTS, WITH_METRICS, source_of(), under_load="automation")


def bad(evidence: ScenarioEvidence) -> dict[str, str]:
    found = check_completeness(evidence, EXPECTED)
    return {check.check: check.observed for check in found if check.verdict is not Verdict.PASS}


def edited(column: str, value: float, replica: str, metric: str, start_s: float, end_s: float) -> ScenarioEvidence:
    rows = CLEAN.metrics.copy()
    at_s = (rows["time_ns"] - START_NS) / 1e9
    rows.loc[(rows["replica"] == replica) & (rows["metric"] == metric) & (at_s >= start_s) & (at_s < end_s), column] = (
        value
    )
    return replace(CLEAN, metrics=rows)


def standing_still() -> ScenarioEvidence:
    rows = CLEAN.metrics.copy()
    still = (rows["replica"] == "automation-1") & rows["metric"].str.endswith("_total")
    late = still & (rows["time_ns"] > START_NS + 20 * S)
    last = rows[still & ~late].groupby(["metric", "labels"])["value"].last()
    keys = list(zip(rows.loc[late, "metric"], rows.loc[late, "labels"], strict=True))
    rows.loc[late, "value"] = [float(last[key]) for key in keys]
    return replace(CLEAN, metrics=rows)


def with_pod(**parts: Any) -> ScenarioEvidence:
    pod = {"pod": "automation-zz", "component": "automation", "first_ns": START_NS + 20 * S,
           "last_ns": START_NS + 40 * S} | parts  # fmt: skip
    return with_metrics_facts(CLEAN, unplaced=[pod])


def test_clean_evidence_passes_every_check_and_findings_name_the_file_that_there_is() -> None:
    found = check_data(CLEAN, max_gap_s=5, components=COMPONENTS, with_metrics=WITH_METRICS, source=source_of(),
                       under_load="automation")  # fmt: skip
    assert [(check.dataset, check.check, check.observed) for check in found if check.verdict is not Verdict.PASS] == []
    places = {check.dataset for check in found if "metrics.parquet" in check.dataset}
    assert places == {"collect/metrics.parquet"}
    assert {"series whole", "pods known", "same clock", "read to the end"} <= {check.check for check in found}


def test_metrics_that_the_observer_scraped_are_not_asked_for_more() -> None:
    found = check_completeness(steady_evidence(measure_s=60), EXPECTED)
    assert not {"series whole", "pods known", "same clock"} & {check.check for check in found}


FAULTS: dict[str, tuple[Callable[[], ScenarioEvidence], str, str]] = {
    "gap": (lambda: without(CLEAN, "automation-1", None, 20, 30), "no gaps", "automation-1: 1[01].0 s from 2026-"),
    "one replica missing": (lambda: without(CLEAN, "automation-2", None, -99, 999), "no gaps",
                            "automation-2: no sample in the whole of its measured phase"),
    "cut at the end": (lambda: without(CLEAN, "automation-0", None, 45, 999), "no gaps", "automation-0: 15.[0-9] s"),
    "counters stand still": (standing_still, "counters move", "automation-1: no counter moved for (39|40)"),
    "NaN": (lambda: edited("value", np.nan, "automation-0", "phantommesh_queue_depth", 5, 8), "finite values",
            "automation-0 phantommesh_queue_depth: 3 samples"),
    "series missing": (lambda: without(CLEAN, "automation-1", "process_start_time_seconds", -99, 999), "series whole",
                       "automation-1: process_start_time_seconds in 0 of 7[0-9] scrapes"),
    "series that stops": (lambda: without(CLEAN, "automation-1", "phantommesh_queue_depth", 50, 999), "series whole",
                          "automation-1: phantommesh_queue_depth in 5[0-9] of 7[0-9] scrapes"),
    "counter that stops": (lambda: without(CLEAN, "automation-0", "phantommesh_events_received_total", 30, 999),
                           "series whole", "automation-0: phantommesh_events_received_total"),
    "rows cut": (lambda: with_metrics_facts(CLEAN, count=1), "read to the end", "rows are stored, 1 were announced"),
    "answer cut": (lambda: with_metrics_facts(CLEAN, complete=False), "read to the end", "broke off before its end"),
    "another clock": (lambda: with_metrics_facts(CLEAN, clock={"offset_ns": -80_000_000, "uncertainty_ns": 2_000_000}),
                      "same clock", "it differs by -80.0 ms, give or take 2.0 ms"),
    "a clock that was read badly": (
        lambda: with_metrics_facts(CLEAN, clock={"offset_ns": 0, "uncertainty_ns": 4 * S}),
        "same clock", r"it was not read well enough \(0.0 ms, give or take 4000.0 ms; at most 50 ms\)"),
    "a clock that was not read": (lambda: with_metrics_facts(CLEAN, clock=None), "same clock", "it was not read"),
    "a pod of before that lives on": (
        lambda: with_pod(first_ns=START_NS - 99 * S), "pods known", "automation-zz was scraped for 139.0 s"),
    "unknown pod": (with_pod, "pods known", "automation-zz was scraped for 20.0 s, and nobody knows as which auto"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(fault: str) -> None:
    plant, check, says = FAULTS[fault]
    found = bad(plant())
    assert check in found
    assert re.search(says, found[check]), found[check]


@pytest.mark.parametrize(
    "parts",
    [
        {"component": "grafana"},
        {"first_ns": START_NS - 99 * S, "last_ns": START_NS + 4 * S},  # it was being ended when the observation began
        {"last_ns": START_NS + 24 * S},  # it came and went between two looks
    ],
)
def test_a_pod_that_is_no_replica_or_was_hardly_there_is_no_fault(parts: dict[str, Any]) -> None:
    assert bad(with_pod(**parts)) == {}


def replaced(found_after_s: float, within_s: float = 15.0) -> ScenarioEvidence:
    """Another pod is automation-1 from the 20th second on, and was scraped only so much later."""
    evidence = without(CLEAN, "automation-1", None, 20, 20 + found_after_s)
    new = {"component": "automation", "replica": "automation-1", "pod": "new", "since_ns": START_NS + 20 * S}
    observe = evidence.observe | {"holdings": [*evidence.observe["holdings"], new]}
    evidence = replace(evidence, observe=observe)
    return with_metrics_facts(evidence, finds_within_s=within_s)


def test_a_new_pod_may_take_its_time_to_be_found_and_no_longer() -> None:
    assert bad(replaced(12)) == {}
    assert "automation-1: " in bad(replaced(12, within_s=4.0))["no gaps"]
    assert "automation-1: " in bad(replaced(25))["no gaps"]


def test_a_gap_later_in_the_life_of_a_new_pod_is_one() -> None:
    evidence = without(replaced(3), "automation-1", None, 30, 38)
    assert "automation-1: 8" in bad(evidence)["no gaps"] or "automation-1: 9" in bad(evidence)["no gaps"]
