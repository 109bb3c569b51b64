"""Takes due alerts to one channel: a batch, its answer, then the mark (see ``settle``).

Each channel has a queue and a connection of its own, so one that hangs delays no other.
"""

import asyncio
import heapq
import logging
import time
from collections import deque
from itertools import count

from phantommesh.automation.channels.backoff import Backoff
from phantommesh.automation.channels.circuit_breaker import CircuitBreaker
from phantommesh.automation.channels.contract import Channel, ChannelError
from phantommesh.automation.delivery import Delivery
from phantommesh.automation.linger import Linger
from phantommesh.automation.settle import Settler

_log = logging.getLogger(__name__)


class ChannelQueue:
    """One channel: what is due, what waits for its next attempt, and who delivers."""

    def __init__(
        self, channel: Channel, backoff: Backoff, breaker: CircuitBreaker, linger_s: float, settler: Settler
    ) -> None:
        self._channel = channel
        self._backoff = backoff
        self._breaker = breaker
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
                # Nothing is taken from a queue that nothing may leave: what waits there waits untouched.
                while not self._breaker.allow():
                    await asyncio.sleep(self._breaker.wait_s())
                try:
                    await self._channel.post(batch)
                except ChannelError as error:
                    self._failed(batch, error)
                else:
                    self._breaker.succeeded()
                    self._taken(batch)
        finally:
            self._queue.clear()
            self._later.clear()
            self._some.clear()
            self._channel.close()

    async def _take(self) -> list[Delivery]:
        while True:
            now_s = time.monotonic()
            while self._later and self._later[0][0] <= now_s:
                self._queue.append(heapq.heappop(self._later)[2])
            if self._queue:
                if pause_s := self._linger.pause_s():
                    await asyncio.sleep(pause_s)
                return [self._queue.popleft() for _ in range(min(self._channel.max_batch, len(self._queue)))]
            self._some.clear()
            wait_s = self._later[0][0] - now_s if self._later else None
            try:
                async with asyncio.timeout(wait_s):
                    await self._some.wait()
            except TimeoutError:
                continue

    def _taken(self, batch: list[Delivery]) -> None:
        for item in batch:
            item.attempts += 1
        self._settler.delivered(batch)

    def _failed(self, batch: list[Delivery], error: ChannelError) -> None:
        # A message that is refused for good says nothing against the channel.
        counts = True
        if error.retry:
            counts = self._breaker.failed()
        else:
            self._breaker.succeeded()
        told = {item.delivery_id for item in error.taken}
        if told:
            self._taken([item for item in batch if item.delivery_id in told])
        again: list[tuple[float, Delivery]] = []
        given_up: list[Delivery] = []
        for item in batch:
            if item.delivery_id in told:
                continue
            item.attempts += counts
            delay_s = self._backoff.delay_s(item.attempts) if error.retry else None
            if delay_s is None:
                given_up.append(item)
            else:
                again.append((max(delay_s, error.retry_after_s or 0.0), item))
        if given_up:
            _log.warning("%d deliveries given up: %s", len(given_up), error.reason)
            self._settler.given_up(given_up, error.reason)
        if again and counts:
            self._settler.tried([item for _, item in again])
        for delay_s, item in again:
            heapq.heappush(self._later, (time.monotonic() + delay_s, next(self._order), item))
