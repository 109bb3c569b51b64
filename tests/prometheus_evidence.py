"""Evidence whose metrics were collected from Prometheus: each replica scraped at times of its own."""

from dataclasses import replace
from typing import Any

import numpy as np
from readiness.model.dataset import COUNTERS, JUDGED_METRICS, ScenarioEvidence
from synthetic_evidence import MS, steady_evidence


def collected_evidence(*, spread_ms: int = 270, uncertainty_ms: int = 10, **parts: Any) -> ScenarioEvidence:
    """As ``steady_evidence``; the k-th replica is scraped k times ``spread_ms`` after the tick."""
    evidence = steady_evidence(**parts)
    rows = evidence.metrics
    rows = rows[rows["metric"].isin(JUDGED_METRICS) | rows["metric"].str.endswith(COUNTERS)]
    number = rows["replica"].str.rpartition("-")[2].astype(int)
    rows = rows.assign(time_ns=rows["time_ns"] + number * spread_ms * MS).sort_values("time_ns", ignore_index=True)
    return replace(evidence, **facts_of(evidence, len(rows), uncertainty_ms), metrics=rows)


def facts_of(evidence: ScenarioEvidence, count: int, uncertainty_ms: int = 10) -> dict[str, Any]:
    """``observe`` and ``collect`` as they would say it."""
    holdings = [
        {"component": item["component"], "replica": item["replica"], "pod": f"{item['replica']}-pod", "since_ns": 0}
        for item in evidence.observe["targets"]
        if item["metrics"]
    ]
    metrics = {
        "source": "prometheus", "complete": True, "count": count, "from": "prometheus-0", "interval_s": 1.0,
        "asked": [{"pod": "prometheus-0", "problem": "", "rows": count, "missing_s": 0.0}],
        "clock": {"offset_ns": 400_000, "uncertainty_ns": 2 * MS}, "unplaced": [], "finds_within_s": 15.0,
    }  # fmt: skip
    clock = {"kind": "as the environment file says", "offset_ns": 0, "uncertainty_ns": uncertainty_ms * MS}
    return {
        "observe": evidence.observe | {"holdings": holdings, "discovery_s": 3.0},
        "collect": evidence.collect | {"metrics": metrics, "clock": clock},
    }


def with_metrics_facts(evidence: ScenarioEvidence, **changes: Any) -> ScenarioEvidence:
    """With other facts of what was collected."""
    return replace(evidence, collect=evidence.collect | {"metrics": evidence.collect["metrics"] | changes})


def without(evidence: ScenarioEvidence, replica: str, metric: str | None, start_s: float, end_s: float) -> Any:
    """Without the samples of a replica (of one metric of it) from and to seconds of the measured phase."""
    rows, zero = evidence.metrics, evidence.clock.phase("measure").start_ns
    at_s = (rows["time_ns"] - zero) / 1e9
    gone = (rows["replica"] == replica) & (at_s >= start_s) & (at_s < end_s)
    if metric is not None:
        gone &= rows["metric"] == metric
    kept = rows[~gone].reset_index(drop=True)
    assert np.any(gone)
    return with_metrics_facts(replace(evidence, metrics=kept), count=len(kept))
