"""What a replica counts and times, in Prometheus' terms.

Operations of phantommesh_operation_seconds, each once for an event unless said otherwise:
  accept             request complete -> the answer is known (once for a request whose events became durable)
  threat_assessment  received -> its assessment is durable
  alert_routing      assessed and durable -> a channel took it (once for each channel)
  incident_response  received -> its incident is open or joined
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

STATUSES = ("accepted", "duplicate", "rejected", "refused", "unavailable")
OPERATIONS = ("accept", "threat_assessment", "alert_routing", "incident_response", "end_to_end")


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
        self.delivered: dict[str, Any] = {channel: deliveries.labels(channel, "delivered") for channel in CHANNELS}
        self.delivery_failed: dict[str, Any] = {channel: deliveries.labels(channel, "failed") for channel in CHANNELS}
        self.incidents = {action: incidents.labels(action) for action in ("opened", "joined")}
        self._seconds = seconds.of

    def depth_from(self, read: Callable[[], float]) -> None:
        """Where the queue depth is read when it is asked for."""
        self._depth.set_function(read)

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
