"""One kept-alive connection: requests out, answers in, in order."""

import asyncio
from collections import deque
from typing import NamedTuple, Protocol, cast

from instruments.requests_ahead import Request

_MAX_KNOWN_HEADS = 4096


class Head(NamedTuple):
    """What the head of an answer says."""

    status: int
    length: int
    close: bool
    retry_after: bool


class Owner(Protocol):
    """Who is told what happens on a connection."""

    def opened(self, connection: "Connection") -> None: ...

    def answered(self, connection: "Connection", request: Request, head: Head, answer: bytes) -> None: ...

    def lost(self, connection: "Connection", unanswered: list[Request]) -> None: ...


class ProtocolError(Exception):
    """An answer is none in HTTP/1.1 as it is spoken here."""


# Answers repeat a few heads over and over: each is read once.
_heads: dict[bytes, Head] = {}


def read_head(text: bytes) -> Head:
    """The head of an answer, without the empty line. Raises ProtocolError."""
    found = _heads.get(text)
    if found is None:
        if len(_heads) > _MAX_KNOWN_HEADS:
            _heads.clear()
        found = _heads[text] = _parse(text)
    return found


def _parse(text: bytes) -> Head:
    first, *lines = text.split(b"\r\n")
    version, _, rest = first.partition(b" ")
    pairs = (line.lower().partition(b":") for line in lines)
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    status, length = rest[:3], fields.get(b"content-length", b"")
    if not version.startswith(b"HTTP/1.") or not status.isdigit() or not length.isdigit():
        raise ProtocolError(f"not an answer with a length: {text[:200]!r}")
    return Head(int(status), int(length), fields.get(b"connection") == b"close", b"retry-after" in fields)


class Connection(asyncio.Protocol):
    """Owned by a sender; `pending` are its unanswered requests, oldest first. leaving: it takes no new request."""

    __slots__ = ("_buffer", "_owner", "_transport", "_write", "leaving", "pending", "received_bytes")

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self.pending: deque[Request] = deque()
        self.leaving = False
        self.received_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, of the same interface
        self._write = self._transport.write
        self._owner.opened(self)

    def send(self, request: Request) -> None:
        """Send, behind what is unanswered already."""
        self.pending.append(request)
        self._write(request.content)

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        self.received_bytes += len(data)
        if self._buffer:
            data = self._buffer + data
        while data:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                break
            head = _heads.get(data[:end])
            if head is None:
                head = self._read_head(data[:end])
                if head is None:
                    return
            stop = end + 4 + head.length
            if len(data) < stop:
                break
            if not self.pending or self.leaving:
                self.abort()  # an answer to nothing
                return
            self.leaving = head.close
            self._owner.answered(self, self.pending.popleft(), head, data[:stop])
            data = data[stop:]
        self._buffer = data

    def _read_head(self, text: bytes) -> Head | None:
        try:
            return read_head(text)
        except ProtocolError:
            self.abort()
            return None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """asyncio's."""
        self.leaving = True
        unanswered = list(self.pending)
        self.pending.clear()
        self._owner.lost(self, unanswered)

    def abort(self) -> None:
        """Close at once; what is unanswered is lost."""
        self.leaving = True
        assert self._transport is not None
        self._transport.abort()
