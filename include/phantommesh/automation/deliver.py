"""Takes due alerts to one channel each: a batch, its 200, then the mark in the database, at once.

Each channel has its own queue, connection and mark, so one that hangs delays no other. A crash after the channel's
answer and before the mark leads to a second delivery with the same delivery_id; the mark therefore leaves right after
the answer, and waits for nothing else.
"""

import asyncio
import heapq
import logging
import time
import uuid
from collections import deque
from collections.abc import Iterable
from itertools import count

import asyncpg
import msgspec

from phantommesh.automation.backlog import Backlog
from phantommesh.automation.channel import ChannelClient, ChannelError
from phantommesh.automation.metrics import Metrics
from phantommesh.automation.session import Session
from phantommesh.config.model import AlertRouting
from phantommesh.database.statements import COUNT_ATTEMPTS, SETTLE

MAX_BATCH = 200
BACKOFF_FACTOR = 3
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Delivery(msgspec.Struct, gc=False):
    """An alert that is due at a channel. attempts: made so far. due_since_ns: epoch."""

    delivery_id: uuid.UUID
    event_id: uuid.UUID
    source: str
    level: str
    risk: float
    signature: str
    incident_id: uuid.UUID
    channel: str
    attempts: int
    due_since_ns: int


class _Posted(msgspec.Struct, gc=False):
    delivery_id: uuid.UUID
    event_id: uuid.UUID
    source: str
    level: str
    risk: float
    signature: str
    incident_id: uuid.UUID


class _Detail(msgspec.Struct, gc=False, omit_defaults=True):
    channel: str
    delivery_id: uuid.UUID
    attempts: int
    reason: str | None = None


class ChannelQueue:
    """One channel: what is due, what waits for its next attempt, and who delivers."""

    def __init__(
        self, replica: str, client: ChannelClient, routing: AlertRouting, backlog: Backlog, metrics: Metrics
    ) -> None:
        self._replica = replica
        self._client = client
        self._max_attempts = 1 + routing.max_retries
        self._backoff_s = routing.retry_backoff_s
        self._backlog = backlog
        self._metrics = metrics
        self._queue: deque[Delivery] = deque()
        self._later: list[tuple[float, int, Delivery]] = []
        self._order = count()
        self._some = asyncio.Event()
        self._unmarked: list[Delivery] = []  # taken by the channel, not marked: this outlives a session

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Deliveries that are durable and this replica's."""
        self._queue.extend(deliveries)
        self._some.set()

    async def settle_unmarked(self, session: Session, channel: str) -> None:
        """Mark what the channel took when the last session was lost, before anyone tries it again."""
        if self._unmarked:
            await self._settle(session, channel, self._unmarked, None)
            self._unmarked = []

    async def run(self, session: Session, channel: str) -> None:
        """Deliver until cancelled or the connection is lost; what waits is then forgotten (the database has it)."""
        try:
            while True:
                batch = await self._take()
                try:
                    await self._client.post(_encode([_posted(item) for item in batch]))
                except ChannelError as error:
                    await self._failed(session, channel, batch, str(error))
                else:
                    await self._delivered(session, channel, batch)
        finally:
            self._queue.clear()
            self._later.clear()
            self._some.clear()
            self._client.close()

    async def _take(self) -> list[Delivery]:
        while True:
            now_s = time.monotonic()
            while self._later and self._later[0][0] <= now_s:
                self._queue.append(heapq.heappop(self._later)[2])
            if self._queue:
                return [self._queue.popleft() for _ in range(min(MAX_BATCH, len(self._queue)))]
            self._some.clear()
            wait_s = self._later[0][0] - now_s if self._later else None
            try:
                async with asyncio.timeout(wait_s):
                    await self._some.wait()
            except TimeoutError:
                continue

    async def _delivered(self, session: Session, channel: str, batch: list[Delivery]) -> None:
        for item in batch:
            item.attempts += 1
        self._unmarked = batch
        while True:
            try:
                await self._settle(session, channel, batch, None)
                break
            except asyncpg.PostgresError as error:
                if session.lost.is_set():
                    raise
                _log.warning("%s: delivered, not marked, tried again: %s", channel, error)
                await asyncio.sleep(self._backoff_s)
        self._unmarked = []
        self._metrics.took_each("alert_routing", (item.due_since_ns for item in batch))

    async def _failed(self, session: Session, channel: str, batch: list[Delivery], reason: str) -> None:
        again: list[Delivery] = []
        given_up: list[Delivery] = []
        for item in batch:
            item.attempts += 1
            (again if item.attempts < self._max_attempts else given_up).append(item)
        if given_up:
            _log.warning("%s: %d deliveries given up: %s", channel, len(given_up), reason)
            await self._settle(session, channel, given_up, reason)
        if again:
            settler = session.settlers[channel]
            identities, attempts = [item.delivery_id for item in again], [item.attempts for item in again]
            await settler.execute(COUNT_ATTEMPTS, identities, attempts)
        for item in again:
            due_s = time.monotonic() + self._backoff_s * BACKOFF_FACTOR ** (item.attempts - 1)
            heapq.heappush(self._later, (due_s, next(self._order), item))

    async def _settle(self, session: Session, channel: str, batch: list[Delivery], reason: str | None) -> None:
        details = [_encode(_Detail(channel, item.delivery_id, item.attempts, reason)).decode() for item in batch]
        await session.settlers[channel].execute(
            SETTLE,
            [item.delivery_id for item in batch],
            [item.event_id for item in batch],
            [item.source for item in batch],
            details,
            "delivered" if reason is None else "delivery_failed",
            time.time_ns(),
            self._replica,
        )
        outcomes = self._metrics.delivered if reason is None else self._metrics.delivery_failed
        outcomes[channel].inc(len(batch))
        for item in batch:
            self._backlog.settle(item.event_id)


def _posted(item: Delivery) -> _Posted:
    return _Posted(
        item.delivery_id, item.event_id, item.source, item.level, item.risk, item.signature, item.incident_id
    )  # fmt: skip
