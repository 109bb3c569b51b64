"""Kept-alive connections to the target, and one request over one of them.

Connections are used in turn, least recently used first. The usual last-in-first-out pool would put a whole run
on the one or two connections in use at a time, and so on one replica where replicas share a port.
"""

import socket
import time
from collections import deque

import gevent
from gevent import socket as gevent_socket
from gevent.lock import Semaphore
from geventhttpclient.response import HTTPParseError, HTTPSocketResponse
from load_plan import Target

MAX_CONNECTIONS = 1024
MAX_WARM_CONNECTIONS = 48
# Below the keep-alive time of common servers (5 s in uvicorn): a request must not race their closing.
MAX_IDLE_S = 2.0
_READ_BYTES = 16 * 1024


class NoAnswerError(Exception):
    """A request got no answer; error_class is one of refused, reset, closed, timeout, unreachable, protocol,
    no_connection, os_error."""

    def __init__(self, error_class: str) -> None:
        super().__init__(error_class)
        self.error_class = error_class


def error_class(error: BaseException) -> str:
    """The short class of a failure, for the records."""
    if isinstance(error, gevent.Timeout | TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "reset"
    if isinstance(error, HTTPParseError):
        return "closed" if "closed" in str(error) else "protocol"
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return "unreachable"
    return "os_error"


_UNREACHABLE = (101, 113)  # ENETUNREACH, EHOSTUNREACH


class Connections:
    """A bounded pool. A caller takes a slot with reserve(), then spends it with exchange()."""

    def __init__(self, target: Target, limit: int = MAX_CONNECTIONS, warm: int = 1) -> None:
        self._address = (target.address, target.port)
        self._family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        self._slots = Semaphore(limit)
        self._idle: deque[tuple[float, gevent_socket.socket]] = deque()
        self._warm = min(warm, MAX_WARM_CONNECTIONS, limit)
        self._open = 0

    def open_warm(self, timeout_s: float) -> None:
        """Open the connections that every run starts with; a target that refuses them is for the load to show."""
        with gevent.Timeout(timeout_s, False):
            try:
                while self._open < self._warm:
                    self._put_back(self._connect())
            except OSError:
                return

    def reserve(self, timeout_s: float) -> bool:
        """Wait for a free slot; False when none became free in time."""
        return bool(self._slots.acquire(timeout=timeout_s))

    def exchange(self, request: bytes, timeout_s: float) -> int:
        """Send one request over a connection of its own and read the answer; gives the slot back.

        Returns the HTTP status. One attempt: raises NoAnswerError when it got none.
        """
        connection = None
        timer = gevent.Timeout.start_new(timeout_s)
        try:
            connection = self._take()
            connection.sendall(request)
            response = HTTPSocketResponse(connection, block_size=_READ_BYTES, method="POST")
            response.read()
            if not response.should_close():
                self._put_back(connection)
                connection = None
            return int(response.status_code)
        except gevent.Timeout as expired:
            if expired is not timer:
                raise
            raise NoAnswerError("timeout") from expired
        except (OSError, HTTPParseError) as error:
            raise NoAnswerError(error_class(error)) from error
        finally:
            timer.close()
            if connection is not None:
                self._drop(connection)
            self._slots.release()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._drop(self._idle.popleft()[1])

    def _take(self) -> gevent_socket.socket:
        oldest_s = time.monotonic() - MAX_IDLE_S
        while self._idle:
            since_s, connection = self._idle.popleft()
            if since_s >= oldest_s and _quiet(connection):
                return connection
            self._drop(connection)
            if self._open < self._warm:
                break
        return self._connect()

    def _connect(self) -> gevent_socket.socket:
        connection = gevent_socket.socket(self._family, socket.SOCK_STREAM)
        self._open += 1
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect(self._address)
        except BaseException:
            self._drop(connection)
            raise
        return connection

    def _put_back(self, connection: gevent_socket.socket) -> None:
        self._idle.append((time.monotonic(), connection))

    def _drop(self, connection: gevent_socket.socket) -> None:
        self._open -= 1
        connection.close()


def _quiet(connection: gevent_socket.socket) -> bool:
    """Whether an idle connection is still usable: anything to read on it is its end, or out of step."""
    try:
        connection._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)  # the raw socket: never waits
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
