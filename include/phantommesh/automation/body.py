"""A request's body into observations and rejections."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from phantommesh.automation.events import EventError, Observation, decode_error, observe
from phantommesh.config.model import Limits

_ARRAY = re.compile(rb"[ \t\r\n]*\[")
_SPACE = re.compile(r"[ \t\r\n]*")
_PATIENCE_BYTES = 4 * 1024 * 1024  # the standard library's parser takes about 10 ms for 1 MiB
_patient = json.JSONDecoder()
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
        raws: Sequence[bytes | msgspec.Raw] = _array.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raws = _items_one_by_one(body)
        if not raws:
            raise decode_error(error, len(body)) from error
    if not raws:
        raise EventError("the array is empty", 0)
    if len(raws) > limits.max_array:
        raise TooLargeError(f"an array may hold {limits.max_array} events", limits.max_array, len(raws))
    return Parsed(False, [_one(bytes(raw), received_at_ns, limits.max_event_bytes) for raw in raws])


def _items_one_by_one(body: bytes) -> list[bytes]:
    """The items of an array that is well-formed although one of them is not legal (half of a surrogate pair, say): that
    item alone is then refused. Empty when there is no such array, or it is too long to go through it with patience."""
    if len(body) > _PATIENCE_BYTES:
        return []
    text = body.decode()
    items: list[bytes] = []
    at = text.index("[") + 1
    try:
        while True:
            at = _end_of(_SPACE, text, at)
            _, end = _patient.raw_decode(text, at)
            items.append(text[at:end].encode())
            at = _end_of(_SPACE, text, end)
            if text[at] == "]":
                return items if _end_of(_SPACE, text, at + 1) == len(text) else []
            if text[at] != ",":
                return []
            at += 1
    except (ValueError, IndexError, RecursionError):
        return []


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


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
