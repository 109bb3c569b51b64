"""A cheap HTTP server in a process of its own that interrupts its service on demand, and says when it really did.

It answers 200 to GET and 202 to POST. Kinds of interruption: ``refuse`` (the listening socket is closed, every
connection is reset), ``refuse-new`` (the listening socket alone is closed: kept connections go on), ``hang``
(requests are taken and not answered until it is over), ``503`` (or another status: every request is answered with it).
With a certificate it speaks TLS alone, and answers 401 to whoever lacks the authorization.
"""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import ClassVar

LONGEST_S = 900
BACKLOG = 2048
FIRST_ANSWERS = 8  # those of the first few probes of each path tell of the end of a hang
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Interruption:
    """When the service really was away, epoch ns; ``doubt_ns``: how long its leaving and its coming back took, which
    is much where another process got the CPU in between."""

    start_ns: int
    end_ns: int
    doubt_ns: int

    @property
    def length_s(self) -> float:
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True)
class InterruptibleServer:
    """The running server. It ends by itself after a quarter of an hour."""

    process: "subprocess.Popen[str]"
    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def interrupt(self, kind: str, length_s: float) -> None:
        """Begin an interruption; ``interruption`` waits for its end."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([kind, length_s]) + "\n")
        self.process.stdin.flush()

    def interruption(self) -> Interruption:
        """The next one that is over."""
        assert self.process.stdout is not None
        return Interruption(*json.loads(self.process.stdout.readline()))


@contextmanager
def interruptible_server(
    certificate: tuple[Path, Path] | None = None, authorization: str = ""
) -> Iterator[InterruptibleServer]:
    """Start the server; it is killed at the end. ``certificate``: with its key; ``authorization``: the header's value
    that every request must have, if not empty."""
    command = [sys.executable, __file__, *(map(str, certificate or ())), *([authorization] if certificate else ())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield InterruptibleServer(process, int(process.stdout.readline()), "https" if certificate else "http")
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


class _Service(asyncio.Protocol):
    open: ClassVar[set["_Service"]] = set()
    refuses: ClassVar[bool] = False
    withheld: ClassVar[list[Callable[[], None]] | None] = None
    status: ClassVar[str] = ""
    authorization: ClassVar[bytes] = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self._data = transport, b""
        self.open.add(self)
        if _Service.refuses:  # it was accepted before, and nobody knew of it yet
            self.reset()

    def connection_lost(self, _: Exception | None) -> None:
        self.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, separator, body = self._data.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        if len(body) < length:
            return
        self._data = b""
        proven = not self.authorization or b"Authorization: " + self.authorization in head.split(b"\r\n")
        status = "401 Unauthorized" if not proven else "200 OK" if head.startswith(b"GET") else "202 Accepted"
        answer = partial(self._answer, _Service.status or status, b"connection: close" in lines)
        if _Service.withheld is None:
            answer()
        else:
            _Service.withheld.append(answer)

    def _answer(self, status: str, closes: bool) -> None:
        self.transport.write(b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\n{}" % status.encode())
        if closes:
            self.transport.close()

    def reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        if sock is not None:  # None: the other end of an encrypted connection has gone already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


def _bound(port: int) -> socket.socket:
    """A socket that has the address and does not listen yet: connections to it are refused."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


async def _serve_on(sock: socket.socket) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(_Service, sock=sock, backlog=BACKLOG, ssl=_tls())


@cache
def _tls() -> ssl.SSLContext | None:
    if len(sys.argv) < 3:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    _Service.authorization = sys.argv[3].encode()
    return context


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await _serve_on(_bound(0))
    port = server.sockets[0].getsockname()[1]
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(port, flush=True)
    while line := await orders.readline():
        kind, length_s = json.loads(line)
        start_ns = time.time_ns()
        if kind == "hang":
            _Service.withheld = []
            away_ns = time.time_ns()
            await asyncio.sleep(length_s)
            withheld, _Service.withheld = _Service.withheld, None
            end_ns = back_ns = time.time_ns()
            for number, answer in enumerate(withheld):
                answer()
                back_ns = time.time_ns() if number < FIRST_ANSWERS else back_ns
        elif kind.isdigit():
            _Service.status = f"{kind} Interrupted"
            away_ns = time.time_ns()
            await asyncio.sleep(length_s)
            end_ns, _Service.status = time.time_ns(), ""
            back_ns = end_ns
        else:
            server.close()
            if kind == "refuse":
                _Service.refuses = True
                for service in list(_Service.open):
                    service.reset()
            away_ns = time.time_ns()
            await asyncio.sleep(length_s)
            sock = _bound(port)
            end_ns, _Service.refuses = time.time_ns(), False
            sock.listen(BACKLOG)
            back_ns = time.time_ns()
            server = await _serve_on(sock)
        print(json.dumps([start_ns, end_ns, away_ns - start_ns + back_ns - end_ns]), flush=True)


if __name__ == "__main__":
    # Another process that takes the CPU from this one would be an outage that it does not know of.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    asyncio.run(asyncio.wait_for(_serve(), LONGEST_S))
