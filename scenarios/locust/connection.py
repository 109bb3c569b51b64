"""One connection: a request goes out, its answer comes back, both without waiting."""

import errno
import select
import socket
from collections.abc import Callable
from typing import Any

from gevent.monkey import get_original
from gevent.socket import wait_write
from httptools import HttpParserError, HttpResponseParser

Loop = Any
"""gevent's event loop, which has no types of its own."""
_READ, _WRITE = 1, 2
_READ_BYTES = 16 * 1024
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH)
_FINAL = 200
_LENGTHS = (b"content-length", b"transfer-encoding")
# Locust has replaced these by gevent's, which wait where these must not.
_Socket, _poll = get_original("socket", "socket"), get_original("select", "poll")


def error_class(error: BaseException) -> str:
    """The short class of a failure, for the records."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "reset"
    if isinstance(error, HttpParserError):
        return "protocol"
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return "unreachable"
    return "os_error"


class Connection:
    """ended(connection, number, status or class of error) is called once for each request; guarded(work) calls every
    callback of the event loop."""

    def __init__(
        self,
        loop: Loop,
        family: int,
        address: tuple[str, int],
        ended: Callable[["Connection", int, int | str], None],
        guarded: Callable[[Callable[[], None]], None],
    ) -> None:
        self.number = -1
        """Of the request that is under way; -1: none."""
        self.deadline_ns = 0
        """When an answer to it comes too late."""
        self.reusable = True
        self._ended, self._guarded = ended, guarded
        self._unsent, self._connected = b"", False
        self._answer = _Answer()
        self._socket = _Socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll = _poll()
        self._poll.register(self._socket, select.POLLIN)
        self._readable, self._writable = loop.io(self._socket.fileno(), _READ), loop.io(self._socket.fileno(), _WRITE)
        self._connecting = self._socket.connect_ex(address)
        """0, or why it is not connected (yet)."""

    def await_open(self) -> bool:
        """Wait in a greenlet until it is connected; False if it was refused."""
        if self._connecting == errno.EINPROGRESS:
            wait_write(self._socket.fileno())
        return self._is_open()

    def quiet(self) -> bool:
        """Whether an idle connection is still usable: anything to read on it is its end, or out of step."""
        return not self._poll.poll(0)

    def send(self, number: int, request: bytes, deadline_ns: int) -> None:
        """Begin a request; the connection must be idle, but need not be connected yet."""
        self.number, self.deadline_ns, self._unsent = number, deadline_ns, request
        self._answer.begin()
        if self._connected:
            self._write()
        else:
            self._writable.start(self._guarded, self._write)

    def give_up(self, why: str) -> None:
        """End the request that is under way without an answer, and the connection with it."""
        number, self.number, self.reusable = self.number, -1, False
        self._ended(self, number, why)

    def close(self) -> None:
        """Close it; nobody is told."""
        for watcher in (self._readable, self._writable):
            watcher.stop()
            watcher.close()
        self._socket.close()

    def _is_open(self) -> bool:
        failed = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if self._connecting not in (0, errno.EINPROGRESS) or failed:
            self._connecting = failed or self._connecting
            return False
        self._connected = True
        return True

    def _write(self) -> None:
        try:
            if not self._connected and not self._is_open():
                raise OSError(self._connecting, "not connected")
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.give_up(error_class(error))
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._writable.start(self._guarded, self._write)
        elif self._writable.active:
            self._writable.stop()
        if not self._readable.active:
            self._readable.start(self._guarded, self._read)

    def _read(self) -> None:
        if self.number < 0:
            self._readable.stop()  # idle, and yet something comes: quiet() finds it when its turn comes
            return
        try:
            data = self._socket.recv(_READ_BYTES)
            self._answer.feed(data)
        except BlockingIOError:
            return
        except (OSError, HttpParserError) as error:
            self.give_up(error_class(error))
            return
        if self._answer.status:
            self._complete()
        elif not data:
            self.give_up("closed")

    def _complete(self) -> None:
        number, self.number = self.number, -1
        # An answer before the request was sent whole leaves the rest of it in the way of the next.
        self.reusable = self._answer.keeps and not self._unsent
        self._ended(self, number, self._answer.status)


class _Answer:
    """One answer after the other, as its bytes come in. Interim ones (1xx) are not the answer (RFC 9110, 15.2)."""

    def __init__(self) -> None:
        self.status = 0
        """Of the answer, once it is complete; until then 0."""
        self.keeps = False
        """Whether the connection may be used again."""
        self._parser = HttpResponseParser(self)
        self._has_length, self._in_body = False, False

    def feed(self, data: bytes) -> None:
        """Take what was read; nothing means that the other side has closed. Raises HttpParserError."""
        if data:
            self._parser.feed_data(data)
        elif self._in_body and not self._has_length:  # such a body ends with its connection (RFC 9112, 6.3)
            self.status, self.keeps = self._parser.get_status_code(), False

    def begin(self) -> None:
        """The next request has been sent."""
        self.status, self.keeps = 0, False

    def on_message_begin(self) -> None:
        self._has_length, self._in_body = False, False
        if self.status:
            self.keeps = False  # a second answer to one request: it is out of step

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002
        self._has_length = self._has_length or name.lower() in _LENGTHS

    def on_headers_complete(self) -> None:
        self._in_body = True

    def on_message_complete(self) -> None:
        status, self._in_body = self._parser.get_status_code(), False
        if status >= _FINAL and not self.status:
            self.status, self.keeps = status, self._parser.should_keep_alive()
