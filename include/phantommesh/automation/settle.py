"""Marks deliveries that are over: one writer for all channels, a batch of marks in one commit.

A crash after a channel's answer and before the mark leaves a delivery in doubt (see ``inquiry``), and one that is
repeated where the channel cannot be asked. So a mark waits for nothing where few come and some milliseconds where many
do, and outlives a lost session: a new one begins with what the last could not mark.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence

import asyncpg
import msgspec

from phantommesh.automation.backlog import Backlog
from phantommesh.automation.delivery import ALERT, Delivery
from phantommesh.automation.linger import Linger
from phantommesh.automation.metrics import Metrics
from phantommesh.automation.session import Session
from phantommesh.config.model import CHANNELS
from phantommesh.database.statements import COUNT_ATTEMPTS, SETTLE

MAX_BATCH = 2_000
RETRY_S = 0.5
# What the mark of a delivery says of an attempt that may have arrived. Delivered: the channel was asked and had it, so
# that nothing was sent; or nobody could say, and it may have come twice. Given up: nobody could say, it may be there.
FOUND, REPEATED, UNKNOWN = "found", "repeated", "unknown"
_POSITION: dict[str, int] = {channel: position for position, channel in enumerate(CHANNELS)}
_log = logging.getLogger(__name__)


class _Over(msgspec.Struct, gc=False):
    delivery: Delivery
    at_ns: int
    reason: str | None
    doubt: str | None


class Settler:
    """The marks that wait, and the one that writes them. linger_s: how long a mark may wait when many come."""

    def __init__(self, replica: str, linger_s: float, backlog: Backlog, metrics: Metrics) -> None:
        self._replica = replica
        self._linger = Linger(linger_s)
        self._backlog = backlog
        self._metrics = metrics
        self._over: list[_Over] = []
        self._counted: list[Delivery] = []
        self._some = asyncio.Event()

    def delivered(self, deliveries: Sequence[Delivery]) -> None:
        """A channel took these just now."""
        self._add(deliveries)
        self._metrics.took_each("alert_routing", [item.due_since_ns for item in deliveries])

    def found(self, deliveries: Sequence[Delivery]) -> None:
        """A channel says that it took these earlier."""
        now_ns = time.time_ns()
        self._over.extend(_Over(item, now_ns, None, FOUND) for item in deliveries)
        self._some.set()

    def given_up(self, deliveries: Sequence[Delivery], reason: str) -> None:
        """These are not tried again."""
        self._add(deliveries, reason)

    def tried(self, deliveries: Sequence[Delivery]) -> None:
        """An attempt failed; another will be made."""
        self._counted.extend(deliveries)
        self._some.set()

    def _add(self, deliveries: Sequence[Delivery], reason: str | None = None) -> None:
        now_ns, doubt = time.time_ns(), REPEATED if reason is None else UNKNOWN
        self._over.extend(_Over(item, now_ns, reason, doubt if item.doubtful else None) for item in deliveries)
        self._linger.note(len(deliveries))
        self._some.set()

    async def settle_what_is_left(self, session: Session) -> None:
        """Mark what was over when the last session was lost, before anyone tries it again."""
        self._counted.clear()
        while self._over:
            await self._settle(session)

    async def run(self, session: Session) -> None:
        """Mark until cancelled or the connection is lost; what is not marked then stays here."""
        while True:
            await self._some.wait()
            if pause_s := self._linger.pause_s():
                await asyncio.sleep(pause_s)
            self._some.clear()
            try:
                await self._count(session)
                while self._over:
                    await self._settle(session)
            except asyncpg.PostgresError as error:
                if session.lost.is_set():
                    raise
                _log.warning("not marked, tried again in %s s: %s", RETRY_S, error)
                await asyncio.sleep(RETRY_S)  # a full disk, say: hurry helps nobody
                self._some.set()

    async def _settle(self, session: Session) -> None:
        batch = self._over[:MAX_BATCH]
        items = [over.delivery for over in batch]
        await session.settler.execute(
            SETTLE,
            *_keys(items),
            [over.at_ns for over in batch],
            [item.source for item in items],
            [over.reason for over in batch],
            self._replica,
            [over.doubt for over in batch],
        )
        del self._over[: len(batch)]
        for (channel, outcome), count in Counter((over.delivery.channel, _outcome(over)) for over in batch).items():
            self._metrics.deliveries[outcome][channel].inc(count)
        for over in batch:
            if over.delivery.kind == ALERT:  # an event was handled when its alert was out; an escalation comes later
                self._backlog.settle(over.delivery.event_id, over.at_ns)

    async def _count(self, session: Session) -> None:
        counted = [*self._counted]
        if counted:
            await session.settler.execute(COUNT_ATTEMPTS, *_keys(counted))
            del self._counted[: len(counted)]  # only now: what was not written is counted at the next turn


def _outcome(over: _Over) -> str:
    return "failed" if over.reason is not None else FOUND if over.doubt == FOUND else "delivered"


def _keys(items: list[Delivery]) -> list[list[object]]:
    return [
        [item.event_id for item in items],
        [_POSITION[item.channel] for item in items],
        [item.kind for item in items],
        [item.attempts for item in items],
    ]
