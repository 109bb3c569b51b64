"""Makes events durable: many requests, one commit.

Requests leave their events here and wait. One writer takes all that wait, writes them in one statement, and answers
each; what came meanwhile is the next batch. A single event so waits for nobody, and a flood shares the flushes.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg

from phantommesh.automation.backlog import Backlog
from phantommesh.automation.events import Observation
from phantommesh.automation.session import Session
from phantommesh.database.statements import ACCEPT

MAX_BATCH = 2_000
_log = logging.getLogger(__name__)


class QueueFullError(Exception):
    """The queue has no place for these events."""


class UnavailableError(Exception):
    """The events could not be made durable; whether they were is not known."""


@dataclass(frozen=True, slots=True)
class _Submission:
    events: Sequence[Observation]
    answer: "asyncio.Future[list[bool]]"


class Ingest:
    """The way into the database. fresh: who handles events that became durable just now."""

    def __init__(self, replica: str, backlog: Backlog, fresh: Callable[[list[Observation]], None]) -> None:
        self._replica = replica
        self._backlog = backlog
        self._fresh = fresh
        self._waiting: deque[_Submission] = deque()
        self._some = asyncio.Event()
        self._open = False

    async def submit(self, events: Sequence[Observation]) -> list[bool]:
        """Returns once the events are durable: for each, whether it was new. Raises QueueFullError (nothing of it was
        stored) or UnavailableError."""
        if not self._open:
            raise UnavailableError("no connection to the database")
        if not self._backlog.admits(len(events)):
            raise QueueFullError
        submission = _Submission(events, asyncio.get_running_loop().create_future())
        self._backlog.wait(len(events))
        self._waiting.append(submission)
        self._some.set()
        try:
            return await submission.answer
        finally:
            self._backlog.wait(-len(events))

    async def run(self, session: Session) -> None:
        """Write until cancelled or the connection is lost; then every request that waits is refused."""
        self._open = True
        batch: list[_Submission] = []
        try:
            while True:
                await self._some.wait()
                batch = self._take()
                try:
                    await self._write(session, batch)
                except asyncpg.PostgresError as error:
                    if session.lost.is_set():
                        raise
                    _log.warning("not stored: %s", error)
                    _refuse(batch, f"the database refuses: {error}")
        finally:
            self._open = False
            _refuse([*batch, *self._waiting], "the connection to the database is lost")
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
        first: dict[object, Observation] = {}
        for submission in batch:
            for event in submission.events:
                first.setdefault(event.event_id, event)
        events = list(first.values())
        rows = await session.writer.fetch(
            ACCEPT,
            [event.event_id for event in events],
            [event.source for event in events],
            [event.received_at_ns for event in events],
            [event.body for event in events],
            [f'{{"signature_id":{event.alert.signature_id}}}' for event in events],
            session.instance,
            self._replica,
        )
        new = {row[0] for row in rows}
        fresh = [event for event in events if event.event_id in new]
        for event in events:
            event.body = b""  # it is in the database now; what waits in memory stays small
        for event in fresh:
            self._backlog.begin(event.event_id, event.received_at_ns)
        self._fresh(fresh)
        for submission in batch:
            _answer(submission, new)


def _answer(submission: _Submission, new: set[object]) -> None:
    if submission.answer.done():
        return
    answers = []
    for event in submission.events:
        answers.append(event.event_id in new)
        new.discard(event.event_id)  # the same id again in this batch is a duplicate
    submission.answer.set_result(answers)


def _refuse(batch: list[_Submission], reason: str) -> None:
    for submission in batch:
        if not submission.answer.done():
            submission.answer.set_exception(UnavailableError(reason))
