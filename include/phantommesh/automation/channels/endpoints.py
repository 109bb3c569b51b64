"""Where each channel is and as whom it is spoken to, with the secrets at hand: not to be shown, not to be logged.

lookup_url: where a channel can be asked whether it has a delivery, {delivery_id} standing for its id; None: it cannot.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from phantommesh.config.alert_routing import (
    EmailEndpoint as ConfiguredEmailEndpoint,
)
from phantommesh.config.alert_routing import (
    Endpoints as ConfiguredEndpoints,
)
from phantommesh.config.alert_routing import (
    PagerdutyEndpoint as ConfiguredPagerdutyEndpoint,
)
from phantommesh.config.alert_routing import (
    SlackEndpoint as ConfiguredSlackEndpoint,
)
from phantommesh.config.alert_routing import (
    SmsEndpoint as ConfiguredSmsEndpoint,
)
from phantommesh.config.secret_source import SecretError, SecretSource


@dataclass(frozen=True, slots=True)
class SlackEndpoint:
    """An incoming webhook."""

    url: str = field(repr=False)
    lookup_url: str | None = None


@dataclass(frozen=True, slots=True)
class PagerdutyEndpoint:
    """The Events API. routing_key: of the service's integration, 32 characters."""

    url: str
    routing_key: str = field(repr=False)
    lookup_url: str | None = None


@dataclass(frozen=True, slots=True)
class EmailEndpoint:
    """An SMTP server. Without a username nobody logs in."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    starttls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    lookup_url: str | None = None


@dataclass(frozen=True, slots=True)
class SmsEndpoint:
    """The messages of one account of an HTTP service in Twilio's shape. {account_sid} in url stands for the account."""

    url: str
    account_sid: str
    token: str = field(repr=False)
    sender: str
    recipients: tuple[str, ...]
    lookup_url: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All channels."""

    slack: SlackEndpoint
    pagerduty: PagerdutyEndpoint
    email: EmailEndpoint
    sms: SmsEndpoint


def endpoints(places: ConfiguredEndpoints, otherwise: Endpoints) -> Endpoints:
    """The configured channels with their secrets; `otherwise` for each that is not configured. Raises SecretError with
    the key of the secret that cannot be had."""
    return Endpoints(
        otherwise.slack if places.slack is None else _slack(places.slack),
        otherwise.pagerduty if places.pagerduty is None else _pagerduty(places.pagerduty),
        otherwise.email if places.email is None else _email(places.email),
        otherwise.sms if places.sms is None else _sms(places.sms),
    )


def _slack(place: ConfiguredSlackEndpoint) -> SlackEndpoint:
    url = _secret("slack.url", place.url, _is_web_address, "an address that begins with https://")
    return SlackEndpoint(url, place.lookup_url)


def _pagerduty(place: ConfiguredPagerdutyEndpoint) -> PagerdutyEndpoint:
    return PagerdutyEndpoint(place.url, _secret("pagerduty.routing_key", place.routing_key), place.lookup_url)


def _email(place: ConfiguredEmailEndpoint) -> EmailEndpoint:
    password = None if place.password is None else _secret("email.password", place.password)
    return EmailEndpoint(
        place.host, place.port, place.sender, place.recipients, place.starttls, place.username, password,
        place.lookup_url,
    )  # fmt: skip


def _sms(place: ConfiguredSmsEndpoint) -> SmsEndpoint:
    token = _secret("sms.token", place.token)
    return SmsEndpoint(place.url, place.account_sid, token, place.sender, place.recipients, place.lookup_url)


def _secret(key: str, source: SecretSource, accepts: Callable[[str], bool] = bool, form: str = "a secret") -> str:
    where = f"alert_routing.endpoints.{key}"
    try:
        text = source.reveal()
    except SecretError as error:
        raise SecretError(f"{where}: {error}") from error
    if not accepts(text):
        raise SecretError(f"{where}: what is there is not {form}")
    return text


def _is_web_address(text: str) -> bool:
    return text.startswith(("https://", "http://")) and text.isascii() and " " not in text
