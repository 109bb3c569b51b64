"""Faults planted into evidence: each function returns the evidence with one thing wrong."""

from dataclasses import replace

import numpy as np
import pandas as pd
from readiness.model.dataset import DATASETS, ScenarioEvidence
from synthetic_evidence import MS, S


def some_events(evidence: ScenarioEvidence, n: int, *, due: bool = False) -> list[str]:
    """n event ids of the measured phase, evenly spread; ``due``: only of events that some channel is due to get."""
    ids = evidence.requests.loc[evidence.requests["phase"] == "measure", "event_id"]
    if due:
        ids = ids[ids.isin(evidence.deliveries["event_id"])]
    return ids.iloc[np.linspace(0, len(ids) - 1, n).astype(int)].tolist()


def recounted(evidence: ScenarioEvidence) -> ScenarioEvidence:
    """The same evidence with the counts of collect.json those of the rows: what was lost, the platform lost."""
    counts = {
        "audit": {"complete": True, "count": len(evidence.audit)},
        "deliveries": {"complete": True, "count": len(evidence.deliveries)},
    }
    return replace(evidence, collect=evidence.collect | counts)


def without_audit(
    evidence: ScenarioEvidence, event_ids: list[str], actions: tuple[str, ...] | None = None
) -> ScenarioEvidence:
    """The audit trail does not know these events (or not these actions of them)."""
    gone = evidence.audit["event_id"].isin(event_ids)
    if actions is not None:
        gone &= evidence.audit["action"].isin(actions)
    return recounted(replace(evidence, audit=evidence.audit[~gone].reset_index(drop=True)))


def without_deliveries(evidence: ScenarioEvidence, event_ids: list[str]) -> ScenarioEvidence:
    """The sink got no alert of these events."""
    kept = evidence.deliveries[~evidence.deliveries["event_id"].isin(event_ids)]
    return recounted(replace(evidence, deliveries=kept.reset_index(drop=True)))


def with_duplicate_deliveries(evidence: ScenarioEvidence, event_ids: list[str]) -> ScenarioEvidence:
    """The sink got every alert of these events a second time, 50 ms later."""
    again = evidence.deliveries[evidence.deliveries["event_id"].isin(event_ids)]
    again = again.assign(received_at_ns=again["received_at_ns"] + 50 * MS)
    return recounted(replace(evidence, deliveries=pd.concat([evidence.deliveries, again], ignore_index=True)))


def with_unknown_events(evidence: ScenarioEvidence, n: int) -> ScenarioEvidence:
    """The audit trail holds n received events that nobody sent."""
    rows = evidence.audit[evidence.audit["action"] == "received"].iloc[:n]
    rows = rows.assign(
        event_id=[f"ffffffff-0000-5000-8000-{k:012x}" for k in range(n)],
        seq=np.arange(n) + evidence.audit["seq"].max() + 1,
    )
    audit = pd.concat([evidence.audit, rows], ignore_index=True)
    return recounted(replace(evidence, audit=audit.astype(DATASETS["collect/audit.parquet"])))


def with_errors(evidence: ScenarioEvidence, event_ids: list[str], *, status: int = 503) -> ScenarioEvidence:
    """These requests failed, and the platform knows nothing of their events. ``status`` 0: timeout, no answer."""
    failed = evidence.requests["event_id"].isin(event_ids)
    requests = evidence.requests.copy()
    requests.loc[failed, "status"] = status
    if status == 0:
        requests.loc[failed, "error"] = "timeout"
        requests.loc[failed, "done_ns"] = pd.NA
    return without_deliveries(without_audit(replace(evidence, requests=requests), event_ids), event_ids)


def with_slow_tail(evidence: ScenarioEvidence, share: float, slow_ms: float) -> ScenarioEvidence:
    """This share of the requests of the measured phase, evenly spread, is answered ``slow_ms`` after its time."""
    requests = evidence.requests.copy()
    measured = requests.index[requests["phase"] == "measure"]
    chosen = measured[np.linspace(0, len(measured) - 1, round(share * len(measured))).astype(int)]
    requests.loc[chosen, "done_ns"] = requests.loc[chosen, "intended_ns"] + round(slow_ms * MS)
    return replace(evidence, requests=requests)


def with_metrics_gap(evidence: ScenarioEvidence, replica: str, gap_s: int, *, at_s: float = 10) -> ScenarioEvidence:
    """A replica has no metrics for ``gap_s`` ticks, from ``at_s`` after the start of the measured phase on."""
    start_ns = evidence.clock.phase("measure").start_ns + round(at_s * S)
    rows = evidence.metrics
    gone = (rows["replica"] == replica) & rows["time_ns"].between(start_ns, start_ns + gap_s * S, inclusive="left")
    return replace(evidence, metrics=rows[~gone].reset_index(drop=True))


def with_not_ready(evidence: ScenarioEvidence, replica: str, ticks: int, *, at_s: float = 10) -> ScenarioEvidence:
    """A replica is not ready for so many ticks of the measured phase."""
    start_ns = evidence.clock.phase("measure").start_ns + round(at_s * S)
    health = evidence.health.copy()
    hit = (health["replica"] == replica) & health["time_ns"].between(start_ns, start_ns + ticks * S, inclusive="left")
    health.loc[hit, ["answered", "ready"]] = False
    return replace(evidence, health=health)


def with_generator_lag(evidence: ScenarioEvidence, second: int, lag_ms: float = 40.0) -> ScenarioEvidence:
    """Every arrival of one second of the measured phase is sent (and answered) late."""
    start_ns = evidence.clock.phase("measure").start_ns + second * S
    requests = evidence.requests.copy()
    hit = requests["intended_ns"].between(start_ns, start_ns + S, inclusive="left")
    for column in ("sent_ns", "done_ns"):
        requests.loc[hit, column] += round(lag_ms * MS)
    return replace(evidence, requests=requests)
