"""The lines of the audit trail, merged from the three tables that hold them, a page at a time.

An event's row stands for three lines, a delivery's for one, and the audit table has the rest. Each table is read by a
cursor in the order of seq; what is before the last line of every table that has more can be sent.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import asyncpg
import msgspec

from phantommesh.automation.delivery import ALERT, delivery_id
from phantommesh.automation.judging import due_channels
from phantommesh.config.model import CHANNELS
from phantommesh.database.statements import AUDIT_OF_DELIVERIES, AUDIT_OF_EVENTS, AUDIT_OF_THE_REST

ROWS_AT_ONCE = 500
Line = tuple[int, bytes]
_encode = msgspec.json.Encoder().encode


class _Entry(msgspec.Struct, gc=False):
    seq: int
    at_ns: int
    event_id: str
    source: str
    action: str
    replica: str
    detail: object


async def read_lines(connection: asyncpg.Connection, source: str | None, after: int) -> AsyncIterator[list[Line]]:
    """Pages of lines (seq, JSON with its line feed) in the order of seq, greater than `after`. The connection must be
    in a transaction that sees one state of the database."""
    tables = [
        await _Table.open(connection, AUDIT_OF_EVENTS, _of_event, source, after),
        await _Table.open(connection, AUDIT_OF_DELIVERIES, _of_delivery, source, after),
        await _Table.open(connection, AUDIT_OF_THE_REST, _of_the_rest, source, after),
    ]
    while True:
        for table in tables:
            await table.fill()
        bound = min((table.lines[-1][0] for table in tables if table.more), default=None)
        page = [line for table in tables for line in table.take(bound)]
        if not page:
            return
        page.sort()
        yield page if page[0][0] > after else [line for line in page if line[0] > after]


class _Table:
    """One of the three: what was read and not yet sent."""

    def __init__(self, cursor: Any, lines_of: Callable[[Any], Iterator[Line]]) -> None:
        self._cursor = cursor
        self._lines_of = lines_of
        self.lines: list[Line] = []
        self.more = True

    @classmethod
    async def open(
        cls, connection: asyncpg.Connection, statement: str, lines_of: Callable[[Any], Iterator[Line]],
        source: str | None, after: int,
    ) -> "_Table":  # fmt: skip
        return cls(await connection.cursor(statement, source, after), lines_of)

    async def fill(self) -> None:
        """Have at least one line, unless there is none."""
        if self.more and not self.lines:
            rows = await self._cursor.fetch(ROWS_AT_ONCE)
            self.more = len(rows) == ROWS_AT_ONCE
            self.lines = [line for row in rows for line in self._lines_of(row)]

    def take(self, bound: int | None) -> list[Line]:
        """The lines up to `bound` (None: all)."""
        if bound is None or not self.lines or self.lines[-1][0] <= bound:
            taken, self.lines = self.lines, []
        else:
            count = next(n for n, line in enumerate(self.lines) if line[0] > bound)
            taken, self.lines = self.lines[:count], self.lines[count:]
        return taken


def _line(seq: int, at_ns: int, of: tuple[str, str, str], action: str, detail: object) -> Line:
    event_id, source, replica = of
    return seq, _encode(_Entry(seq, at_ns, event_id, source, action, replica, detail)) + b"\n"


def _of_event(row: Any) -> Iterator[Line]:
    (seq, received_at_ns, assessed_at_ns, event_id, source, replica, signature_id, risk, level, confidence, due,
     verdict, incident_id, opened) = row  # fmt: skip
    of = (event_id, source, replica)
    yield _line(seq, received_at_ns, of, "received", {"signature_id": signature_id})
    assessed: dict[str, object] = {
        "risk": round(risk, 2), "level": level, "confidence": round(confidence, 2), "due": due_channels(due),
        "took_us": (assessed_at_ns - received_at_ns) // 1000,
    }  # fmt: skip
    if verdict is not None:
        assessed["verdict"] = msgspec.Raw(verdict.encode())
    yield _line(seq + 1, assessed_at_ns, of, "assessed", assessed)
    action = "incident_opened" if opened else "incident_joined"
    yield _line(seq + 2, assessed_at_ns, of, action, {"incident_id": incident_id})


def _of_delivery(row: Any) -> Iterator[Line]:
    seq, at_ns, event_id, source, replica, position, kind, attempts, reason, doubt = row
    channel = CHANNELS[position]
    detail = {"channel": channel, "delivery_id": delivery_id(event_id, channel, kind), "attempts": attempts}
    if kind != ALERT:
        detail["escalation"] = True
    if reason is not None:
        detail["reason"] = reason
    if doubt is not None:
        detail["doubt"] = doubt
    action = "delivered" if reason is None else "delivery_failed"
    yield _line(seq, at_ns, (str(event_id), source, replica), action, detail)


def _of_the_rest(row: Any) -> Iterator[Line]:
    seq, at_ns, event_id, source, action, replica, detail = row
    yield _line(seq, at_ns, (event_id, source, replica), action, msgspec.Raw(detail.encode()))
