"""One HTTP/1.1 request and its answer over a non-blocking socket, plain or encrypted, driven by the event loop's
readiness callbacks."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable

import httptools

from readiness.clients.probes.lanes import Address

_READ_BYTES = 65_536
_CONNECTING = (0, errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK)
_NAMES = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ECONNABORTED: "reset",
    errno.ETIMEDOUT: "timeout",
}


def error_name(number: int | None) -> str:
    """The word for a failed socket operation: refused, reset, timeout, or the name that the system has for it."""
    return _NAMES.get(number or 0) or errno.errorcode.get(number or 0, "unknown").lower()


def failure_name(error: OSError) -> str:
    """The word for what a socket raised; the numbers of TLS are none of the system's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "closed"
    return "TLS" if isinstance(error, ssl.SSLError) else error_name(error.errno)


class Exchange:
    """From its start to one call of ``ended(exchange)``.

    status: the answer's, 0 without one; error: empty when a whole answer came; keep: the socket, when it can carry
    another request, else None (it is closed).
    """

    __slots__ = (
        "_address", "_ended", "_loop", "_parser", "_request", "_reusable", "_sock", "ends_at_ns", "error", "index",
        "keep", "over", "status",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, request: bytes, index: int, ended: Callable[["Exchange"], None]
    ) -> None:
        self._loop, self._request, self._ended, self.index = loop, request, ended, index
        self._parser: httptools.HttpResponseParser | None = None
        self._sock: socket.socket | None = None
        self.ends_at_ns = 0
        self.status, self.error, self.over = 0, "", False
        self.keep: socket.socket | None = None
        self._reusable = False

    def connect(self, address: Address) -> None:
        """Send the request over a connection of its own."""
        self._address = address
        try:
            sock = self._sock = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            number = sock.connect_ex(address.where)
        except OSError as error:
            self._end(error_name(error.errno))
            return
        if number in _CONNECTING:
            self._loop.add_writer(sock, self._connected)
        else:
            self._end(error_name(number))

    def send_over(self, sock: socket.socket) -> None:
        """Send the request over a connection that is there."""
        self._sock = sock
        self._send()

    def give_up(self, error: str) -> None:
        """End it without an answer."""
        if not self.over:
            self._end(error)

    # What the parser calls.
    def on_message_complete(self) -> None:
        """The answer is whole. Only now does the parser still know whether the connection may be kept."""
        assert self._parser is not None
        self.over, self.status = True, self._parser.get_status_code()
        self._reusable = bool(self._parser.should_keep_alive())

    def _connected(self) -> None:
        assert self._sock is not None
        self._loop.remove_writer(self._sock)
        number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._end(error_name(number))
        elif self._address.tls is not None:
            self._encrypt(self._address.tls, self._address.name)
        else:
            self._send()

    def _encrypt(self, tls: ssl.SSLContext, name: str) -> None:
        plain, self._sock = self._sock, None  # which wrapping takes over, and closes where it fails
        assert plain is not None
        try:
            sock = self._sock = tls.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        except OSError as error:
            plain.close()
            self._end(failure_name(error))
            return
        self._shake_hands(sock)

    def _shake_hands(self, sock: ssl.SSLSocket) -> None:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.add_reader(sock, self._shake_hands, sock)
        except OSError as error:  # to want to write is one, too: a greeting is smaller than any send buffer that works
            self._end(failure_name(error))
        else:
            self._send()

    def _send(self) -> None:
        assert self._sock is not None
        try:
            sent = self._sock.send(self._request)
        except OSError as error:
            self._end(failure_name(error))
            return
        if sent < len(self._request):  # a probe is smaller than any send buffer that works
            self._end("send buffer full")
            return
        self._parser = httptools.HttpResponseParser(self)
        self._loop.add_reader(self._sock, self._readable)

    def _readable(self) -> None:
        assert self._sock is not None
        assert self._parser is not None
        try:
            data = self._sock.recv(_READ_BYTES)
            if not data:
                self._end("closed")
                return
            self._parser.feed_data(data)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError as error:
            self._end(failure_name(error))
            return
        except httptools.HttpParserError:
            self._end("not HTTP")
            return
        if self.over:
            self._finish(self._reusable)

    def _end(self, error: str) -> None:
        self.over, self.error = True, error
        self._finish(reusable=False)

    def _finish(self, reusable: bool) -> None:
        sock = self._sock
        if sock is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            if reusable:
                self.keep = sock
            else:
                sock.close()
        self._parser = None  # it holds this exchange: without it nothing needs the garbage collector
        self._ended(self)
