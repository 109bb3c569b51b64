"""Makes events durable and assessed: many requests, one commit.

Requests leave their events here. One writer takes all that wait, assesses them, writes them in one statement, and
answers each request; what came meanwhile is the next batch. A single event so waits for nobody, and a flood shares the
flushes. What is acknowledged is therefore assessed, belongs to an incident, and has its due deliveries in the outbox.
"""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from phantommesh.automation.accepted import Accepted
from phantommesh.automation.backlog import Backlog
from phantommesh.automation.events import Observation
from phantommesh.automation.judging import Judge
from phantommesh.automation.linger import Linger
from phantommesh.automation.session import Session
from phantommesh.config.model import System
from phantommesh.database.statements import ACCEPT, ACCEPT_ONE, ACCEPT_ONE_DUE_NOWHERE, ACCEPT_OPENING
from phantommesh.threat_model.history import History

_log = logging.getLogger(__name__)


class QueueFullError(Exception):
    """The queue has no place for these events."""


class UnavailableError(Exception):
    """The events could not be made durable; whether they were is not known."""


# Gets, for each event of a submission, whether it was new; or why nothing of it is acknowledged.
Answer = Callable[[list[bool] | UnavailableError], None]


class _Statements:
    """What the writer executes, prepared once for a session: a look-up by text a statement costs more than its send."""

    def __init__(self, one: PreparedStatement, one_due_nowhere: PreparedStatement, many: PreparedStatement) -> None:
        self.one = one
        self.one_due_nowhere = one_due_nowhere
        self.many = many

    @classmethod
    async def prepare(cls, writer: asyncpg.Connection) -> "_Statements":
        """Raises what asyncpg raises."""
        return cls(*[await writer.prepare(text) for text in (ACCEPT_ONE, ACCEPT_ONE_DUE_NOWHERE, ACCEPT)])


class _Submission:
    __slots__ = ("answer", "events")

    def __init__(self, events: Sequence[Observation], answer: Answer) -> None:
        self.events = events
        self.answer = answer


class Ingest:
    """The way into the database. fresh: who goes on with events that became durable just now."""

    def __init__(
        self, replica: str, judge: Judge, backlog: Backlog, system: System, fresh: Callable[[list[Accepted]], None]
    ) -> None:
        self._replica = replica
        self._judge = judge
        self._backlog = backlog
        self._linger = Linger(system.accept_linger_ms / 1000)
        self._max_batch = system.max_batch
        self._fresh = fresh
        self._waiting: deque[_Submission] = deque()
        self._some = asyncio.Event()
        self._open = False
        self._statements: _Statements | None = None

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

    async def prepare(self, session: Session) -> None:
        """What takes time before `run`, so that events are taken from its first moment. Raises what asyncpg raises."""
        self._statements = await _Statements.prepare(session.writer)

    async def run(self, session: Session) -> None:
        """Write until cancelled or the connection is lost; then every request that waits is refused."""
        statements = self._statements or await _Statements.prepare(session.writer)
        self._statements = None  # they are this session's
        self._judge.begin()
        self._open = True
        batch: list[_Submission] = []
        try:
            while True:
                await self._some.wait()
                if pause_s := self._linger.pause_s():
                    await asyncio.sleep(pause_s)
                batch = self._take()
                try:
                    await self._write(session, statements, batch)
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
        while self._waiting and (not batch or size + len(self._waiting[0].events) <= self._max_batch):
            submission = self._waiting.popleft()
            batch.append(submission)
            size += len(submission.events)
        if not self._waiting:
            self._some.clear()
        return batch

    async def _write(self, session: Session, statements: _Statements, batch: list[_Submission]) -> None:
        events = _distinct(batch)
        histories = await self._judge.histories(session.writer, events)
        accepted, poisonous = self._judged(events, histories)
        if any(one.opening or one.remedy for one in accepted):
            fresh = await self._open_incidents(session, accepted)
        elif len(accepted) == 1:
            fresh = await self._write_one(session, statements, accepted[0])
        else:
            fresh = await self._write_many(session, statements, accepted) if accepted else []
        for event in events:
            event.body = b""  # it is in the database now; what waits in memory stays small
        new = {one.event.event_id for one in fresh}
        for submission in batch:
            if poisonous and any(event.event_id in poisonous for event in submission.events):
                self._refuse([submission], "an event of it could not be assessed; the log says why")
            else:
                self._answer(submission, new)
        # After the answers, which somebody waits for.
        self._judge.durable(fresh)
        self._fresh(fresh)

    def _judged(self, events: list[Observation], histories: Sequence[History]) -> tuple[list[Accepted], set[uuid.UUID]]:
        """A fault in the assessment of one event is that event's alone: the others of the batch are none the worse."""
        accepted: list[Accepted] = []
        poisonous: set[uuid.UUID] = set()
        for event, history in zip(events, histories, strict=True):
            try:
                accepted.append(self._judge.judge(event, history))
            except Exception:  # noqa: BLE001  whatever it is, it is logged, and its sender hears 503
                _log.exception("not assessed: %s", event.event_id)
                poisonous.add(event.event_id)
        return accepted, poisonous

    async def _write_one(self, session: Session, statements: _Statements, one: Accepted) -> list[Accepted]:
        event, found = one.event, one.verdict
        values = [event.event_id, event.source, event.received_at_ns, event.alert.signature_id, one.incident_id,
                  found.risk, found.confidence, one.due, found.level, found.factors_json(), event.body,
                  time.time_ns(), self._replica]  # fmt: skip
        if one.due:
            new = await statements.one.fetchval(*values, session.instance)
        else:
            new = await statements.one_due_nowhere.fetchval(*values)
        return [one] if new is not None else []

    async def _write_many(self, session: Session, statements: _Statements, accepted: list[Accepted]) -> list[Accepted]:
        rows = await statements.many.fetch(*_columns(accepted), time.time_ns(), self._replica, session.instance)
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


def _distinct(batch: list[_Submission]) -> list[Observation]:
    """The events of a batch, each id once, in the order of their ids: see ACCEPT_OPENING."""
    if len(batch) == 1 and len(batch[0].events) == 1:
        return [*batch[0].events]
    first: dict[uuid.UUID, Observation] = {}
    for submission in batch:
        for event in submission.events:
            first.setdefault(event.event_id, event)
    return [first[event_id] for event_id in sorted(first)]


def _columns(accepted: list[Accepted]) -> list[list[Any]]:
    events = [one.event for one in accepted]
    found = [one.verdict for one in accepted]
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
        [one.factors_json() for one in found],
        [event.body for event in events],
    ]
