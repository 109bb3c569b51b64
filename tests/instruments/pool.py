"""Which connection a request takes: the one that is idle longest, else one more, else behind others in a pipeline."""

import asyncio
from collections import deque
from collections.abc import Callable

from instruments.address import measurable
from instruments.connection import Connection, Head
from instruments.plan import SendPlan
from instruments.requests_ahead import Request

_REOPEN_S = 0.005


class Pool:
    """Connections to one address. Taking the longest idle one spreads the load over all replicas behind the port.

    left: told when a request was given to a connection. A request that no connection may take waits here and leaves
    as soon as one may; its `left` comes late, which the sender records as lag.
    """

    def __init__(
        self,
        plan: SendPlan,
        answered: Callable[[Request, Head, bytes], None],
        failed: Callable[[Request], None],
        left: Callable[[Request], None],
    ) -> None:
        self._address = measurable(plan.url)
        self._least, self._most, self._depth = plan.connections, plan.max_connections, plan.pipeline
        self._answered, self._failed, self._left = answered, failed, left
        self._idle: deque[Connection] = deque()
        self._all: deque[Connection] = deque()
        self._overdue: deque[Request] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False
        self.opened_ever = 0
        self.most_open = 0
        self._received_bytes = 0

    @property
    def received_bytes(self) -> int:
        """All bytes of all answers."""
        return self._received_bytes + sum(connection.received_bytes for connection in self._all)

    async def warm(self, deadline_s: float) -> None:
        """Open the connections that a sending starts with. Raises TimeoutError."""
        async with asyncio.timeout(deadline_s):
            while len(self._all) < self._least:
                if len(self._opening) < min(32, self._least - len(self._all)):
                    self._open_one()
                else:
                    await asyncio.wait(self._opening, return_when=asyncio.FIRST_COMPLETED)

    def send(self, request: Request) -> None:
        """Send now if any connection may take it."""
        if self._idle:
            self._idle.popleft().send(request)
            self._left(request)
            return
        if len(self._all) + len(self._opening) < self._most:
            self._open_one()
        for _ in range(len(self._all) if self._depth > 1 else 0):
            connection = self._all[0]
            self._all.rotate(-1)
            if not connection.leaving and len(connection.pending) < self._depth:
                self._give(connection, request)
                return
        self._overdue.append(request)

    def abort_silent(self, before_ns: int) -> None:
        """Close connections whose oldest request left before a time and has no answer."""
        for connection in [item for item in self._all if item.pending and item.pending[0].sent_ns < before_ns]:
            connection.abort()

    def close(self) -> None:
        """Close everything."""
        self._closed = True
        for task in self._opening:
            task.cancel()
        for connection in list(self._all):
            connection.abort()

    def opened(self, connection: Connection) -> None:
        """A connection is there."""
        self._all.append(connection)
        self.opened_ever += 1
        self.most_open = max(self.most_open, len(self._all))
        self._free(connection)

    def answered(self, connection: Connection, request: Request, head: Head, answer: bytes) -> None:
        """A connection's oldest request was answered."""
        if self._overdue:
            self._free(connection)
        elif not connection.pending and not connection.leaving:
            self._idle.append(connection)
        self._answered(request, head, answer)

    def lost(self, connection: Connection, unanswered: list[Request]) -> None:
        """A connection is gone."""
        self._received_bytes += connection.received_bytes
        self._all.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if self._closed:
            return
        if len(self._all) + len(self._opening) < self._least:
            self._open_one()
        for request in unanswered:
            self._failed(request)

    def _free(self, connection: Connection) -> None:
        if connection.leaving or len(connection.pending) >= self._depth:
            return
        if self._overdue:
            self._give(connection, self._overdue.popleft())
        elif not connection.pending:
            self._idle.append(connection)

    def _give(self, connection: Connection, request: Request) -> None:
        connection.send(request)
        self._left(request)

    def _open_one(self) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._closed:
            try:
                await loop.create_connection(lambda: Connection(self), self._address.host, self._address.port)
                return
            except OSError:
                await asyncio.sleep(_REOPEN_S)  # nobody listens at the moment
