"""Asks vpn-core to quarantine an address: PUT /v1/quarantines/{incident id}, over kept-alive HTTP/1.1 connections.

The incident's id is the key, so that asking again - after a timeout, after a crash, by another replica - changes
nothing.
"""

import asyncio
import uuid

import msgspec

_MAX_HEAD_BYTES = 16 * 1024
_MAX_BODY_BYTES = 64 * 1024
_OK, _BAD_REQUESTS = 200, range(400, 500)
_TIMES_OUT, _TOO_MANY = 408, 429
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class AwayError(Exception):
    """vpn-core gave no usable answer; asking again can help."""


class RefusedError(Exception):
    """vpn-core will never do this; asking again is of no use."""


class Quarantined(msgspec.Struct, frozen=True):
    """vpn-core's answer. peer_id: the peer that has the address, None when no peer has it. new: whether this request
    did it."""

    peer_id: str | None
    new: bool


class _Asked(msgspec.Struct):
    address: str
    reason: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Quarantined).decode


class VpnCoreClient:
    """vpn-core at one address. Any number of requests at once, each on a connection of its own."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._host, self._port = host, port
        self._timeout_s = timeout_s
        self._idle: list[Streams] = []

    async def quarantine(self, incident_id: uuid.UUID, address: str, reason: str) -> Quarantined:
        """Returns when the quarantine is durable. Raises AwayError or RefusedError."""
        body = _encode(_Asked(address, reason))
        head = (
            f"PUT /v1/quarantines/{incident_id} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                status, answer = await self._ask(head.encode() + body)
            if status == _OK:
                return _decode(answer)
        except TimeoutError as error:
            raise AwayError(f"no answer within {self._timeout_s:g} s") from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise AwayError(_reason(error)) from error
        if status in _BAD_REQUESTS and status not in (_TIMES_OUT, _TOO_MANY):
            raise RefusedError(f"answered {status}: {answer[:200].decode(errors='replace')}")
        raise AwayError(f"answered {status}")

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        while self._idle:
            kept = self._idle.pop()
            try:
                return await self._exchange(kept, request)
            except (OSError, asyncio.IncompleteReadError):
                continue  # it was closed while it was idle; the request can be repeated
        return await self._exchange(
            await asyncio.open_connection(self._host, self._port, limit=_MAX_HEAD_BYTES), request
        )

    async def _exchange(self, streams: Streams, request: bytes) -> tuple[int, bytes]:
        reader, writer = streams
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if not 0 <= length <= _MAX_BODY_BYTES:
                raise ValueError(f"an answer of {length} bytes")
            body = await reader.readexactly(length)
            status = int(head.split(b" ", 2)[1])
        except BaseException:
            writer.close()  # an answer may still come on it: it is of no use
            raise
        if b"connection: close" in head:
            writer.close()
        else:
            self._idle.append(streams)
        return status, body

    def close(self) -> None:
        """Close what is idle."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, asyncio.IncompleteReadError):
        return "closed the connection without an answer"
    return f"no valid answer ({error})"
