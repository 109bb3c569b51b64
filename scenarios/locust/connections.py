"""Kept-alive connections to the target, and one request at a time over each of them.

Connections are used in turn, least recently used first. The usual last-in-first-out pool would put a whole run
on the one or two connections in use at a time, and so on one replica where replicas share a port.

Everything here happens in callbacks of gevent's event loop and nothing waits: a greenlet for each request, with the
timer and the watchers that it starts and stops, cost more than the request itself.
"""

import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import gevent
from connection import Connection, Loop
from load_plan import Target

MAX_CONNECTIONS = 1024
MAX_WARM_CONNECTIONS = 48
# Below the keep-alive time of common servers (5 s in uvicorn): a request must not race their closing.
MAX_IDLE_NS = 2_000_000_000
_LOOK_FOR_OVERDUE_S = 0.05


@dataclass(frozen=True, slots=True)
class Events:
    """Who is told what. left: the request was given to a connection. answered: its HTTP status. failed: it got no
    answer; refused, reset, closed, timeout, unreachable, protocol, no_connection or os_error. broken: a fault of this
    program. Requests are named by their number."""

    left: Callable[[int], None]
    answered: Callable[[int, int], None]
    failed: Callable[[int, str], None]
    broken: Callable[[BaseException], None]


class Connections:
    """A bounded pool. Each request is one attempt, and is told to have left and then how it ended, once each; but one
    that no connection was free for in time has only failed."""

    def __init__(
        self, target: Target, timeout_s: float, now_ns: Callable[[], int], *, limit: int = MAX_CONNECTIONS,
        warm: int = 1,
    ) -> None:  # fmt: skip
        self._address = (target.address, target.port)
        self._family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        self._timeout_ns, self._now_ns, self._limit = round(timeout_s * 1e9), now_ns, limit
        self._warm = min(warm, MAX_WARM_CONNECTIONS, limit)
        self._loop: Loop = gevent.get_hub().loop
        self._events: Events | None = None
        self._idle: deque[tuple[int, Connection]] = deque()
        self._all: set[Connection] = set()
        self._waiting: deque[tuple[int, int, bytes]] = deque()
        self._under_way: deque[tuple[int, Connection]] = deque()
        self._look = self._loop.timer(_LOOK_FOR_OVERDUE_S, _LOOK_FOR_OVERDUE_S)

    def open_warm(self) -> None:
        """Open the connections that every run starts with, and wait for them; a target that refuses them is for the
        load to show."""
        with gevent.Timeout(self._timeout_ns / 1e9, False):
            while len(self._idle) < self._warm and (connection := self._opened_whole()) is not None:
                self._idle.append((self._now_ns(), connection))

    def tell(self, events: Events) -> None:
        """From now on; to be called before the first request."""
        self._events = events
        self._look.start(self._guarded, self._give_up_overdue)

    def send(self, number: int, request: bytes) -> None:
        """Send it now, or as soon as one of the connections is free."""
        connection = self._take()
        if connection is None:
            self._waiting.append((self._now_ns() + self._timeout_ns, number, request))
        else:
            self._start(connection, number, request)

    def forget_waiting(self) -> None:
        """Send nothing more that waits for a connection; nobody is told."""
        self._waiting.clear()

    def close(self) -> None:
        """Close everything; nobody is told any more."""
        self.forget_waiting()
        self._look.stop()
        for connection in self._all:
            connection.close()
        self._all.clear()

    def _take(self) -> Connection | None:
        oldest_ns = self._now_ns() - MAX_IDLE_NS
        while self._idle:
            since_ns, connection = self._idle.popleft()
            if since_ns >= oldest_ns and connection.quiet():
                return connection
            self._dropped(connection)
            if len(self._all) < self._warm:
                break
        return self._opened() if len(self._all) < self._limit else None

    def _opened_whole(self) -> Connection | None:
        """One that the target has accepted. One that it refuses, or has not accepted when the time is over, is not
        kept."""
        connection, opened = self._opened(), False
        try:
            opened = connection.await_open()
        finally:
            if not opened:
                self._dropped(connection)
        return connection if opened else None

    def _opened(self) -> Connection:
        connection = Connection(self._loop, self._family, self._address, self._ended, self._guarded)
        self._all.add(connection)
        return connection

    def _start(self, connection: Connection, number: int, request: bytes) -> None:
        assert self._events is not None, "tell() comes first"
        self._events.left(number)
        self._under_way.append((number, connection))
        connection.send(number, request, self._now_ns() + self._timeout_ns)

    def _ended(self, connection: Connection, number: int, outcome: int | str) -> None:
        """A connection has an answer (its status) or has broken (the class of the error)."""
        assert self._events is not None, "tell() comes first"
        if isinstance(outcome, str):
            self._events.failed(number, outcome)
        elif connection.deadline_ns <= self._now_ns():
            self._events.failed(number, "timeout")
        else:
            self._events.answered(number, outcome)
        if connection.reusable:
            self._idle.append((self._now_ns(), connection))
        else:
            self._dropped(connection)
        if self._waiting and (free := self._take()) is not None:
            _, waiting, request = self._waiting.popleft()
            self._start(free, waiting, request)

    def _dropped(self, connection: Connection) -> None:
        connection.close()
        self._all.discard(connection)

    def _give_up_overdue(self) -> None:
        assert self._events is not None, "tell() comes first"
        now_ns = self._now_ns()
        while self._under_way:
            number, connection = self._under_way[0]
            if connection.number == number:
                if connection.deadline_ns > now_ns:
                    break
                connection.give_up("timeout")
            self._under_way.popleft()
        while self._waiting and self._waiting[0][0] <= now_ns:
            _, number, _ = self._waiting.popleft()
            self._events.failed(number, "no_connection")

    def _guarded(self, work: Callable[[], None]) -> None:
        """Every callback goes through here: what it raises must end the run, not vanish in gevent's hub."""
        try:
            work()
        except Exception as error:
            if self._events is None:
                raise
            self._events.broken(error)
