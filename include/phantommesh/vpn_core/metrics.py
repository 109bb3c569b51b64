"""What a replica of vpn-core counts and times, in Prometheus' terms, beside the client's own of the process."""

import prometheus_client
from prometheus_client import Counter, Histogram

# 100 us to 10 s, about five to a decade.
BUCKETS_S = (
    1e-4, 2e-4, 3.5e-4, 6e-4, 1e-3, 2e-3, 3.5e-3, 6e-3, 1e-2, 2e-2, 3.5e-2, 6e-2, 0.1, 0.2, 0.35, 0.6, 1.0, 2.0, 5.0,
    10.0,
)  # fmt: skip


class Metrics:
    """One replica's metrics, in the default registry."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()
        for collector in (prometheus_client.GC_COLLECTOR, prometheus_client.PLATFORM_COLLECTOR):
            prometheus_client.REGISTRY.unregister(collector)
        self._requests = Counter("phantommesh_vpn_requests", "Requests answered", ["route", "status"])
        self._seconds = Histogram(
            "phantommesh_vpn_request_seconds", "From a request to its answer", ["route"], buckets=BUCKETS_S
        )

    def answered(self, route: str, status: int, took_s: float) -> None:
        """Count one answer. route: the method and the pattern of the path, never the path itself."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(took_s)

    def text(self) -> bytes:
        """All metrics in the text format 0.0.4."""
        text: bytes = prometheus_client.generate_latest(prometheus_client.REGISTRY)
        return text
