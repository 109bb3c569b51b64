"""Takes due alerts to one channel: a batch, its answer, then the mark (see ``settle``).

Each channel has a queue and a connection of its own, so one that hangs delays no other.
"""

import asyncio
import heapq
import logging
import time
from collections import deque
from itertools import count

import msgspec

from phantommesh.automation.channel import ChannelClient, ChannelError
from phantommesh.automation.delivery import Delivery
from phantommesh.automation.linger import Linger
from phantommesh.automation.settle import Settler
from phantommesh.config.model import AlertRouting

MAX_BATCH = 200
BACKOFF_FACTOR = 3
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class _Posted(msgspec.Struct, gc=False):
    delivery_id: object
    event_id: object
    source: str
    level: str
    risk: float
    signature: str
    incident_id: object


class ChannelQueue:
    """One channel: what is due, what waits for its next attempt, and who delivers."""

    def __init__(self, client: ChannelClient, routing: AlertRouting, linger_s: float, settler: Settler) -> None:
        self._client = client
        self._max_attempts = 1 + routing.max_retries
        self._backoff_s = routing.retry_backoff_s
        self._linger = Linger(linger_s)
        self._settler = settler
        self._queue: deque[Delivery] = deque()
        self._later: list[tuple[float, int, Delivery]] = []
        self._order = count()
        self._some = asyncio.Event()

    def add(self, delivery: Delivery) -> None:
        """A delivery that is durable and this replica's."""
        self._queue.append(delivery)
        self._linger.note(1)
        self._some.set()

    async def run(self) -> None:
        """Deliver until cancelled; what waits is then forgotten (the database has it)."""
        try:
            while True:
                batch = await self._take()
                try:
                    await self._client.post(_encode([_posted(item) for item in batch]))
                except ChannelError as error:
                    self._failed(batch, str(error))
                else:
                    for item in batch:
                        item.attempts += 1
                    self._settler.delivered(batch)
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
                if pause_s := self._linger.pause_s():
                    await asyncio.sleep(pause_s)
                return [self._queue.popleft() for _ in range(min(MAX_BATCH, len(self._queue)))]
            self._some.clear()
            wait_s = self._later[0][0] - now_s if self._later else None
            try:
                async with asyncio.timeout(wait_s):
                    await self._some.wait()
            except TimeoutError:
                continue

    def _failed(self, batch: list[Delivery], reason: str) -> None:
        again: list[Delivery] = []
        given_up: list[Delivery] = []
        for item in batch:
            item.attempts += 1
            (again if item.attempts < self._max_attempts else given_up).append(item)
        if given_up:
            _log.warning("%d deliveries given up: %s", len(given_up), reason)
            self._settler.given_up(given_up, reason)
        if again:
            self._settler.tried(again)
        for item in again:
            due_s = time.monotonic() + self._backoff_s * BACKOFF_FACTOR ** (item.attempts - 1)
            heapq.heappush(self._later, (due_s, next(self._order), item))


def _posted(item: Delivery) -> _Posted:
    return _Posted(
        item.delivery_id, item.event_id, item.source, item.level, item.risk, item.signature, item.incident_id
    )  # fmt: skip
