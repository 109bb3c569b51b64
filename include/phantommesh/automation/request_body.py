"""A request's body as it comes in, held to its limits."""

from phantommesh.automation.body import MAX_EVENTS, TooLargeError, is_array
from phantommesh.automation.events import MAX_EVENT_BYTES

MAX_BODY_BYTES = MAX_EVENTS * MAX_EVENT_BYTES
# What is too large is read to its end, so that a client that still sends hears the answer; beyond this it is cut off.
MAX_DRAIN_BYTES = 2 * MAX_BODY_BYTES


class RequestBody:
    """Keeps what is within the limits and counts the rest."""

    __slots__ = ("_first", "_more", "_size")

    def __init__(self) -> None:
        self._first = b""
        self._more: bytearray | None = None
        self._size = 0

    def add(self, part: bytes) -> bool:
        """Take a part; False when no more is to be read."""
        if not self._size:
            self._first = part
        elif self._size + len(part) <= self._limit:
            if self._more is None:
                self._more = bytearray(self._first)
            self._more += part
        self._size += len(part)
        return self._size <= MAX_DRAIN_BYTES

    def whole(self) -> bytes:
        """The body. Raises TooLargeError."""
        if self._size > MAX_EVENT_BYTES and self._size > self._limit:
            what = "an event" if self._limit == MAX_EVENT_BYTES else "a request"
            raise TooLargeError(f"{what} may have {self._limit} bytes", self._limit, self._size)
        return self._first if self._more is None else bytes(self._more)

    @property
    def _limit(self) -> int:
        return MAX_BODY_BYTES if is_array(self._first) else MAX_EVENT_BYTES
