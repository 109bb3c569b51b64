"""The data sets of a scenario: their columns, and the frozen bundle that analysis, checks and report read.

pandas is named here for types only; nothing is imported at run time, so that this stays cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from readiness.model.ledger import FLAGS

if TYPE_CHECKING:
    import pandas as pd

REQUESTS: dict[str, str] = {
    "seq": "int64",  # number of the arrival, from 0
    "event_id": "str",
    "phase": "str",  # warmup | measure
    "intended_ns": "int64",
    "sent_ns": "int64",
    "done_ns": "Int64",  # null: no answer
    "status": "int16",  # HTTP status; 0: no answer
    "error": "str",  # refused, reset, timeout ...; empty if answered
    "signature_id": "int64",
    "runner": "str",
}
METRICS: dict[str, str] = {
    "time_ns": "int64",  # the tick the scrape was scheduled for; of Prometheus: when it scraped, by its own clock
    "component": "str",
    "replica": "str",
    "metric": "str",
    "labels": "str",  # name="value" pairs, sorted, comma-separated; empty if none
    "value": "float64",
}
HEALTH: dict[str, str] = {
    "time_ns": "int64",  # the tick
    "component": "str",
    "replica": "str",
    "answered": "bool",  # /metrics was read (or, for a component without metrics, the status command named it)
    "ready": "bool",
    "took_ms": "float64",
    "error": "str",
}
AUDIT: dict[str, str] = {
    "seq": "int64",
    "at_ns": "int64",
    "event_id": "str",
    "source": "str",
    "action": "str",  # received, assessed, incident_opened, incident_joined, delivered, delivery_failed, remediated ...
    "replica": "str",
    "level": "str",  # assessed only; else empty
    "risk": "float64",  # assessed only; else NaN
    "due": "str",  # assessed only: channels, comma-separated
    "channel": "str",  # delivered and delivery_failed only
    "delivery_id": "str",
    "detail": "str",  # the whole detail, as JSON
}
DELIVERIES: dict[str, str] = {
    "delivery_id": "str",
    "event_id": "str",
    "source": "str",
    "channel": "str",
    "level": "str",
    "received_at_ns": "int64",
}
REPLAY: dict[str, str] = {
    "event_id": "str",  # of the event as it was sent under load
    "replayed_event_id": "str",
    "status": "int16",  # HTTP status of the replayed request; 0: no answer
    "assessed": "bool",  # whether the audit trail has an assessment of both
    "risk": "float64",  # under load; NaN where there is no assessment
    "replayed_risk": "float64",
    "level": "str",
    "replayed_level": "str",
    "confidence": "float64",
    "replayed_confidence": "float64",
    "due": "str",  # channels, sorted, comma-separated
    "replayed_due": "str",
    "basis": "str",  # versions that the verdict says it rests on, as sorted JSON; empty: it names none
    "replayed_basis": "str",
}
"""``replay/verdicts.parquet``: one row for each event of the sample."""
LEDGER: dict[str, str] = {
    "event_id": "str",
    **dict.fromkeys(FLAGS, "bool"),
    "discrepancy": "str",  # model.ledger.Discrepancy; empty: nothing is wrong with the event
    "channel": "str",  # of alerts; else empty
}
"""``check/ledger.parquet``: a row for each event, one for each discrepancy of those that have several."""
DATASETS: dict[str, dict[str, str]] = {
    "load/requests.parquet": REQUESTS,
    "observe/metrics.parquet": METRICS,
    "observe/health.parquet": HEALTH,
    "collect/audit.parquet": AUDIT,
    "collect/deliveries.parquet": DELIVERIES,
}


PROBES: dict[str, str] = {
    "seq": "int64",  # number of the probe, from 0, in the order of sending
    "path": "str",  # read | write; where the environment names an ingress also ingress-read | ingress-write
    "connection": "str",  # new | reused
    "intended_ns": "int64",
    "sent_ns": "int64",
    "done_ns": "Int64",  # when it was answered or had failed; null: still under way when the prober was stopped
    "status": "int16",  # HTTP status; 0: no answer
    "error": "str",  # refused, reset, closed, timeout ..., under way; empty if answered
    "event_id": "str",  # writes only; else empty
}
OPTIONAL_DATASETS: dict[str, tuple[str, dict[str, str]]] = {
    "probe/samples.parquet": ("probes", PROBES),
    "replay/verdicts.parquet": ("replay", REPLAY),
}
"""Data sets of the stages that only some scenarios have: field of ScenarioEvidence and columns."""

METRICS_AT, METRICS_COLLECTED_AT = "observe/metrics.parquet", "collect/metrics.parquet"
"""Where the metrics are that the observer scraped, and where those that were collected from Prometheus. The first is
also the name of the data set, wherever it is."""
JUDGED_METRICS: tuple[str, ...] = (
    "phantommesh_queue_depth",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
)
"""The metrics that analysis, checks and pictures look at by name; beside them they look at counters as such, whose
names end in COUNTERS. (A test leaves all others out and sees no difference.)"""
COUNTERS = "_total"

FEW_TEXTS: dict[str, tuple[str, ...]] = {
    "load/requests.parquet": ("phase", "error", "runner"),
    "observe/metrics.parquet": ("component", "replica", "metric", "labels"),
    "observe/health.parquet": ("component", "replica", "error"),
    "collect/audit.parquet": ("source", "action", "replica", "level", "due", "channel"),
    "collect/deliveries.parquet": ("source", "channel", "level"),
}
"""Columns with few distinct texts. For judging they are held as categories, a number in each row in place of the text;
what is judged is the same."""
DETAILED_ACTIONS: tuple[str, ...] = ("remediated",)
"""The actions whose ``detail`` is judged. For judging, the detail of all others is held as the empty text: it is most
of the audit trail. One that is missing stays missing."""


@dataclass(frozen=True)
class Phase:
    """A phase of the load; times are epoch ns, ``end_ns`` exclusive."""

    name: Literal["warmup", "measure"]
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class PhaseClock:
    """``load/phases.json``: published by the generator when its schedule starts; the other stages follow it."""

    schema: Literal[1]
    anchor_wall_ns: int
    phases: tuple[Phase, ...]
    arrivals_scheduled: dict[str, int]

    def phase(self, name: str) -> Phase:
        """The phase of that name. Raises KeyError if the load has none."""
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise KeyError(f"the load has no phase {name!r}")


@dataclass(frozen=True)
class ScenarioEvidence:
    """All evidence of one scenario, read from sealed stages whose hashes were checked.

    ``generator``, ``observe``, ``collect``, ``probe`` and ``drill`` are the stages' JSON facts (docs/archive.md). The
    last fields are None in a scenario without that stage (``evidence.scenario_stages``).
    """

    scenario: str
    requests: pd.DataFrame
    metrics: pd.DataFrame
    health: pd.DataFrame
    audit: pd.DataFrame
    deliveries: pd.DataFrame
    clock: PhaseClock
    generator: dict[str, Any]
    observe: dict[str, Any]
    collect: dict[str, Any]
    probes: pd.DataFrame | None = None
    probe: dict[str, Any] | None = None
    drill: dict[str, Any] | None = None
    replay: pd.DataFrame | None = None
    ingress: bool = False
    """Whether the environment of the plan names an ingress, so that the paths through it must have been probed."""
    images: Mapping[str, tuple[str, ...]] | None = None
    """Component -> digests of the images that it was deployed with; None where the plan follows no images."""
    missing: tuple[str, ...] = ()
    """Data sets ("stage/file") that are not there and stand as empty: such evidence is only shown, never judged."""


def data_sets_of(evidence: ScenarioEvidence) -> tuple[str, ...]:
    """The names ("stage/file") of the data sets that this evidence has."""
    optional = (name for name, (field, _) in OPTIONAL_DATASETS.items() if getattr(evidence, field) is not None)
    return (*DATASETS, *optional)


def frame_of(evidence: ScenarioEvidence, dataset: str) -> pd.DataFrame:
    """The rows of one of them."""
    optional = OPTIONAL_DATASETS.get(dataset)
    frame: pd.DataFrame = getattr(evidence, optional[0] if optional else dataset.split("/")[1].removesuffix(".parquet"))
    return frame


def columns_of(dataset: str) -> dict[str, str]:
    """Column -> type of a data set."""
    return DATASETS[dataset] if dataset in DATASETS else OPTIONAL_DATASETS[dataset][1]


def kind_of(dataset: str, column: pd.Series[Any]) -> str:
    """The type of a column as it is declared: a category of texts where few are expected (FEW_TEXTS) is text."""
    kind = str(column.dtype)
    if kind == "category" and column.name in FEW_TEXTS.get(dataset, ()):
        return str(column.cat.categories.dtype)
    return kind


def place_of(evidence: ScenarioEvidence, dataset: str) -> str:
    """The file ("stage/file") that holds the data set of that name, for people."""
    return METRICS_COLLECTED_AT if dataset == METRICS_AT and "metrics" in evidence.collect else dataset
