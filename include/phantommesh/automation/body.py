"""A request's body into observations and rejections."""

import re
from dataclasses import dataclass

import msgspec

from phantommesh.automation.events import EventError, Observation, decode_error, observe
from phantommesh.config.model import Limits

_ARRAY = re.compile(rb"[ \t\r\n]*\[")
_array = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class TooLargeError(Exception):
    """More than a request may hold."""

    error: str
    limit: int
    actual: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a body holds, in its order: a good event, or why it is none. single: it was no array."""

    single: bool
    items: list[Observation | EventError]

    @property
    def good(self) -> list[Observation]:
        """The events that can be stored."""
        return [item for item in self.items if isinstance(item, Observation)]


def is_array(body: bytes | bytearray) -> bool:
    """Whether a body (or its beginning) is an array."""
    return _ARRAY.match(body) is not None


def parse(body: bytes, received_at_ns: int, limits: Limits) -> Parsed:
    """Check a body. Raises EventError when it is no JSON, or neither an object nor an array with something in it;
    TooLargeError when it is an array of too many."""
    _check_text(body)
    if not is_array(body):
        return Parsed(True, [_one(body, received_at_ns, limits.max_event_bytes)])
    try:
        raws = _array.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise decode_error(error, len(body)) from error
    if not raws:
        raise EventError("the array is empty", 0)
    if len(raws) > limits.max_array:
        raise TooLargeError(f"an array may hold {limits.max_array} events", limits.max_array, len(raws))
    return Parsed(False, [_one(bytes(raw), received_at_ns, limits.max_event_bytes) for raw in raws])


def _one(body: bytes, received_at_ns: int, max_bytes: int) -> Observation | EventError:
    if len(body) > max_bytes:
        return EventError(f"an event may have {max_bytes} bytes, this one has {len(body)}", 0, code=413)
    try:
        return observe(body, received_at_ns)
    except EventError as error:
        return error


def _check_text(body: bytes) -> None:
    if body.isascii():
        return
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise EventError("not UTF-8", error.start) from error
