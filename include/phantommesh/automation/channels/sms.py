"""SMS: short messages through an HTTP service in the shape of Twilio's.

Format: https://www.twilio.com/docs/messaging/api/message-resource (a form with To, From and Body to
.../Accounts/{sid}/Messages.json, basic authentication, a Body of at most 1,600 characters, answered 201); what is wrong
with a body: https://www.twilio.com/docs/api/errors/21617, .../21602 and .../21658.

A message holds as many alerts as fit. An alert is two lines: what happened; delivery_id, event_id and source. It goes
to every number that is configured, and counts as taken when one of them was accepted.
"""

import base64
import logging
from collections.abc import Iterator, Sequence
from urllib.parse import quote, quote_plus

import msgspec

from phantommesh.automation.channels.connection import Answer
from phantommesh.automation.channels.contract import ChannelError
from phantommesh.automation.channels.endpoints import SmsEndpoint
from phantommesh.automation.channels.posting import Message, Posting
from phantommesh.automation.channels.wording import ids, one_line, shown
from phantommesh.automation.delivery import ESCALATION, Delivery

MAX_BODY = 1600
MAX_SIGNATURE = 60
# Error codes that are about the body; others (a number, an account) can be put right while the alert waits.
_BAD_BODY = frozenset({21602, 21617, 21619, 21658})
_log = logging.getLogger(__name__)


class _Problem(msgspec.Struct):
    code: int | None = None


class Sms:
    """The channel `sms`."""

    name = "sms"
    max_batch = 100

    def __init__(self, endpoint: SmsEndpoint, timeout_s: float) -> None:
        login = base64.b64encode(f"{endpoint.account_sid}:{endpoint.token}".encode()).decode()
        headers = (f"Authorization: Basic {login}", "Content-Type: application/x-www-form-urlencoded")
        sender = f"&From={quote_plus(endpoint.sender)}&Body="
        self._forms = [f"To={quote_plus(number)}{sender}" for number in endpoint.recipients]
        url = endpoint.url.replace("{account_sid}", quote(endpoint.account_sid, safe=""))
        self._posting = Posting(url, headers, timeout_s, accepted=201, is_refused=_is_refused)

    async def post(self, alerts: Sequence[Delivery]) -> None:
        """See Channel.post."""
        try:
            await self._posting.post(list(self._messages(alerts)))
        except ChannelError as error:
            taken = {alert.delivery_id for alert in error.taken}
            if len(taken) < len(alerts):
                error.taken = [alert for alert in alerts if alert.delivery_id in taken]
                doubtful = {alert.delivery_id for alert in error.doubtful} - taken
                error.doubtful = [alert for alert in alerts if alert.delivery_id in doubtful]
                raise
            # Somebody has each of them; sending them again would bring them to the same people twice.
            _log.warning("sms: not every number was reached: %s", error)

    def close(self) -> None:
        """See Channel.close."""
        self._posting.close()

    def _messages(self, alerts: Sequence[Delivery]) -> Iterator[Message]:
        texts: list[str] = []
        size, first = 0, 0
        for index, alert in enumerate(alerts):
            text = _text(alert)
            length = _length(text) + 1
            if texts and size + length > MAX_BODY:
                yield from self._to_all(texts, alerts[first:index])
                texts, size, first = [], 0, index
            texts.append(text)
            size += length
        if texts:
            yield from self._to_all(texts, alerts[first:])

    def _to_all(self, texts: list[str], alerts: Sequence[Delivery]) -> Iterator[Message]:
        body = quote_plus("\n".join(texts))
        for form in self._forms:
            yield (form + body).encode(), alerts


def _text(alert: Delivery) -> str:
    delivery, event, _ = ids(alert)
    what = f"{alert.level} {alert.risk:.1f} {shown(alert.signature, MAX_SIGNATURE)}"
    if alert.kind == ESCALATION:
        what = f"NOT ACKNOWLEDGED: {what}"
    return f"{what}\n{delivery.decode()} {event.decode()} {one_line(alert.source)}"


def _length(text: str) -> int:
    # Counted as the service counts what does not fit GSM-7: in units of UTF-16.
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2


def _is_refused(answer: Answer) -> bool:
    if answer.status != 400:
        return answer.status == 413
    try:
        return msgspec.json.decode(answer.body, type=_Problem).code in _BAD_BODY
    except msgspec.DecodeError:
        return False
