"""What can be configured, with the legal values, as frozen dataclasses.

pydantic checks what users write against these (see ``load``). A replica reads what was checked already, and starts
without pydantic: a third of its start would go into importing it. annotated_types is pydantic's own vocabulary.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le

AlertLevel = Literal["medium", "high", "critical"]
Channel = Literal["slack", "pagerduty", "email", "sms"]
CHANNELS: tuple[Channel, ...] = ("slack", "pagerduty", "email", "sms")

Risk = Annotated[float, Gt(0), Le(10)]
Seconds = Annotated[float, Gt(0), Le(60)]


class _Section:
    """pydantic's own hook for dataclasses: what is unknown is an error."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True, slots=True)
class RiskThresholds(_Section):
    """The lowest risk of each level, on the scale 0 to 10."""

    critical: Risk
    high: Risk
    medium: Risk

    def __post_init__(self) -> None:
        """Raises ValueError when the levels are not in order."""
        if not self.critical > self.high > self.medium:
            raise ValueError("must be critical > high > medium")


@dataclass(frozen=True, slots=True)
class ThreatAssessment(_Section):
    """How a score becomes a level."""

    risk_thresholds: RiskThresholds
    confidence_min: Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, slots=True)
class Channels(_Section):
    """The levels that each alert channel takes."""

    slack: tuple[AlertLevel, ...]
    pagerduty: tuple[AlertLevel, ...]
    email: tuple[AlertLevel, ...]
    sms: tuple[AlertLevel, ...]


@dataclass(frozen=True, slots=True)
class AlertRouting(_Section):
    """Where alerts go and how often a delivery is tried."""

    channels: Channels
    max_retries: Annotated[int, Ge(0), Le(10)]
    retry_backoff_s: Seconds
    delivery_timeout_s: Seconds

    def due(self, level: str) -> tuple[Channel, ...]:
        """The channels that take an event of this level, in a fixed order."""
        return tuple(channel for channel in CHANNELS if level in getattr(self.channels, channel))


@dataclass(frozen=True, slots=True)
class System(_Section):
    """Limits of a replica."""

    event_queue_size: Annotated[int, Ge(1), Le(10_000_000)]
    dedup_window_s: Annotated[float, Gt(0), Le(86_400)]
    drain_s: Seconds
    lease_s: Annotated[float, Ge(1), Le(60)]


@dataclass(frozen=True, slots=True)
class Database(_Section):
    """Connections and timeouts of a replica."""

    audit_readers: Annotated[int, Ge(1), Le(16)]
    connect_timeout_s: Seconds
    statement_timeout_s: Seconds


@dataclass(frozen=True, slots=True)
class Config(_Section):
    """The whole configuration."""

    threat_assessment: ThreatAssessment
    alert_routing: AlertRouting
    system: System
    database: Database
