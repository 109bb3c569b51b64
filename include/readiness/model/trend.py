"""The trend of a series of each replica, as the report shows it."""

from dataclasses import dataclass

from readiness.model.interval import Interval


@dataclass(frozen=True)
class ReplicaTrend:
    """``per_hour``: bytes or cores; ``interval``: of this replica by itself."""

    replica: str
    per_hour: float
    interval: Interval


@dataclass(frozen=True)
class Trends:
    """Of memory and CPU; a replica that was observed too briefly for a trend is in neither."""

    memory: tuple[ReplicaTrend, ...] = ()
    cpu: tuple[ReplicaTrend, ...] = ()
