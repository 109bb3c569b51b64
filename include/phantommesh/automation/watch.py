"""Sees to what other replicas left: takes over the work of the dead, cuts off the silent, counts the backlog."""

import asyncio
import time

from phantommesh.automation.backlog import Backlog
from phantommesh.automation.deliver import ChannelQueue
from phantommesh.automation.delivery import ALERT, Delivery, delivery_id
from phantommesh.automation.session import Session
from phantommesh.config.model import CHANNELS
from phantommesh.database import statements

TURN_S = 0.25
DEPTH_TURNS = 2  # the backlog of the others is counted every second turn
BEAT_TURNS = 4
HELD_UP_S = 1.0
TAKE_AT_ONCE = 500


class Watch:
    """Turns four times a second; a dead replica's work is so taken over within half a second."""

    def __init__(self, lease_s: float, backlog: Backlog, channels: dict[str, ChannelQueue]) -> None:
        self._lease_s = lease_s
        self._backlog = backlog
        self._channels = channels

    async def run(self, session: Session) -> None:
        """Watch until cancelled or the connection is lost."""
        turn, turned_s = 0, time.monotonic()
        while True:
            # Who was held up itself cannot tell that the others were silent.
            held_up, turned_s = time.monotonic() - turned_s > HELD_UP_S, time.monotonic()
            for dead in await session.watcher.fetch(statements.DEAD_INSTANCES, session.instance):
                await self._take_over(session, dead[0])
            if turn % DEPTH_TURNS == 0:
                self._backlog.of_others = await session.watcher.fetchval(statements.DEPTH_OF_OTHERS, session.instance)
            if turn % BEAT_TURNS == 0:
                await session.watcher.execute(statements.HEARTBEAT, session.instance)
                if not held_up:
                    await session.watcher.execute(statements.CUT_OFF_SILENT, session.instance, self._lease_s)
            turn += 1
            await asyncio.sleep(TURN_S)

    async def _take_over(self, session: Session, dead: int) -> None:
        at_work = await session.watcher.fetchval(statements.SESSIONS_OF, dead)
        while await self._take_deliveries(session, dead):
            pass
        if not at_work:
            await session.watcher.execute(statements.CLOSE_INSTANCE, dead)

    async def _take_deliveries(self, session: Session, dead: int) -> int:
        rows = await session.watcher.fetch(statements.TAKE_DELIVERIES, dead, session.instance, TAKE_AT_ONCE)
        for row in rows:
            channel = CHANNELS[row["channel"]]
            delivery = Delivery(
                delivery_id=delivery_id(row["event_id"], channel, row["kind"]), event_id=row["event_id"],
                source=row["source"], level=row["level"], risk=round(row["risk"], 2), signature=row["signature"],
                incident_id=row["incident_id"], channel=channel, kind=row["kind"], attempts=row["attempts"],
                due_since_ns=time.time_ns(), doubtful=True,
            )  # fmt: skip
            if delivery.kind == ALERT:
                self._backlog.expect(delivery.event_id, row["received_at_ns"])
            self._channels[channel].add_doubtful(delivery)
        return len(rows)
