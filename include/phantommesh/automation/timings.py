"""Histograms that cost next to nothing to fill.

The Prometheus client's own histogram takes a lock and walks its buckets for each observation, 2 to 3 us; a replica
makes several for each event. These are filled from one thread, the event loop's, with a binary search and an
addition, and turned into the client's families when /metrics is read.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from prometheus_client.core import HistogramMetricFamily

# 20 us to 10 s, about five to a decade.
BUCKETS_S = (
    2e-5, 3.5e-5, 6e-5, 1e-4, 2e-4, 3.5e-4, 6e-4, 1e-3, 2e-3, 3.5e-3, 6e-3, 1e-2, 2e-2, 3.5e-2, 6e-2, 0.1, 0.2, 0.35,
    0.6, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip
_BUCKETS_NS = tuple(round(bucket * 1e9) for bucket in BUCKETS_S)


class Timing:
    """One operation: how many took at most each of BUCKETS_S, and the sum."""

    __slots__ = ("_counts", "_sum_ns")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._sum_ns = 0

    def add(self, took_ns: int) -> None:
        """One observation."""
        self._counts[bisect_left(_BUCKETS_NS, took_ns)] += 1
        self._sum_ns += took_ns

    def add_each(self, now_ns: int, started_ns: Iterable[int]) -> None:
        """Several that end now."""
        counts = self._counts
        for started in started_ns:
            took_ns = now_ns - started
            counts[bisect_left(_BUCKETS_NS, took_ns)] += 1
            self._sum_ns += took_ns

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as the text format has them."""
        total, found = 0, []
        for bound, count in zip((*map(_text, BUCKETS_S), "+Inf"), self._counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found

    @property
    def sum_s(self) -> float:
        """All observations together."""
        return self._sum_ns / 1e9


class Timings:
    """One histogram family, a series for each operation."""

    def __init__(self, name: str, text: str, operations: tuple[str, ...]) -> None:
        self._name, self._text = name, text
        self.of = {operation: Timing() for operation in operations}

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What /metrics shows."""
        family = HistogramMetricFamily(self._name, self._text, labels=["operation"])
        for operation, timing in self.of.items():
            family.add_metric([operation], timing.buckets(), timing.sum_s)
        yield family


def _text(bound: float) -> str:
    return str(float(bound))
