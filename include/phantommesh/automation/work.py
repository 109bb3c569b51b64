"""Handles durable events: assessment, incident and due deliveries in one transaction for a batch.

The statement takes an event only if it is still in the inbox, and takes it out in the same transaction: whoever else
holds the same event (a takeover that crossed) gets nothing, so every effect happens once.
"""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import asyncpg
import msgspec

from phantommesh.automation.assess import Assessment, Assessor
from phantommesh.automation.backlog import Backlog
from phantommesh.automation.deliver import Delivery
from phantommesh.automation.events import Observation
from phantommesh.automation.metrics import Metrics
from phantommesh.automation.session import Session
from phantommesh.config.model import Config
from phantommesh.database.statements import HANDLE

MAX_BATCH = 500
RETRY_S = 0.5
DELIVERY_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:phantommesh:delivery")
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class _Assessed(msgspec.Struct, gc=False):
    """The detail of the audit action `assessed`. took_us: from durable to assessed, waiting included."""

    risk: float
    level: str
    confidence: float
    due: tuple[str, ...]
    took_us: int


class _Item(msgspec.Struct, gc=False):
    event: Observation
    assessment: Assessment
    due: tuple[str, ...]
    durable_at_ns: int


class Work:
    """The queue of events to handle, and the one that handles them. due: who delivers."""

    def __init__(
        self, replica: str, config: Config, backlog: Backlog, metrics: Metrics, due: Callable[[list[Delivery]], None]
    ) -> None:
        self._replica = replica
        self._assessor = Assessor(config.threat_assessment)
        self._routing = {level: config.alert_routing.due(level) for level in ("critical", "high", "medium", "low")}
        self._window_ns = int(config.system.dedup_window_s * 1e9)
        self._backlog = backlog
        self._metrics = metrics
        self._due = due
        self._queue: deque[tuple[Observation, int]] = deque()
        self._some = asyncio.Event()

    def add(self, events: Iterable[Observation]) -> None:
        """Events that are durable and this replica's."""
        now_ns = time.time_ns()
        self._queue.extend((event, now_ns) for event in events)
        if self._queue:
            self._some.set()

    async def run(self, session: Session) -> None:
        """Handle until cancelled or the connection is lost; what waits is then forgotten (the database has it)."""
        try:
            while True:
                await self._some.wait()
                batch = [self._queue.popleft() for _ in range(min(MAX_BATCH, len(self._queue)))]
                if not self._queue:
                    self._some.clear()
                try:
                    await self._handle(session, batch)
                except asyncpg.PostgresError as error:
                    if session.lost.is_set():
                        raise
                    _log.warning("not handled, tried again in %s s: %s", RETRY_S, error)
                    await asyncio.sleep(RETRY_S)  # a full disk, say: hurry helps nobody
                    self._queue.extendleft(reversed(batch))
                    self._some.set()
        finally:
            self._queue.clear()
            self._some.clear()

    async def _handle(self, session: Session, batch: list[tuple[Observation, int]]) -> None:
        items = [self._assess(event, durable_at_ns) for event, durable_at_ns in batch]
        deliveries = [(delivery_id(item.event, channel), item, channel) for item in items for channel in item.due]
        rows = await session.worker.fetch(
            HANDLE,
            *_columns(items),
            [identity for identity, _, _ in deliveries],
            [item.event.event_id for _, item, _ in deliveries],
            [channel for _, _, channel in deliveries],
            time.time_ns(),
            self._window_ns,
            session.instance,
            self._replica,
        )
        placed = {row[0]: row for row in rows}
        self._count(items, placed)
        self._due([
            _delivery(identity, item, channel, placed[item.event.event_id][1])
            for identity, item, channel in deliveries if item.event.event_id in placed
        ])  # fmt: skip

    def _assess(self, event: Observation, durable_at_ns: int) -> _Item:
        assessment = self._assessor.assess(event)
        return _Item(event, assessment, self._routing[assessment.level], durable_at_ns)

    def _count(self, items: list[_Item], placed: dict[uuid.UUID, Any]) -> None:
        mine = [item for item in items if item.event.event_id in placed]
        self._metrics.took_each("threat_assessment", (item.durable_at_ns for item in mine))
        self._metrics.took_each("incident_response", (item.event.received_at_ns for item in mine))
        for item in items:
            row = placed.get(item.event.event_id)
            if row is None:
                self._backlog.drop(item.event.event_id)
                continue
            self._metrics.assessed[item.assessment.level].inc()
            self._metrics.incidents["opened" if row[2] else "joined"].inc()
            self._backlog.expect(item.event.event_id, len(item.due), item.event.received_at_ns)


def _columns(items: list[_Item]) -> list[list[Any]]:
    now_ns = time.time_ns()
    return [
        [item.event.event_id for item in items],
        [item.event.source for item in items],
        [item.event.alert.signature_id for item in items],
        [item.event.src_ip for item in items],
        [item.event.dest_ip for item in items],
        [item.assessment.risk for item in items],
        [item.assessment.confidence for item in items],
        [item.assessment.level for item in items],
        [_detail(item, now_ns) for item in items],
        [uuid.uuid4() for _ in items],
    ]


def _detail(item: _Item, now_ns: int) -> str:
    found = item.assessment
    took_us = (now_ns - item.durable_at_ns) // 1000
    return _encode(_Assessed(found.risk, found.level, found.confidence, item.due, took_us)).decode()


def delivery_id(event: Observation, channel: str) -> uuid.UUID:
    """The id of an event's delivery to a channel: UUID version 5, so that every attempt carries the same."""
    return uuid.uuid5(DELIVERY_NAMESPACE, f"{event.event_id}/{channel}")


def _delivery(identity: uuid.UUID, item: _Item, channel: str, incident_id: Any) -> Delivery:
    return Delivery(
        delivery_id=identity,
        event_id=item.event.event_id,
        source=item.event.source,
        level=item.assessment.level,
        risk=item.assessment.risk,
        signature=item.event.alert.signature,
        incident_id=incident_id,
        channel=channel,
        attempts=0,
        due_since_ns=time.time_ns(),
    )
