"""A request's body as it comes in, held to its limits."""

from phantommesh.automation.body import TooLargeError, is_array
from phantommesh.config.model import Limits

# What is too large is read to its end, so that a client that still sends hears the answer; beyond so many times of what
# a body may have it is cut off.
DRAINED_TIMES = 2


class RequestBody:
    """Keeps what is within the limits and counts the rest."""

    __slots__ = ("_first", "_limits", "_more", "_size")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
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
        return self._size <= DRAINED_TIMES * self._limits.max_body_bytes

    def whole(self) -> bytes:
        """The body. Raises TooLargeError."""
        if self._size > self._limits.max_event_bytes and self._size > self._limit:
            what = "a request" if is_array(self._first) else "an event"
            raise TooLargeError(f"{what} may have {self._limit} bytes", self._limit, self._size)
        return self._first if self._more is None else bytes(self._more)

    @property
    def _limit(self) -> int:
        return self._limits.max_body_bytes if is_array(self._first) else self._limits.max_event_bytes
