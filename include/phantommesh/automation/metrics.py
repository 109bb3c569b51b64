"""What a replica counts and times, in Prometheus' terms.

Operations of phantommesh_operation_seconds, each once for an event unless said otherwise:
  accept             request complete -> the answer is known (once for a request whose events became durable)
  threat_assessment  received -> its assessment is durable
  alert_routing      assessed and durable -> a channel took it (once for each channel; not where it had it already)
  incident_response  received -> its incident is open or joined
  auto_remediation   asked for -> quarantined and recorded (once for an incident)
  end_to_end         received -> fully handled: taken by the last due channel, or found to be due nowhere
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

import prometheus_client
from prometheus_client import Counter, Gauge

from phantommesh.automation.assess import LEVELS
from phantommesh.automation.timings import Timings
from phantommesh.config.model import CHANNELS
from phantommesh.threat_model.manifest import RULES_ONLY

STATUSES = ("accepted", "duplicate", "rejected", "refused", "unavailable")
OUTCOMES = ("delivered", "found", "failed")  # found: the channel was asked and had it, nothing was sent
OPERATIONS = (
    "accept", "threat_assessment", "alert_routing", "incident_response", "auto_remediation", "end_to_end",
)  # fmt: skip


class Metrics:
    """One replica's metrics, in the default registry beside the client's own of the process."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()
        for collector in (prometheus_client.GC_COLLECTOR, prometheus_client.PLATFORM_COLLECTOR):
            prometheus_client.REGISTRY.unregister(collector)
        received = Counter("phantommesh_events_received", "Events received, by what became of them", ["status"])
        assessed = Counter("phantommesh_events_assessed", "Events assessed, by level", ["level"])
        deliveries = Counter("phantommesh_deliveries", "Deliveries ended, by outcome", ["channel", "outcome"])
        incidents = Counter("phantommesh_incidents", "Incidents opened and joined", ["action"])
        seconds = Timings("phantommesh_operation_seconds", "How long operations take", OPERATIONS)
        prometheus_client.REGISTRY.register(seconds)
        self._depth = Gauge("phantommesh_queue_depth", "Events durable and not yet fully handled")
        # Children are looked up once: a series is there from the start, and counting costs no lookup.
        self.received = {status: received.labels(status) for status in STATUSES}
        self.assessed = {level: assessed.labels(level) for level in LEVELS}
        self.deliveries: dict[str, dict[str, Any]] = {
            outcome: {channel: deliveries.labels(channel, outcome) for channel in CHANNELS} for outcome in OUTCOMES
        }
        self.incidents = {action: incidents.labels(action) for action in ("opened", "joined")}
        self._seconds = seconds.of
        self._model = Gauge("phantommesh_model_info", "The threat model in force", ["version"])
        self._model.labels(RULES_ONLY).set(1)
        self._cache_failures = Counter("phantommesh_cache_failures", "Times that the cache did not answer")
        self._refused_models = Counter("phantommesh_models_refused", "Promoted models that could not be used")

    def depth_from(self, read: Callable[[], float]) -> None:
        """Where the queue depth is read when it is asked for."""
        self._depth.set_function(read)

    def model_loaded(self, version: str) -> None:
        """Another model is in force."""
        self._model.clear()
        self._model.labels(version).set(1)

    def model_refused(self, _reason: str) -> None:
        """A model was promoted that cannot be used; the log says why."""
        self._refused_models.inc()

    def cache_failed(self) -> None:
        """The cache of histories did not answer; the database did."""
        self._cache_failures.inc()

    def took(self, operation: str, started_ns: int, ended_ns: int | None = None) -> None:
        """Time one operation that began at an epoch time, and ended at another or ends now."""
        self._seconds[operation].add((ended_ns or time.time_ns()) - started_ns)

    def took_each(self, operation: str, started_ns: Iterable[int]) -> None:
        """Time several operations that end now."""
        self._seconds[operation].add_each(time.time_ns(), started_ns)

    def text(self) -> bytes:
        """All metrics in the text format 0.0.4."""
        text: bytes = prometheus_client.generate_latest(prometheus_client.REGISTRY)
        return text
