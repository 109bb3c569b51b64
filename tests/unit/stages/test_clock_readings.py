"""Which of several readings of Prometheus's clock counts."""

from typing import Any

import pytest
from readiness.clients.prometheus import ClockReading
from readiness.stages.collect_metrics import _clock


class Clock:
    """Answers one after the other took so long."""

    def __init__(self, *uncertain_ns: int) -> None:
        self._uncertain_ns = list(uncertain_ns)

    def clock(self) -> ClockReading:
        return ClockReading(0, self._uncertain_ns.pop(0))


@pytest.mark.parametrize(("known", "surest"), [((), 3), ((ClockReading(0, 4),), 3), ((ClockReading(0, 2),), 2)])
def test_the_surest_counts_whenever_it_was_made(known: tuple[ClockReading, ...], surest: int) -> None:
    slow: Any = Clock(4_000_000_000, 9, 3, 5, 8)
    assert _clock(slow, *known).uncertainty_ns == surest
