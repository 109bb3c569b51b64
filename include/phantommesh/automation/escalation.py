"""Incidents that nobody acknowledged in time are escalated, once: pagerduty and sms get another alert, marked as such.

Each replica looks by itself; a row lock lets one of them have an incident (see incident_statements.ESCALATE). The
alert's delivery is durable with the escalation: whatever happens to this replica, it goes out.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import asyncpg

from phantommesh.automation.delivery import ESCALATION, Delivery, delivery_id
from phantommesh.automation.session import Connector, Session
from phantommesh.config.model import CHANNELS, Channel
from phantommesh.database.incident_statements import ESCALATE

TURN_S = 5.0
ESCALATED_TO: tuple[Channel, ...] = ("pagerduty", "sms")
_POSITIONS = [CHANNELS.index(channel) for channel in ESCALATED_TO]
_log = logging.getLogger(__name__)


class Escalation:
    """levels: of incidents that are escalated. timeout_s: from opening to escalation. at_once: how many
    one statement escalates. deliver: who takes deliveries
    that are durable and this replica's. now_ns: epoch."""

    def __init__(
        self, replica: str, connector: Connector, levels: Sequence[str], timeout_s: float,
        at_once: int, deliver: Callable[[list[Delivery]], None], now_ns: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        self._replica = replica
        self._connector = connector
        self._levels = list(levels)
        self._timeout_ns = int(timeout_s * 1e9)
        self._at_once = at_once
        self._deliver = deliver
        self._now_ns = now_ns

    async def run(self, session: Session) -> None:
        """Escalate until cancelled or the connection is lost."""
        # Named like the session's own: it counts as this replica's work, and is cut off with it.
        connection = await self._connector.connect(f"phantommesh/{session.instance}")
        try:
            while True:
                try:
                    while await self.turn(connection, session.instance) == self._at_once:
                        pass
                except asyncpg.PostgresError as error:
                    if connection.is_closed():
                        raise
                    _log.warning("nothing escalated, tried again in %s s: %s", TURN_S, error)
                await asyncio.sleep(TURN_S)
        finally:
            connection.terminate()

    async def turn(self, connection: asyncpg.Connection, instance: int) -> int:
        """Escalate at most at_once incidents; returns how many."""
        now_ns = self._now_ns()
        rows = await connection.fetch(
            ESCALATE,
            self._levels,
            now_ns - self._timeout_ns,
            now_ns,
            self._replica,
            _POSITIONS,
            instance,
            self._at_once,
        )
        due_since_ns = time.time_ns()
        self._deliver([
            Delivery(
                delivery_id=delivery_id(row["event_id"], channel, ESCALATION), event_id=row["event_id"],
                source=row["source"], level=row["level"], risk=round(row["risk"], 2), signature=row["signature"],
                incident_id=row["incident_id"], channel=channel, kind=ESCALATION, attempts=0,
                due_since_ns=due_since_ns,
            )
            for row in rows for channel in ESCALATED_TO
        ])  # fmt: skip
        return len(rows)
