"""One kept-alive HTTP/1.1 connection to an alert channel."""

import asyncio

_MAX_HEAD_BYTES = 16 * 1024
_MAX_BODY_BYTES = 1024 * 1024


class ChannelError(Exception):
    """The channel did not take what was posted, or it is not known whether it did."""


class ChannelClient:
    """Posts to one address; one request at a time."""

    def __init__(self, host: str, port: int, channel: str, timeout_s: float) -> None:
        self._host, self._port = host, port
        self._head = (
            f"POST /channels/{channel} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n"
        )
        self._timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> None:
        """Returns when the channel answered 200; raises ChannelError otherwise."""
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._exchange(body)
        except TimeoutError as error:
            self.close()
            raise ChannelError(f"no answer within {self._timeout_s:g} s") from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            self.close()
            raise ChannelError(_reason(error)) from error
        except BaseException:
            self.close()  # cancelled in the middle of an answer: the connection is of no use
            raise
        if status != 200:
            raise ChannelError(f"answered {status}")

    async def _exchange(self, body: bytes) -> int:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(self._host, self._port, limit=_MAX_HEAD_BYTES)
        reader, writer = self._streams
        writer.write((self._head % len(body)).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if not 0 <= length <= _MAX_BODY_BYTES:
            raise ValueError(f"an answer of {length} bytes")
        await reader.readexactly(length)
        if b"connection: close" in head:
            self.close()
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        """Give the connection up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, asyncio.IncompleteReadError):
        return "closed the connection without an answer"
    return f"no valid answer ({error})"
