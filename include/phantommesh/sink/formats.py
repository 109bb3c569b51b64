"""What the services behind slack, pagerduty and sms take, what they answer, and the alerts in a message.

Each function takes a request's body and returns the alerts in it with the answer. The limits that these services state
are checked, so that a message which they would refuse is refused here. Which part of a message holds which id is said
in docs/platform-api.md.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

import msgspec

from phantommesh.sink.record import Delivery, Taken

TEXT = b"text/plain; charset=utf-8"
JSON = b"application/json"
MAX_BLOCKS, MAX_SECTION, MAX_BLOCK_ID = 50, 3000, 255
MAX_EVENT_BYTES, MAX_SUMMARY, MAX_DEDUP_KEY, ROUTING_KEY = 512 * 1024, 1024, 255, 32
MAX_SMS = 1600

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
LEVEL = r"critical|high|medium|low"
_SECTION = re.compile(rf"\*({LEVEL})\* [^\n]*\nincident {UUID} event ({UUID})\nfrom ([^\n]*)")
_SMS = re.compile(rf"^(?:NOT ACKNOWLEDGED: )?({LEVEL}) [^\n]*\n({UUID}) ({UUID}) ([^\n]*)$", re.MULTILINE)
_UUID = re.compile(UUID)
_ESCAPED = re.compile(r"\\([\\nr])")
_PLAIN = {"\\": "\\", "n": "\n", "r": "\r"}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Understood:
    """The alerts of a message, and the answer to it."""

    alerts: list[Taken]
    status: int
    content_type: bytes
    body: bytes


Format = Callable[[bytes], Understood]
_deliveries = msgspec.json.Decoder(list[Delivery])


def plain(body: bytes) -> Understood:
    """An array of alerts in the sink's own form."""
    try:
        alerts = _deliveries.decode(body)
    except msgspec.DecodeError as error:
        return Understood([], 400, JSON, _encode({"error": str(error)}))
    return Understood([*alerts], 200, JSON, _encode({"taken": len(alerts)}))


class _Text(msgspec.Struct):
    text: str


class _Block(msgspec.Struct):
    type: str
    block_id: str = ""
    text: _Text | None = None


class _Webhook(msgspec.Struct):
    text: str = ""
    blocks: list[_Block] = []


class _Details(msgspec.Struct):
    alerts: list[Taken] = []


class _Payload(msgspec.Struct):
    summary: str
    source: str
    severity: str
    custom_details: _Details | None = None


class _Event(msgspec.Struct):
    routing_key: str
    event_action: str
    payload: _Payload
    dedup_key: str = ""


_webhook = msgspec.json.Decoder(_Webhook)
_event = msgspec.json.Decoder(_Event)


def slack(body: bytes) -> Understood:
    """An incoming webhook."""
    try:
        message = _webhook.decode(body)
    except msgspec.DecodeError:
        return Understood([], 400, TEXT, b"invalid_payload")
    blocks = message.blocks
    if not message.text and not blocks:
        return Understood([], 400, TEXT, b"no_text")
    names = [block.block_id for block in blocks if block.block_id]
    too_long = any(
        len(block.block_id) > MAX_BLOCK_ID or (block.text is not None and not 0 < len(block.text.text) <= MAX_SECTION)
        for block in blocks
    )
    if len(blocks) > MAX_BLOCKS or too_long or len(set(names)) != len(names):
        return Understood([], 400, TEXT, b"invalid_blocks")
    found = ((block, _SECTION.fullmatch(block.text.text)) for block in blocks if block.text is not None)
    alerts = [
        Taken(block.block_id, match[2], unescaped(_from_mrkdwn(match[3])), match[1]) for block, match in found if match
    ]
    return Understood(alerts, 200, TEXT, b"ok")


def pagerduty(body: bytes) -> Understood:
    """The Events API version 2."""
    if len(body) > MAX_EVENT_BYTES:
        return Understood([], 413, JSON, _encode({"status": "invalid event", "message": "Event is too large"}))
    try:
        event = _event.decode(body)
    except msgspec.DecodeError as error:
        return _invalid_event([str(error)])
    problems = _problems(event)
    if problems:
        return _invalid_event(problems)
    details = event.payload.custom_details
    answer = {"status": "success", "message": "Event processed", "dedup_key": event.dedup_key or uuid.uuid4().hex}
    return Understood([] if details is None else details.alerts, 202, JSON, _encode(answer))


def _problems(event: _Event) -> list[str]:
    payload = event.payload
    rules = (
        (len(event.routing_key) == ROUTING_KEY, "Length of 'routing_key' is incorrect (should be 32 characters)"),
        (event.event_action in ("trigger", "acknowledge", "resolve"), "'event_action' is invalid"),
        (payload.severity in ("critical", "error", "warning", "info"), "'payload.severity' is invalid"),
        (0 < len(payload.summary) <= MAX_SUMMARY, "'payload.summary' must have 1 to 1024 characters"),
        (payload.source != "", "'payload.source' is missing or blank"),
        (len(event.dedup_key) <= MAX_DEDUP_KEY, "'dedup_key' must have at most 255 characters"),
    )
    return [problem for holds, problem in rules if not holds]


def _invalid_event(problems: list[str]) -> Understood:
    answer = {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
    return Understood([], 400, JSON, _encode(answer))


def sms(body: bytes) -> Understood:
    """Messages in Twilio's shape."""
    form = parse_qs(body.decode("latin-1"), keep_blank_values=True)
    to, sender, text = (form.get(name, [""])[0] for name in ("To", "From", "Body"))
    for value, code, problem in (
        (to, 21604, "A 'To' phone number is required."),
        (sender, 21603, "A 'From' phone number is required."),
        (text, 21602, "Message body is required."),
    ):
        if not value:
            return _bad_sms(code, problem)
    if len(text.encode("utf-16-le")) // 2 > MAX_SMS:
        return _bad_sms(21617, "The concatenated message body exceeds the 1600 character limit.")
    alerts = [Taken(match[2], match[3], unescaped(match[4]), match[1]) for match in _SMS.finditer(text)]
    answer = {"sid": f"SM{uuid.uuid4().hex}", "status": "queued", "to": to, "from": sender, "error_code": None}
    return Understood(alerts, 201, JSON, _encode(answer))


def _bad_sms(code: int, problem: str) -> Understood:
    more = f"https://www.twilio.com/docs/errors/{code}"
    answer = {"code": code, "message": problem, "more_info": more, "status": 400}
    return Understood([], 400, JSON, _encode(answer))


def unescaped(text: str) -> str:
    """A source as it was before it was put on one line."""
    return _ESCAPED.sub(lambda match: _PLAIN[match[1]], text) if "\\" in text else text


def _from_mrkdwn(text: str) -> str:
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
