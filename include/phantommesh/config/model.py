"""What can be configured, with the legal values, as frozen dataclasses. The text below a field is its reference."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from phantommesh.config.alert_routing import CHANNELS, AlertLevel, AlertRouting, Channel
from phantommesh.config.secret_source import SecretSource
from phantommesh.config.section import CacheAddress, Line, Linger, Retries, Risk, Seconds, Section, TimeOfDay, Ttl

__all__ = [
    "CHANNELS", "AlertLevel", "AlertRouting", "AutoRemediation", "Cache", "Channel", "Config", "Database", "Limits",
    "Logging", "MlTraining", "Retry", "RiskThresholds", "System", "ThreatAssessment",
]  # fmt: skip
_Connections = Annotated[int, Ge(50), Le(200)]


@dataclass(frozen=True, slots=True)
class RiskThresholds(Section):
    """The lowest risk of each level, on the scale 0 to 10; what is below medium is low."""

    critical: Risk
    """An event of this risk or above is critical."""
    high: Risk
    """An event of this risk or above is high."""
    medium: Risk
    """An event of this risk or above is medium."""

    def __post_init__(self) -> None:
        """Raises ValueError when the levels are not in order."""
        if not self.critical > self.high > self.medium:
            raise ValueError("must be critical > high > medium")


@dataclass(frozen=True, slots=True)
class ThreatAssessment(Section):
    """How a score becomes a level."""

    risk_thresholds: RiskThresholds
    """The lowest risk of each level."""
    confidence_min: Annotated[float, Ge(0), Le(1)]
    """An assessment of less confidence is recorded, gets level low and takes no action."""


@dataclass(frozen=True, slots=True)
class AutoRemediation(Section):
    """What the platform does by itself: it quarantines the peer that a threat comes from."""

    enabled: bool
    """Whether peers are quarantined without a person."""
    risk_threshold: Risk
    """The lowest risk, on the scale 0 to 10, at which the peer is quarantined."""
    dry_run: bool
    """Record what would be done, and do nothing."""
    max_concurrent: Annotated[int, Ge(1), Le(1000)]
    """Quarantines under way at once, of all replicas."""
    max_retries: Retries
    """Tries after the first one; then the remediation has failed and the audit trail says so."""
    retry_backoff_s: Seconds
    """The wait before the first retry; each further one is longer."""
    call_timeout_s: Seconds
    """How long one call of vpn-core may take."""


@dataclass(frozen=True, slots=True)
class MlTraining(Section):
    """The daily training of the threat model."""

    schedule: TimeOfDay
    """When a day's training begins, UTC."""
    min_samples: Annotated[int, Ge(100), Le(10_000_000)]
    """With fewer samples nothing is trained."""
    eval_threshold: Annotated[float, Ge(0.5), Le(1)]
    """The area under the ROC curve that a model must reach on held-out events, with its whole interval, to be used."""
    history_hours: Annotated[int, Ge(1), Le(8760)]
    """How far back training reads events, from the last one on."""
    models_dir: Line
    """The folder of the models; a relative one lies in the state folder."""


@dataclass(frozen=True, slots=True)
class System(Section):
    """Limits and rhythm of the replicas."""

    event_queue_size: Annotated[int, Ge(1), Le(10_000_000)]
    """Events accepted and not yet fully handled, of all replicas; more are answered 429."""
    dedup_window_s: Annotated[float, Gt(0), Le(86_400)]
    """An alert joins an incident that was opened at most this long before it."""
    max_workflows: Annotated[int, Ge(1), Le(100_000)]
    """Escalations that a replica begins at once; more wait for its next look. auto_remediation.max_concurrent may not
    be above it."""
    worker_threads: Annotated[int, Ge(1), Le(256)]
    """Threads of a replica for what would block its event loop; they are started when they are needed."""
    drain_s: Annotated[float, Gt(0), Le(10)]
    """How long open connections are still served after SIGTERM."""
    lease_s: Annotated[float, Ge(1), Le(60)]
    """A replica that is silent for longer loses its work to the others."""
    accept_linger_ms: Linger
    """How long an event waits for others at high rates, so that they share a commit; at low rates none waits."""
    settle_linger_ms: Linger
    """How long the mark of a delivery that is over waits for others at high rates; at low rates none waits."""
    max_batch: Annotated[int, Ge(1), Le(10_000)]
    """Events in one transaction."""


