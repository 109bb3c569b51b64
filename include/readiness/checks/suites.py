"""The suite of each data set: what must hold for every row of it, whatever platform it came from.

What a faulty platform can do (lose, repeat or delay an event) is no fault of the evidence and not looked for here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from readiness.checks.expectation import (
    Expectation,
    between,
    holds,
    not_empty,
    not_null,
    one_of,
    rows_at_least,
    unique,
)
from readiness.model.dataset import ScenarioEvidence

S = 1_000_000_000
SLACK_NS = S
"""By how much a time may lie outside of its window: stages start and end a little apart. (The library compares as
floating point, which tells epoch ns apart to 256 ns.)"""
EARLY_NS = 1_000_000
"""By how much a request may seem to be sent before its time: the resolution of a sleep, not a fault."""
LEVELS = ["critical", "high", "medium", "low"]
ACTIONS = [
    "received", "assessed", "incident_opened", "incident_joined", "delivered", "delivery_failed", "remediated",
    "remediation_failed", "remediation_dry_run", "incident_acknowledged", "incident_escalated", "incident_resolved",
]  # fmt: skip
LARGEST = 1.7e308


@dataclass(frozen=True)
class Suite:
    """A data set with the columns that its rules need beside its own, and the rules."""

    dataset: str
    frame: pd.DataFrame
    expectations: tuple[Expectation, ...]


def requests_suite(evidence: ScenarioEvidence, _: tuple[str, ...]) -> Suite:
    """load/requests.parquet: one row for each arrival, in times that follow one another."""
    rows, clock = evidence.requests, evidence.clock
    start_ns, end_ns = _load_window(evidence)
    last_ns = int(evidence.collect["finished_ns"]) + SLACK_NS
    answered = rows["done_ns"].notna()
    measured = rows["intended_ns"] >= clock.phase("measure").start_ns
    frame = rows.assign(
        send_lag_ns=rows["sent_ns"] - rows["intended_ns"],
        answer_took_ns=(rows["done_ns"] - rows["sent_ns"]).astype("Float64").astype("float64"),
        answer_and_status_agree=(answered == (rows["status"] != 0)) & (answered == (rows["error"] == "")),
        phase_and_time_agree=(rows["phase"] == "measure") == measured,
    )
    rules = (
        rows_at_least(1),
        *(not_null(name) for name in ("event_id", "phase", "error", "runner")),
        not_empty("event_id"),
        unique("seq"),
        unique("event_id"),
        one_of("phase", ["warmup", "measure"]),
        one_of("status", [0, *range(100, 600)], "0 (no answer) or an HTTP status, 100 to 599"),
        between("intended_ns", start_ns, end_ns - 1, "within the phases of the load"),
        between("sent_ns", start_ns - EARLY_NS, last_ns, "between the start of the load and the end of the collection"),
        between("done_ns", start_ns, last_ns, "between the start of the load and the end of the collection"),
        between("send_lag_ns", -EARLY_NS, None, "sent no earlier than intended"),
        between("answer_took_ns", 0, None, "answered no earlier than sent"),
        holds(
            "answer_and_status_agree", "an answer has a time, a status and no error; no answer has none but an error"
        ),
        holds("phase_and_time_agree", "each arrival's phase is that of its intended time"),
    )
    return Suite("load/requests.parquet", frame, rules)


def metrics_suite(evidence: ScenarioEvidence, components: tuple[str, ...]) -> Suite:
    """observe/metrics.parquet: one finite value for each series at each tick."""
    rules = (
        rows_at_least(1),
        *(not_null(name) for name in ("replica", "metric", "labels", "value")),
        *(not_empty(name) for name in ("replica", "metric")),
        one_of("component", list(components)),
        between("value", -LARGEST, LARGEST, "finite numbers"),
        between("time_ns", *_observe_window(evidence), "within the time of the observation"),
        unique("time_ns", "replica", "metric", "labels"),
    )
    return Suite("observe/metrics.parquet", evidence.metrics, rules)


def health_suite(evidence: ScenarioEvidence, components: tuple[str, ...]) -> Suite:
    """observe/health.parquet: one sample for each replica at each tick."""
    rows = evidence.health
    frame = rows.assign(
        ready_only_if_answered=rows["answered"] | ~rows["ready"],
        answered_has_a_time=rows["took_ms"].notna() | ~rows["answered"],
    )
    rules = (
        rows_at_least(1),
        *(not_null(name) for name in ("replica", "error")),
        not_empty("replica"),
        one_of("component", list(components)),
        between("took_ms", 0, LARGEST, "finite and not negative"),
        between("time_ns", *_observe_window(evidence), "within the time of the observation"),
        unique("time_ns", "replica"),
        holds("ready_only_if_answered", "no replica is ready that did not answer"),
        holds("answered_has_a_time", "every answer has its duration"),
    )
    return Suite("observe/health.parquet", frame, rules)


def audit_suite(evidence: ScenarioEvidence, _: tuple[str, ...]) -> Suite:
    """collect/audit.parquet: one state change a row, with the fields of its action and no others."""
    rows = evidence.audit
    assessed, delivery = rows["action"] == "assessed", rows["action"].isin(["delivered", "delivery_failed"])
    frame = rows.assign(
        assessed_has_its_fields=(rows["level"].isin(LEVELS) & rows["risk"].notna()) == assessed,
        delivery_has_its_channel=(rows["channel"] != "") == delivery,
    )
    rules = (
        rows_at_least(1),
        *(not_null(name) for name in ("event_id", "source", "action", "replica", "due", "channel", "detail")),
        not_empty("event_id"),
        unique("seq"),
        one_of("action", ACTIONS),
        one_of("level", ["", *LEVELS]),
        between("risk", 0, 10, "0 to 10"),
        between("at_ns", *_kept_window(evidence), "between the first request and the end of the collection"),
        holds("assessed_has_its_fields", "level and risk in assessed rows and in no others"),
        holds("delivery_has_its_channel", "a channel in delivered and delivery_failed rows and in no others"),
    )
    return Suite("collect/audit.parquet", frame, rules)


def deliveries_suite(evidence: ScenarioEvidence, _: tuple[str, ...]) -> Suite:
    """collect/deliveries.parquet. It may be empty and may repeat itself: a platform that delivers nothing, or twice,
    is convicted by the ledger, which needs trusted evidence for it."""
    rules = (
        *(not_null(name) for name in ("delivery_id", "event_id", "source", "channel")),
        *(not_empty(name) for name in ("delivery_id", "event_id", "channel")),
        one_of("level", LEVELS),
        between(
            "received_at_ns", *_kept_window(evidence), "between the start of the load and the end of the collection"
        ),
    )
    return Suite("collect/deliveries.parquet", evidence.deliveries, rules)


def _load_window(evidence: ScenarioEvidence) -> tuple[int, int]:
    phases = evidence.clock.phases
    return min(phase.start_ns for phase in phases), max(phase.end_ns for phase in phases)


def _observe_window(evidence: ScenarioEvidence) -> tuple[int, int]:
    observe = evidence.observe
    slack_ns = round(float(observe["interval_s"]) * S)
    return int(observe["started_ns"]) - slack_ns, int(observe["finished_ns"]) + slack_ns


def _kept_window(evidence: ScenarioEvidence) -> tuple[int, int]:
    """Times that the platform and the sink took, whose clocks may differ from the generator's. Probes send before the
    load does."""
    clock, first_ns = evidence.collect["clock"], _load_window(evidence)[0]
    if evidence.probe is not None:
        first_ns = min(first_ns, int(evidence.probe["started_ns"]))
    slack_ns = SLACK_NS + abs(int(clock["offset_ns"])) + int(clock["uncertainty_ns"])
    return first_ns - slack_ns, int(evidence.collect["finished_ns"]) + slack_ns


SUITES: dict[str, Callable[[ScenarioEvidence, tuple[str, ...]], Suite]] = {
    "load/requests.parquet": requests_suite,
    "observe/metrics.parquet": metrics_suite,
    "observe/health.parquet": health_suite,
    "collect/audit.parquet": audit_suite,
    "collect/deliveries.parquet": deliveries_suite,
}
"""Data set -> its suite, given the evidence and the names of the expected components."""
