"""The catalogue of metrics: what an objective may be about, and which stage produces the evidence for it.

A new metric is one entry here and one function in ``analysis`` (see ``analysis.measure``).
"""

from dataclasses import dataclass
from enum import StrEnum

from readiness.model.quantity import Dimension


class Kind(StrEnum):
    """How a metric is estimated, which decides what its confidence interval is."""

    SAMPLE = "sample"  # many observations: percentiles, by order statistics
    PROPORTION = "proportion"  # k of n: Clopper-Pearson
    COUNT = "count"  # counted exactly: no interval
    VALUE = "value"  # one number, with an interval where its method gives one


PERCENTILES: dict[str, float] = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
SAMPLE_STATISTICS: tuple[str, ...] = (*PERCENTILES, "max")


@dataclass(frozen=True)
class Metric:
    """One thing that can be measured. ``evidence``: the data sets ("stage/file") it is computed from.
    ``stage``: the stage that produces the last of them."""

    name: str
    kind: Kind
    dimension: Dimension
    stage: str
    evidence: tuple[str, ...]
    description: str

    @property
    def statistics(self) -> tuple[str, ...]:
        """The statistics an objective may name; empty for a metric that is one number already."""
        return SAMPLE_STATISTICS if self.kind is Kind.SAMPLE else ()


_REQUESTS, _AUDIT, _DELIVERIES = (
    "load/requests.parquet",
    "collect/audit.parquet",
    "collect/deliveries.parquet",
)
_METRICS, _HEALTH = "observe/metrics.parquet", "observe/health.parquet"
PROBES = "probe/samples.parquet"
VERDICTS = "replay/verdicts.parquet"
VERDICTS_CHANGED = "verdicts_changed"
"""The metric for which events are sent a second time (the replay stage)."""

_ALL = (
    Metric("accept_latency", Kind.SAMPLE, Dimension.DURATION, "load", (_REQUESTS,),
           "intended send time to the answer that acknowledges the event"),
    Metric("end_to_end_latency", Kind.SAMPLE, Dimension.DURATION, "collect", (_REQUESTS, _DELIVERIES),
           "intended send time to the last due alert of the event received by its channel"),
    Metric("error_rate", Kind.PROPORTION, Dimension.RATIO, "load", (_REQUESTS,),
           "share of the requests of the measured phase that were not answered with success"),
    Metric("request_errors", Kind.COUNT, Dimension.COUNT, "load", (_REQUESTS,),
           "requests of the measured phase that were not answered with success"),
    Metric("availability", Kind.PROPORTION, Dimension.RATIO, "load", (_REQUESTS,),
           "share of the requests of the measured phase that were answered with success"),
    Metric("achieved_rate", Kind.VALUE, Dimension.RATE, "load", (_REQUESTS,),
           "requests sent per time in the measured phase"),
    Metric("achieved_load", Kind.PROPORTION, Dimension.RATIO, "load", (_REQUESTS,),
           "share of the arrivals scheduled for the measured phase that were really sent"),
    Metric("events_lost", Kind.COUNT, Dimension.COUNT, "collect", (_REQUESTS, _AUDIT),
           "events acknowledged but not persisted"),
    Metric("events_acknowledged_early", Kind.COUNT, Dimension.COUNT, "collect", (_REQUESTS, _AUDIT),
           "events acknowledged before they were persisted"),
    Metric("events_unexpected", Kind.COUNT, Dimension.COUNT, "collect", (_REQUESTS, _AUDIT),
           "events persisted that were never attempted, or more than once"),
    Metric("alerts_undelivered", Kind.COUNT, Dimension.COUNT, "collect", (_AUDIT, _DELIVERIES),
           "alerts due to a channel that it did not receive, and events that were never assessed"),
    Metric("alerts_duplicated", Kind.COUNT, Dimension.COUNT, "collect", (_DELIVERIES,),
           "alerts that a channel received more often than they were due to it"),
    Metric("alerts_misrouted", Kind.COUNT, Dimension.COUNT, "collect", (_AUDIT, _DELIVERIES),
           "alerts that a channel received which they were not due to"),
    Metric("remediated_twice", Kind.COUNT, Dimension.COUNT, "collect", (_AUDIT,),
           "incidents that were remediated more than once"),
    Metric(VERDICTS_CHANGED, Kind.COUNT, Dimension.COUNT, "replay", (VERDICTS,),
           "events of a sample whose verdict under load is not that of a quiet replay"),
    Metric("replica_ready", Kind.PROPORTION, Dimension.RATIO, "observe", (_HEALTH,),
           "share of the health samples of the measured phase that were ready, for the worst replica"),
    Metric("replica_ready_outside_fault", Kind.PROPORTION, Dimension.RATIO, "drill", (_HEALTH,),
           "as replica_ready, over the samples outside of the time of the fault"),
    Metric("error_rate_outside_fault", Kind.PROPORTION, Dimension.RATIO, "drill", (_REQUESTS,),
           "share of the requests outside of the time of the fault that were not answered with success"),
    Metric("wrong_answers_in_fault", Kind.COUNT, Dimension.COUNT, "drill", (_REQUESTS,),
           "requests in the time of the fault that got an answer other than success or an honest refusal (429, 503)"),
    Metric("queue_depth", Kind.SAMPLE, Dimension.COUNT, "observe", (_METRICS,),
           "events durable and not yet fully handled, sampled once a second"),
    Metric("queue_recovery_time", Kind.VALUE, Dimension.DURATION, "observe", (_METRICS,),
           "from the end of the measured phase until the queue is back at its level before"),
    Metric("memory_slope", Kind.VALUE, Dimension.BYTES_PER_HOUR, "observe", (_METRICS,),
           "trend of resident memory in the measured phase, for the worst replica"),
    Metric("cpu_slope", Kind.VALUE, Dimension.CORES_PER_HOUR, "observe", (_METRICS,),
           "trend of CPU use in the measured phase, for the worst replica"),
    Metric("scale_out_time", Kind.VALUE, Dimension.DURATION, "observe", (_HEALTH,),
           "from the start of the load until the scaled-out replicas are ready"),
    Metric("interruption", Kind.VALUE, Dimension.DURATION, "probe", (PROBES,),
           "longest time without a success on any probed path"),
    Metric("recovery_time", Kind.VALUE, Dimension.DURATION, "drill", (_HEALTH,),
           "from the end of a fault, or from its injection if it does not last, until every replica is ready and the "
           "queue is back at its level before; the longest of the drill"),
    Metric("degraded_rate", Kind.VALUE, Dimension.RATE, "drill", (_REQUESTS,),
           "events acknowledged per time while a fault is in place and not all replicas under load are gone"),
)  # fmt: skip

CATALOGUE: dict[str, Metric] = {metric.name: metric for metric in _ALL}
