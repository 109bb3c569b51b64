"""What an event may look like, and the part of it that the service works with."""

import ipaddress
import re
import uuid
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

UNKNOWN_SOURCE = "unknown"
# Events without an id get one from their content; the namespace keeps them apart from ids made elsewhere.
CONTENT_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:phantommesh:event-content")
_MAX_BIGINT = 2**63 - 1
# A NUL as an escape (an even number of backslashes before it) or as a byte: PostgreSQL's text cannot hold it.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000|\x00")
_PATH = re.compile(r"^(.*?)(?: - at `\$?\.?(.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(.+?)`")
_BYTE = re.compile(r"\(byte (\d+)\)")


class EventError(ValueError):
    """An event is not legal. code: 400 or 413; position: the field's path, or a byte position."""

    def __init__(self, reason: str, position: str | int, code: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position
        self.code = code


class Alert(msgspec.Struct, gc=False):
    """The part ``alert`` of a Suricata EVE alert."""

    signature_id: Annotated[int, Meta(ge=0, le=_MAX_BIGINT)]
    signature: str
    category: str
    severity: Annotated[int, Meta(ge=1, le=255)]
    action: object = None


class _Event(msgspec.Struct, gc=False):
    timestamp: str
    event_type: Literal["alert"]
    src_ip: str
    dest_ip: str
    proto: str
    alert: Alert
    flow_id: int | UnsetType = UNSET
    src_port: int | UnsetType = UNSET
    dest_port: int | UnsetType = UNSET
    event_id: uuid.UUID | UnsetType = UNSET
    host: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


class Observation(msgspec.Struct, gc=False):
    """A legal event. received_at_ns: epoch, UTC. body: the event as it came; dropped once it is durable."""

    event_id: uuid.UUID
    source: str
    src_ip: str
    dest_ip: str
    dest_port: int | None
    alert: Alert
    received_at_ns: int
    body: bytes


_decoder = msgspec.json.Decoder(_Event)


def observe(body: bytes, received_at_ns: int) -> Observation:
    """Check one event. Raises EventError with the reason and the place."""
    try:
        event = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise decode_error(error, len(body)) from error
    if b"\\u0000" in body or b"\0" in body:  # a search for bytes costs a tenth of the pattern's
        _refuse_nul(body)
    _check_time(event.timestamp)
    return Observation(
        event_id=event.event_id if event.event_id is not UNSET else content_id(body),
        source=event.host if event.host is not UNSET else UNKNOWN_SOURCE,
        src_ip=_address("src_ip", event.src_ip),
        dest_ip=_address("dest_ip", event.dest_ip),
        dest_port=event.dest_port if event.dest_port is not UNSET else None,
        alert=event.alert,
        received_at_ns=received_at_ns,
        body=body,
    )


def _refuse_nul(body: bytes) -> None:
    nul = _NUL.search(body)
    if nul is not None:
        raise EventError("holds the character NUL (U+0000), which cannot be stored", nul.start())


def content_id(body: bytes) -> uuid.UUID:
    """The id of an event that has none: UUID version 5 (RFC 9562) of its JSON with sorted keys, without spaces."""
    try:
        canonical = msgspec.json.encode(msgspec.json.decode(body), order="sorted")
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as error:
        raise decode_error(error, len(body)) from error
    return uuid.uuid5(CONTENT_NAMESPACE, canonical.decode())


def decode_error(error: Exception, size: int) -> EventError:
    """What a decoder's complaint says: the reason, and the field's path or the byte."""
    if isinstance(error, RecursionError):
        return EventError("nested too deeply", 0)
    matched = _PATH.match(str(error))
    reason, path = (matched[1], matched[2] or "") if matched else (str(error), "")
    byte = _BYTE.search(reason)
    if byte:
        return EventError(reason[: byte.start()].strip(), int(byte[1]))
    if "truncated" in reason:
        return EventError(reason, size)
    missing = _MISSING.search(reason)
    if missing:
        path = f"{path}.{missing[1]}" if path else missing[1]
    return EventError(reason, path or 0)


def _check_time(text: str) -> None:
    try:
        offset = datetime.fromisoformat(text).tzinfo
    except ValueError:
        offset = None
    if offset is None:
        raise EventError(
            f"{text[:40]!r} is not a time with an offset, such as 2026-01-31T23:59:59.000001+0000", "timestamp"
        )


def _address(field: str, text: str) -> str:
    address = _parse_address(text)
    if address is None:
        raise EventError(f"{text[:60]!r} is not an IPv4 or IPv6 address", field)
    return address


@lru_cache(maxsize=16384)
def _parse_address(text: str) -> str | None:
    if "%" in text:  # a zone means something on one machine only
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
