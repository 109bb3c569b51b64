"""Makes events durable and assessed: many requests, one commit.

Requests leave their events here. One writer takes all that wait, assesses them, writes them in one statement, and
answers each request; what came meanwhile is the next batch. A single event so waits for nobody, and a flood shares the
flushes. What is acknowledged is therefore assessed, belongs to an incident, and has its due deliveries in the outbox.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from phantommesh.automation.accepted import Accepted
from phantommesh.automation.backlog import Backlog
from phantommesh.automation.events import Observation
from phantommesh.automation.judging import Judge
from phantommesh.automation.linger import Linger
from phantommesh.automation.session import Session
from phantommesh.database.statements import ACCEPT, ACCEPT_ONE, ACCEPT_ONE_DUE_NOWHERE, ACCEPT_OPENING

MAX_BATCH = 2_000
_log = logging.getLogger(__name__)


class QueueFullError(Exception):
    """The queue has no place for these events."""


class UnavailableError(Exception):
    """The events could not be made durable; whether they were is not known."""


# Gets, for each event of a submission, whether it was new; or why nothing of it is acknowledged.
Answer = Callable[[list[bool] | UnavailableError], None]


class _Submission:
    __slots__ = ("answer", "events")

    def __init__(self, events: Sequence[Observation], answer: Answer) -> None:
        self.events = events
        self.answer = answer


class Ingest:
    """The way into the database. fresh: who goes on with events that became durable just now."""

    def __init__(
        self, replica: str, judge: Judge, backlog: Backlog, linger_s: float, fresh: Callable[[list[Accepted]], None]
    ) -> None:
        self._replica = replica
        self._judge = judge
        self._backlog = backlog
        self._linger = Linger(linger_s)
        self._fresh = fresh
        self._waiting: deque[_Submission] = deque()
        self._some = asyncio.Event()
        self._open = False

    def submit(self, events: Sequence[Observation], answer: Answer) -> None:
        """Calls `answer` once the events are durable. Raises QueueFullError (nothing of it will be stored) or
        UnavailableError."""
        if not self._open:
            raise UnavailableError("no connection to the database")
        count = len(events)
        if not self._backlog.admits(count):
            raise QueueFullError
        self._backlog.wait(count)
        self._linger.note(count)
        self._waiting.append(_Submission(events, answer))
        self._some.set()

    async def run(self, session: Session) -> None:
        """Write until cancelled or the connection is lost; then every request that waits is refused."""
        self._open = True
        self._judge.begin()
        batch: list[_Submission] = []
        try:
            while True:
                await self._some.wait()
                if pause_s := self._linger.pause_s():
                    await asyncio.sleep(pause_s)
                batch = self._take()
                try:
                    await self._write(session, batch)
                except asyncpg.PostgresError as error:
                    if session.lost.is_set():
                        raise
                    _log.warning("not stored: %s", error)
                    self._refuse(batch, f"the database refuses: {error}")
                batch = []
        finally:
            self._open = False
            self._refuse([*batch, *self._waiting], "the connection to the database is lost")
            self._waiting.clear()
            self._some.clear()

    def _take(self) -> list[_Submission]:
        batch: list[_Submission] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].events) <= MAX_BATCH):
            submission = self._waiting.popleft()
            batch.append(submission)
            size += len(submission.events)
        if not self._waiting:
            self._some.clear()
        return batch

    async def _write(self, session: Session, batch: list[_Submission]) -> None:
        first: dict[Any, Observation] = {}
        for submission in batch:
            for event in submission.events:
                first.setdefault(event.event_id, event)
        # In the order of their ids: see ACCEPT_OPENING.
        accepted = [self._judge.judge(first[event_id]) for event_id in sorted(first)]
        if any(one.opening or one.remedy for one in accepted):
            fresh = await self._open_incidents(session, accepted)
        elif len(accepted) == 1:
            fresh = await self._write_one(session, accepted[0])
        else:
            fresh = await self._write_many(session, accepted)
        for event in first.values():
            event.body = b""  # it is in the database now; what waits in memory stays small
        self._judge.durable(fresh)
        self._fresh(fresh)
        new = {one.event.event_id for one in fresh}
        for submission in batch:
            self._answer(submission, new)

    async def _write_one(self, session: Session, one: Accepted) -> list[Accepted]:
        event, found = one.event, one.assessment
        values = [event.event_id, event.source, event.received_at_ns, event.alert.signature_id, one.incident_id,
                  found.risk, found.confidence, one.due, found.level, found.verdict, event.body,
                  time.time_ns(), self._replica]  # fmt: skip
        if one.due:
            new = await session.writer.fetchval(ACCEPT_ONE, *values, session.instance)
        else:
            new = await session.writer.fetchval(ACCEPT_ONE_DUE_NOWHERE, *values)
        return [one] if new is not None else []

    async def _write_many(self, session: Session, accepted: list[Accepted]) -> list[Accepted]:
        rows = await session.writer.fetch(ACCEPT, *_columns(accepted), time.time_ns(), self._replica, session.instance)
        if len(rows) == len(accepted):
            return accepted
        new = {row[0] for row in rows}
        return [one for one in accepted if one.event.event_id in new]

    async def _open_incidents(self, session: Session, accepted: list[Accepted]) -> list[Accepted]:
        rows = await session.writer.fetch(
            ACCEPT_OPENING,
            *_columns(accepted),
            time.time_ns(),
            self._replica,
            session.instance,
            [one.event.src_ip for one in accepted],
            [one.event.dest_ip for one in accepted],
            [one.event.alert.signature for one in accepted],
            [one.opening for one in accepted],
            [one.remedy for one in accepted],
            self._judge.window_ns,
        )
        placed = {row[0]: row for row in rows}
        fresh = [one for one in accepted if one.event.event_id in placed]
        for one in fresh:
            _, incident_id, opened_at_ns, opened = placed[one.event.event_id]
            self._judge.placed(one, incident_id, opened_at_ns, opened)
        return fresh

    def _answer(self, submission: _Submission, new: set[Any]) -> None:
        answers = []
        for event in submission.events:
            answers.append(event.event_id in new)
            new.discard(event.event_id)  # the same id again in this batch is a duplicate
        self._backlog.wait(-len(answers))
        submission.answer(answers)

    def _refuse(self, batch: list[_Submission], reason: str) -> None:
        for submission in batch:
            self._backlog.wait(-len(submission.events))
            submission.answer(UnavailableError(reason))


def _columns(accepted: list[Accepted]) -> list[list[Any]]:
    events = [one.event for one in accepted]
    found = [one.assessment for one in accepted]
    return [
        [event.event_id for event in events],
        [event.source for event in events],
        [event.received_at_ns for event in events],
        [event.alert.signature_id for event in events],
        [one.incident_id for one in accepted],
        [one.risk for one in found],
        [one.confidence for one in found],
        [one.due for one in accepted],
        [one.level for one in found],
        [one.verdict for one in found],
        [event.body for event in events],
    ]
