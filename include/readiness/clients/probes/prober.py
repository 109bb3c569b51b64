"""The schedule: four lanes of probes, each at the same fixed rate, a quarter of a period apart; eight, and an eighth,
where there is an ingress.

Open loop: what is due is sent, whatever became of earlier probes; what is overdue by a whole period (this process did
not run) is left out and shows as a hole in the intended times. Nothing is tried a second time.
"""

import asyncio
import math
import os
import time
import uuid
from collections import deque
from collections.abc import Collection
from functools import partial

from readiness.clients.address import require_allowed
from readiness.clients.ingress import WayIn
from readiness.clients.probes.exchange import Exchange
from readiness.clients.probes.kept_connections import KeptConnections
from readiness.clients.probes.lanes import LANES, LANES_WITH_INGRESS, lanes_of
from readiness.clients.probes.samples import Samples

S = 1_000_000_000
_SPARE_PLACES = 2
_NO_ID = b""


class Clock:
    """Epoch ns from the monotonic clock and one anchor: a wall clock that is set meanwhile bends nothing."""

    def __init__(self) -> None:
        before_ns = time.monotonic_ns()
        self.anchor_wall_ns = time.time_ns()
        self.anchor_monotonic_ns = (before_ns + time.monotonic_ns()) // 2
        self._offset_ns = self.anchor_wall_ns - self.anchor_monotonic_ns

    def now_ns(self) -> int:
        """The time now."""
        return time.monotonic_ns() + self._offset_ns

    def loop_s(self, at_ns: int) -> float:
        """The same moment on the event loop's clock."""
        return (at_ns - self._offset_ns) / S

    def drift_ns(self) -> int:
        """How far the wall clock moved against the monotonic one since the anchor."""
        return time.time_ns() - self.now_ns()


class Prober:
    """Probes ``base_url``, and the same ``through`` the ingress where there is one. Raises AddressError for an address
    that may not be probed; ``also``: those that may beside those that always may.

    rate_hz: of each lane; timeout_s: after which a probe without an answer has failed; source: of the events.
    """

    def __init__(
        self,
        base_url: str,
        source: str,
        rate_hz: float,
        timeout_s: float,
        also: Collection[str] = (),
        through: WayIn | None = None,
    ) -> None:
        require_allowed(base_url, also)
        if through is not None:
            require_allowed(through.url, through.also)
        lanes = LANES if through is None else LANES_WITH_INGRESS
        self._period_ns, self._timeout_ns = round(S / rate_hz), round(timeout_s * S)
        places = math.ceil(timeout_s * rate_hz) + _SPARE_PLACES
        self._lanes = lanes_of(lanes, base_url, through, source, places)
        self._kept = [lane.kept for lane in self._lanes if lane.kept is not None]
        self._under_way: deque[Exchange] = deque()
        self._tick, self._due_ns = 0, 0
        self.clock, self.samples = Clock(), Samples(lanes)

    @property
    def replaced(self) -> int:
        """Kept connections that were found broken at their next use."""
        return sum(kept.replaced for kept in self._kept)

    async def run(self, stop: asyncio.Event) -> None:
        """Probe until ``stop`` is set, then wait for what is under way."""
        self._loop = asyncio.get_running_loop()
        self._start_ns = self._due_ns = self.clock.now_ns() + self._period_ns
        self._timer = self._loop.call_at(self.clock.loop_s(self._due_ns), self._wake)
        try:
            await stop.wait()
        finally:
            self._timer.cancel()
        while self._under_way:
            self._expire(self.clock.now_ns())
            await asyncio.sleep(0.001)  # between two looks at what is under way
        self.close()

    def close(self) -> None:
        """End what is under way, unrecorded, and close every connection."""
        for exchange in self._under_way:
            exchange.index = -1
            exchange.give_up("")
        self._under_way.clear()
        for kept in self._kept:
            kept.close()

    def _wake(self) -> None:
        """Send what is due. After a sleep the oldest overdue probe of each lane is sent all the same: its lag tells of
        the sleep."""
        now_ns, late = self.clock.now_ns(), set[int]()
        while self._due_ns <= now_ns:
            lane = self._tick % len(self._lanes)
            in_time = now_ns - self._due_ns < self._period_ns
            if in_time or lane not in late:
                self._send(lane, self._due_ns)
            if not in_time:
                late.add(lane)
            self._tick += 1
            self._due_ns = self._start_ns + self._tick * self._period_ns // len(self._lanes)
        self._expire(now_ns)
        self._timer = self._loop.call_at(self.clock.loop_s(self._due_ns), self._wake)

    def _send(self, lane: int, due_ns: int) -> None:
        probed, event_id, now_ns = self._lanes[lane], _NO_ID, self.clock.now_ns()
        request = probed.read
        if probed.writes is not None:
            event_id = uuid.UUID(bytes=os.urandom(16), version=4).bytes
            request = probed.writes.make(self._tick, str(uuid.UUID(bytes=event_id)), now_ns)
        index = self.samples.start(lane, due_ns, now_ns, event_id)
        place, sock = probed.kept.take() if probed.kept is not None else (-1, None)
        exchange = Exchange(self._loop, request, index, partial(self._ended, probed.kept, place))
        exchange.ends_at_ns = now_ns + self._timeout_ns
        self._under_way.append(exchange)
        if sock is None:
            exchange.connect(probed.address)
        else:
            exchange.send_over(sock)

    def _ended(self, kept: KeptConnections | None, place: int, exchange: Exchange) -> None:
        if exchange.index >= 0:
            self.samples.end(exchange.index, self.clock.now_ns(), exchange.status, exchange.error)
        if exchange.keep is not None:
            if kept is not None:
                kept.put(place, exchange.keep)
            else:
                exchange.keep.close()

    def _expire(self, now_ns: int) -> None:
        """Forget what has ended, give up what is past its time. All have the same timeout: the oldest come first."""
        waiting = self._under_way
        while waiting and (waiting[0].over or waiting[0].ends_at_ns <= now_ns):
            waiting.popleft().give_up("timeout")
