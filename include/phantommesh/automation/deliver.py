"""Takes due alerts to one channel: a batch, its answer, then the mark (see ``settle``).

Each channel has a queue and a connection of its own, so one that hangs delays no other. What is in doubt at a channel
that can be asked goes through its ``inquiry`` first.
"""

import asyncio
import heapq
import logging
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from itertools import count
from typing import Any

from phantommesh.automation.channels.backoff import Backoff
from phantommesh.automation.channels.circuit_breaker import CircuitBreaker
from phantommesh.automation.channels.contract import Channel, ChannelError
from phantommesh.automation.delivery import Delivery
from phantommesh.automation.inquiry import Inquiry
from phantommesh.automation.linger import Linger
from phantommesh.automation.settle import Settler

_log = logging.getLogger(__name__)


class ChannelQueue:
    """One channel: what is due, what waits for its next attempt, and who delivers. inquiry: None when the channel
    cannot be asked what it has; what is in doubt is then repeated."""

    def __init__(
        self, channel: Channel, backoff: Backoff, breaker: CircuitBreaker, linger_s: float, settler: Settler,
        inquiry: Inquiry | None = None,
    ) -> None:  # fmt: skip
        self._channel = channel
        self._backoff = backoff
        self._breaker = breaker
        self._linger = Linger(linger_s)
        self._settler = settler
        self._inquiry = inquiry
        self._queue: deque[Delivery] = deque()
        self._later: list[tuple[float, int, Delivery]] = []
        self._order = count()
        self._some = asyncio.Event()

    def add(self, delivery: Delivery) -> None:
        """A delivery that is durable and this replica's."""
        self._queue.append(delivery)
        self._linger.note(1)
        self._some.set()

    def add_doubtful(self, delivery: Delivery) -> None:
        """A delivery that is durable and this replica's, and that the channel may have already."""
        if self._inquiry is None:
            self.add(delivery)
        else:
            self._inquiry.add(delivery)

    def at_work(self) -> list[Coroutine[Any, Any, None]]:
        """What runs as long as a session with the database lasts: delivering and, where one can ask, asking."""
        return [self._run()] if self._inquiry is None else [self._run(), self._inquiry.run(self)]

    def found(self, deliveries: Sequence[Delivery]) -> None:
        """See inquiry.Outcomes."""
        self._settler.found(deliveries)

    def absent(self, deliveries: Sequence[Delivery]) -> None:
        """See inquiry.Outcomes."""
        given_up: list[Delivery] = []
        for item in deliveries:
            item.doubtful = False
            if self._backoff.delay_s(item.attempts) is None:
                given_up.append(item)
            else:
                self.add(item)
        if given_up:
            self._settler.given_up(given_up, "no answer to the last attempt, and the channel has not got it")

    def unanswered(self, deliveries: Sequence[Delivery]) -> None:
        """See inquiry.Outcomes. They stay in doubt, and the mark says so."""
        _log.warning("%d deliveries are made although %s may have them", len(deliveries), self._channel.name)
        for item in deliveries:
            self.add(item)

    async def _run(self) -> None:
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
                item = heapq.heappop(self._later)[2]
                if item.doubtful:
                    self.add_doubtful(item)
                else:
                    self._queue.append(item)
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
        for item in error.doubtful:
            item.doubtful = True
        if told:
            self._taken([item for item in batch if item.delivery_id in told])
        again: list[tuple[float, Delivery]] = []
        given_up: list[Delivery] = []
        for item in batch:
            if item.delivery_id in told:
                continue
            item.attempts += counts
            delay_s = self._delay_s(item) if error.retry else None
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

    def _delay_s(self, item: Delivery) -> float | None:
        delay_s = self._backoff.delay_s(item.attempts)
        if delay_s is None and item.doubtful and self._inquiry is not None:
            return 0.0  # it is not given up before it is known whether the channel has it
        return delay_s
