"""The section alert_routing: which alerts go where, and how stubbornly."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len

from phantommesh.config.secret_source import SecretSource
from phantommesh.config.section import (
    HttpAddress,
    Line,
    Linger,
    LookupAddress,
    MailAddress,
    Phone,
    Retries,
    Seconds,
    Section,
)

AlertLevel = Literal["medium", "high", "critical"]
Channel = Literal["slack", "pagerduty", "email", "sms"]
CHANNELS: tuple[Channel, ...] = ("slack", "pagerduty", "email", "sms")
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Channels(Section):
    """The levels that each channel takes."""

    slack: tuple[AlertLevel, ...]
    """The levels that go to Slack."""
    pagerduty: tuple[AlertLevel, ...]
    """The levels that go to PagerDuty."""
    email: tuple[AlertLevel, ...]
    """The levels that go out as email."""
    sms: tuple[AlertLevel, ...]
    """The levels that go out as SMS."""


@dataclass(frozen=True, slots=True)
class SlackEndpoint(Section):
    """An incoming webhook of Slack."""

    url: SecretSource
    """The webhook's address. Whoever knows it can write to the channel: it is a secret."""
    lookup_url: LookupAddress | None = None
    """Where to ask whether Slack has a delivery; {delivery_id} stands for its id, 200 means yes, 404 no.
    Absent: nobody can be asked, and what may have arrived without our knowing is sent again."""


@dataclass(frozen=True, slots=True)
class PagerdutyEndpoint(Section):
    """The Events API of PagerDuty."""

    url: HttpAddress
    """Where events are posted; PagerDuty's own is https://events.pagerduty.com/v2/enqueue."""
    routing_key: SecretSource
    """The integration key of the service that is paged."""
    lookup_url: LookupAddress | None = None
    """Where to ask whether PagerDuty has a delivery; {delivery_id} stands for its id, 200 means yes, 404 no.
    Absent: nobody can be asked, and what may have arrived without our knowing is sent again."""


@dataclass(frozen=True, slots=True)
class EmailEndpoint(Section):
    """An SMTP server."""

    host: Line
    """The SMTP server's name or address."""
    port: Annotated[int, Ge(1), Le(65_535)]
    """The SMTP server's port; 587 is usual with starttls."""
    sender: MailAddress
    """The address in From."""
    recipients: Annotated[tuple[MailAddress, ...], Len(1, 50)]
    """The addresses in To."""
    starttls: bool
    """Whether the connection must be encrypted before anything is said."""
    username: Line | None = None
    """Who logs in; absent: nobody does."""
    password: SecretSource | None = None
    """The password of username."""
    lookup_url: LookupAddress | None = None
    """Where to ask whether the recipients have a delivery; {delivery_id} stands for its id, 200 means yes, 404 no.
    Absent: nobody can be asked, and what may have arrived without our knowing is sent again."""

    def __post_init__(self) -> None:
        """Raises ValueError for half a login, and for one that would go over the network as clear text."""
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password must be given both or not at all")
        if self.password is not None and not self.starttls and self.host not in _THIS_MACHINE:
            raise ValueError("a login needs starttls: true, since the password would be sent as clear text")


@dataclass(frozen=True, slots=True)
class SmsEndpoint(Section):
    """The messages of one account of an HTTP service in the shape of Twilio's."""

    url: HttpAddress
    """Where messages are posted; {account_sid} in it stands for the account."""
    account_sid: Line
    """The account that sends, and the name that it logs in with."""
    sender: Phone
    """The number that messages come from."""
    recipients: Annotated[tuple[Phone, ...], Len(1, 20)]
    """The numbers that every message goes to."""
    token: SecretSource
    """The account's authentication token."""
    lookup_url: LookupAddress | None = None
    """Where to ask whether the service has a delivery; {delivery_id} stands for its id, 200 means yes, 404 no.
    Absent: nobody can be asked, and what may have arrived without our knowing is sent again."""


@dataclass(frozen=True, slots=True)
class Endpoints(Section):
    """Where each channel is; one that is absent delivers to the platform's own sink."""

    slack: SlackEndpoint | None = None
    """Slack's incoming webhook; absent: the platform's own sink."""
    pagerduty: PagerdutyEndpoint | None = None
    """PagerDuty's Events API; absent: the platform's own sink."""
    email: EmailEndpoint | None = None
    """The SMTP server; absent: the platform's own sink."""
    sms: SmsEndpoint | None = None
    """The SMS service; absent: the platform's own sink."""


@dataclass(frozen=True, slots=True)
class Breaker(Section):
    """When a channel that fails is left alone, and for how long."""

    failures: Annotated[int, Ge(1), Le(100)]
    """Failures in a row after which a channel is left alone; at most max_retries + 1, so that no alert runs out of
    retries at a channel that is down."""
    open_s: Seconds
    """How long it is left alone before one delivery probes it."""


@dataclass(frozen=True, slots=True)
class AlertRouting(Section):
    """Where alerts go and how stubbornly a delivery is tried."""

    channels: Channels
    """Which levels each channel takes."""
    escalation_timeout_s: Annotated[float, Ge(1), Le(604_800)]
    """How long an incident may stay unacknowledged before it is escalated."""
    max_retries: Retries
    """Tries after the first one; then the delivery is given up and the audit trail says so."""
    retry_backoff_s: Seconds
    """The longest wait before the first retry; it doubles with each further one, with full jitter."""
    retry_backoff_max_s: Annotated[float, Gt(0), Le(3600)]
    """What a wait before a retry never exceeds."""
    delivery_timeout_s: Seconds
    """How long one try may take."""
    delivery_linger_ms: Linger
    """How long a delivery waits for others at high rates, so that they leave together; at low rates none waits."""
    lookup_patience_s: Annotated[float, Ge(1), Le(86_400)]
    """How long a channel is asked for a delivery that may have arrived without our knowing; without an answer by then
    it is sent again, and the audit trail says so."""
    breaker: Breaker
    """When a channel that fails is left alone."""
    endpoints: Endpoints = Endpoints()
    """Where each channel is."""

    def __post_init__(self) -> None:
        """Raises ValueError when the shortest wait is longer than the longest, and when a channel that is down would be
        given up before it is left alone: its alerts would then be lost."""
        if self.retry_backoff_s > self.retry_backoff_max_s:
            raise ValueError("retry_backoff_s must not be above retry_backoff_max_s")
        if self.breaker.failures > self.max_retries + 1:
            raise ValueError("breaker.failures must not be above max_retries + 1")

    def due(self, level: str) -> tuple[Channel, ...]:
        """The channels that take an event of this level, in the order of CHANNELS."""
        taken: dict[Channel, tuple[AlertLevel, ...]] = {
            "slack": self.channels.slack,
            "pagerduty": self.channels.pagerduty,
            "email": self.channels.email,
            "sms": self.channels.sms,
        }
        return tuple(channel for channel in CHANNELS if level in taken[channel])
