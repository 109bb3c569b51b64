"""One kept-alive HTTP/1.1 connection that sends several requests at once.

Requests are pipelined (RFC 9112, section 9.3.2): all are written, then the answers are read in their order. The RFC
advises against this for POST unless the sender can recover from a part being handled; here it can, since every alert
carries the id by which a receiver tells a repeat.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

_READ_BYTES = 64 * 1024
_MAX_ANSWER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. retry_after_s: what the header Retry-After says, when it says it in seconds."""

    status: int
    body: bytes
    retry_after_s: float | None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """There was none, in words. sent: whether the request may have arrived all the same."""

    reason: str
    sent: bool


class HttpConnection:
    """Speaks to the host of one address; one call at a time. headers: further ones, whole lines without their end."""

    def __init__(self, url: str, headers: Sequence[str], timeout_s: float) -> None:
        place = urlsplit(url)
        self._host = place.hostname or ""
        self._tls = ssl.create_default_context() if place.scheme == "https" else None
        self._port = place.port or (443 if self._tls else 80)
        target = (place.path or "/") + (f"?{place.query}" if place.query else "")
        fields = "\r\n".join([f"Host: {place.netloc.rpartition('@')[2]}", *headers])
        self._fields = fields.encode()
        self._head = f"POST {target} HTTP/1.1\r\n{fields}\r\nContent-Length: ".encode()
        self._timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, bodies: Sequence[bytes]) -> list[Answer | NoAnswer]:
        """What became of each body, in their order. The whole takes the timeout at most."""
        return await self._send([b"%b%d\r\n\r\n%b" % (self._head, len(body), body) for body in bodies])

    async def get(self, targets: Sequence[str]) -> list[Answer | NoAnswer]:
        """What is at each target of this host, in their order. The whole takes the timeout at most."""
        return await self._send([b"GET %b HTTP/1.1\r\n%b\r\n\r\n" % (to.encode(), self._fields) for to in targets])

    async def _send(self, requests: Sequence[bytes]) -> list[Answer | NoAnswer]:
        answers = _Answers()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._exchange(requests, answers)
        except TimeoutError:
            reason = f"no answer within {self._timeout_s:g} s"
        except (OSError, ValueError, httptools.HttpParserError) as error:
            reason = _reason(error)
        except BaseException:
            self.close()  # cancelled in the middle of an answer: the connection is of no use
            raise
        else:
            return [*answers.whole]
        self.close()
        missing = len(requests) - len(answers.whole)
        return [*answers.whole, *[NoAnswer(reason, answers.asked)] * missing]

    async def _exchange(self, requests: Sequence[bytes], answers: "_Answers") -> None:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        reader, writer = self._streams
        answers.asked = True
        writer.write(b"".join(requests))
        parser = answers.parser = httptools.HttpResponseParser(answers)
        while len(answers.whole) < len(requests):
            data = await reader.read(_READ_BYTES)
            if not data:
                raise ConnectionResetError("closed the connection without a whole answer")
            answers.count(len(data))
            parser.feed_data(data)
        if not answers.keep_alive or len(answers.whole) > len(requests):
            self.close()
            del answers.whole[len(requests) :]

    def close(self) -> None:
        """Give the connection up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class _Answers:
    """What the parser calls, and the answers that it found. An answer must say where it ends. asked: whether anything
    was sent."""

    def __init__(self) -> None:
        self.parser: httptools.HttpResponseParser | None = None
        self.whole: list[Answer] = []
        self.keep_alive = True
        self.asked = False
        self._body = bytearray()
        self._retry_after_s: float | None = None
        self._bytes = 0

    def count(self, received: int) -> None:
        """Raises ValueError when one answer grows too large."""
        self._bytes += received
        if self._bytes > _MAX_ANSWER_BYTES + _READ_BYTES:
            raise ValueError(f"an answer of over {_MAX_ANSWER_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of the present answer."""
        if name.lower() == b"retry-after" and value.isdigit():
            self._retry_after_s = float(value)

    def on_body(self, part: bytes) -> None:
        """A part of the present answer's body."""
        self._body += part

    def on_message_complete(self) -> None:
        """The present answer is whole."""
        assert self.parser is not None
        if self.parser.get_status_code() < 200:
            return  # only says that the answer is still to come (RFC 9110, section 15.2)
        self.keep_alive = self.keep_alive and self.parser.should_keep_alive()
        self.whole.append(Answer(self.parser.get_status_code(), bytes(self._body), self._retry_after_s))
        self._body.clear()
        self._retry_after_s = None
        self._bytes = 0


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, OSError):
        return error.strerror or str(error) or "the connection broke"
    return f"no valid answer ({error})"
