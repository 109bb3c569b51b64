"""Where each channel is, and as whom it is spoken to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlackEndpoint:
    """An incoming webhook. Its URL is the secret."""

    url: str


@dataclass(frozen=True, slots=True)
class PagerdutyEndpoint:
    """The Events API. routing_key: of the service's integration, 32 characters; a secret."""

    url: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class EmailEndpoint:
    """An SMTP server. tls: none, starttls, or implicit (RFC 8314). Without a username nobody logs in."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    tls: str = "none"
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class SmsEndpoint:
    """The messages of one account of an HTTP service in Twilio's shape. auth_token: a secret."""

    url: str
    account_sid: str
    auth_token: str
    sender: str
    to: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All channels."""

    slack: SlackEndpoint
    pagerduty: PagerdutyEndpoint
    email: EmailEndpoint
    sms: SmsEndpoint