@dataclass(frozen=True, slots=True)
class Retry(Section):
    """How often the database is asked again."""

    attempts: Annotated[int, Ge(1), Le(10)]
    """Tries of a statement whose connection was lost; only of those that are safe to repeat."""
    backoff_s: Seconds
    """The wait before the second try; it doubles with each further one."""


@dataclass(frozen=True, slots=True)
class Database(Section):
    """Connections, timeouts and retries."""

    pool_min: _Connections
    """Connections that all replicas together keep open; each keeps an equal share."""
    pool_max: _Connections
    """Connections that all replicas together may open; each may open an equal share."""
    audit_readers: Annotated[int, Ge(1), Le(16)]
    """Readers of the audit trail that a replica serves at once; more wait."""
    connect_timeout_s: Seconds
    """How long connecting may take."""
    statement_timeout_s: Seconds
    """How long a statement may take before the server ends it."""
    retry: Retry
    """How often the database is asked again."""

    def __post_init__(self) -> None:
        """Raises ValueError when the pool's bounds are not in order."""
        if self.pool_min > self.pool_max:
            raise ValueError("pool_min must not be above pool_max")

    def share(self, replicas: int) -> tuple[int, int]:
        """The connections that one of so many replicas keeps open, and may open: at least 1."""
        return max(1, self.pool_min // replicas), max(1, self.pool_max // replicas)


@dataclass(frozen=True, slots=True)
class Cache(Section):
    """An optional cache that speaks the Redis protocol. It is never the truth: without it, or when it fails, the
    database answers. Nothing is ever removed by hand: the version of what is kept is part of its key, so a new version
    is looked up under new keys at once, and the old entries end with their time to live."""

    history_ttl_s: Ttl
    """How long the history of an address is kept."""
    timeout_ms: Annotated[int, Ge(1), Le(1000)]
    """How long the cache may take to answer before the database is asked."""
    url: CacheAddress | None = None
    """Where the cache is; absent: there is none."""
    password: SecretSource | None = None
    """The cache's password; absent: it asks for none."""


@dataclass(frozen=True, slots=True)
class Logging(Section):
    """What is written to a process's log."""

    level: Literal["debug", "info", "warning", "error"]
    """The least level that is written; debug follows every single event."""
    format: Literal["json", "text"]
    """json: one object a line, for machines; text: for people."""


@dataclass(frozen=True, slots=True)
class Limits(Section):
    """What one client may ask of a replica."""

    max_event_bytes: Annotated[int, Ge(1024), Le(16 * 1024 * 1024)]
    """The size of an event; a larger one is answered 413."""
    max_array: Annotated[int, Ge(1), Le(10_000)]
    """Events in one request; more are answered 413."""
    max_body_bytes: Annotated[int, Ge(1024), Le(1024 * 1024 * 1024)]
    """The size of a request's body; a larger one is answered 413."""
    max_connections: Annotated[int, Ge(16), Le(60_000)]
    """Connections that a replica holds open; further ones are closed at once."""

    def __post_init__(self) -> None:
        """Raises ValueError when no body could hold the largest event."""
        if self.max_event_bytes > self.max_body_bytes:
            raise ValueError("max_event_bytes must not be above max_body_bytes")


@dataclass(frozen=True, slots=True)
class Config(Section):
    """The whole configuration."""

    threat_assessment: ThreatAssessment
    alert_routing: AlertRouting
    auto_remediation: AutoRemediation
    ml_training: MlTraining
    system: System
    database: Database
    cache: Cache
    logging: Logging
    limits: Limits

    def __post_init__(self) -> None:
        """Raises ValueError when two sections contradict each other."""
        if self.auto_remediation.max_concurrent > self.system.max_workflows:
            raise ValueError("auto_remediation.max_concurrent must not be above system.max_workflows")
