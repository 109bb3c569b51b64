"""Incidents over HTTP: the list, one with its timeline, acknowledge, resolve (docs/platform-api.md)."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec

from phantommesh.automation.http import JSON, Header, Receive, Send, answer, answer_bytes
from phantommesh.automation.incident_documents import Incident, read_history
from phantommesh.automation.incident_requests import (
    Acknowledgement,
    Query,
    RequestError,
    Resolution,
    read_body,
    read_id,
    read_query,
)
from phantommesh.automation.reading import BusyError, Reading
from phantommesh.automation.session import LOST
from phantommesh.database import incident_statements as statements

PATH = "/v1/incidents"
ROWS_AT_ONCE = 500
_LINES = (b"content-type", b"application/x-ndjson")
_encoder = msgspec.json.Encoder()
Reply = Callable[[asyncpg.Connection], Awaitable[object]]


class Incidents:
    """Answers PATH and what is below it. readers: how many requests are answered at once; more wait."""

    def __init__(self, replica: str, reading: Reading, readers: int) -> None:
        self._replica = replica
        self._reading = reading
        self._readers = asyncio.Semaphore(readers)

    async def answer(self, scope: dict[str, Any], receive: Receive, send: Send, *headers: Header) -> None:
        """Answer one request."""
        method, parts = scope["method"], scope["path"].removeprefix(PATH).strip("/").split("/")
        try:
            match method, parts:
                case "GET", [""]:
                    query = read_query(scope["query_string"])
                    await self._with_database(send, headers, lambda connection: _list(connection, query, receive, send))
                case "GET", [identity]:
                    incident_id = read_id(identity, "incident_id")
                    await self._with_database(send, headers, lambda connection: _history(connection, incident_id))
                case "POST", [identity, ("acknowledge" | "resolve") as change]:
                    await self._change(read_id(identity, "incident_id"), change, receive, send, headers)
                case _:
                    await _refuse(send, parts, headers)
        except RequestError as error:
            await answer(send, error.status, error.document, *headers)

    async def _change(
        self, incident_id: uuid.UUID, change: str, receive: Receive, send: Send, headers: tuple[Header, ...]
    ) -> None:
        asked: Acknowledgement | Resolution | None
        asked = await read_body(receive, Acknowledgement if change == "acknowledge" else Resolution)
        if asked is not None:
            await self._with_database(send, headers, lambda connection: self._apply(connection, incident_id, asked))

    async def _with_database(self, send: Send, headers: tuple[Header, ...], reply: Reply) -> None:
        """Answer with what `reply` returns; None: it has answered."""
        try:
            async with self._reading.turn(self._readers), self._reading.connection() as connection:
                document = await reply(connection)
        except BusyError as error:
            raise RequestError(503, str(error)) from error
        except (*LOST, asyncpg.PostgresError) as error:
            raise RequestError(503, f"the database cannot be reached ({error})") from error
        if document is not None:
            await answer_bytes(send, 200, _encoder.encode(document), JSON, *headers)

    async def _apply(
        self, connection: asyncpg.Connection, incident_id: uuid.UUID, asked: Acknowledgement | Resolution
    ) -> Incident:
        identity, now_ns = str(incident_id), time.time_ns()
        detail: dict[str, object] = {"incident_id": identity, "by": asked.by}
        statement, more = statements.ACKNOWLEDGE, list[str]()
        if isinstance(asked, Resolution):
            detail |= {"resolution": asked.resolution, "note": asked.note}
            statement, more = statements.RESOLVE, [asked.resolution]
        text = _encoder.encode(detail).decode()
        row = await connection.fetchrow(statement, incident_id, now_ns, asked.by, self._replica, text, *more)
        if row is not None:
            return Incident.of(row)
        # Somebody was quicker, or there is none: a statement of its own sees what is there now.
        row = await connection.fetchrow(statements.READ, incident_id)
        if row is None:
            raise _unknown(incident_id)
        return _as_it_is(Incident.of(row), asked)


def _as_it_is(found: Incident, asked: Acknowledgement | Resolution) -> Incident:
    """The incident, if it is as asked already. Raises RequestError that names who did otherwise."""
    if isinstance(asked, Resolution):
        same = (found.resolved_by, found.resolution) == (asked.by, asked.resolution)
        error = f"{found.resolved_by} resolved it already as {found.resolution}"
        by, at_ns = found.resolved_by, found.resolved_at_ns
    elif found.acknowledged_by is not None:
        same = found.acknowledged_by == asked.by
        error = f"{found.acknowledged_by} acknowledged it already"
        by, at_ns = found.acknowledged_by, found.acknowledged_at_ns
    else:
        same = False
        error = f"{found.resolved_by} resolved it already; nothing is left to acknowledge"
        by, at_ns = found.resolved_by, found.resolved_at_ns
    if not same:
        raise RequestError(409, error, by=by, at_ns=at_ns, state=found.state)
    return found


async def _history(connection: asyncpg.Connection, incident_id: uuid.UUID) -> object:
    history = await read_history(connection, incident_id)
    if history is None:
        raise _unknown(incident_id)
    return history


async def _list(connection: asyncpg.Connection, query: Query, receive: Receive, send: Send) -> None:
    statement = statements.LIST_ALL if query.state is None else statements.LIST[query.state]
    if query.limit is not None and query.limit <= ROWS_AT_ONCE:
        await _list_few(connection, statement, query, query.limit, send)
    else:
        await _list_streamed(connection, statement, query, receive, send)


async def _list_few(connection: asyncpg.Connection, statement: str, query: Query, limit: int, send: Send) -> None:
    """One statement and one piece: what a page of a list, or a probe, costs."""
    await _require_known(connection, query.after)
    rows = await connection.fetch(statement + statements.LIMIT, query.level, query.after, limit)
    found = [Incident.of(row) for row in rows]
    last = found[-1].incident_id if found else None if query.after is None else str(query.after)
    end = _encoder.encode({"end": True, "count": len(found), "last": last}) + b"\n"
    await answer_bytes(send, 200, _encoder.encode_lines(found) + end, _LINES)


async def _require_known(connection: asyncpg.Connection, after: uuid.UUID | None) -> None:
    if after is not None and await connection.fetchrow(statements.READ, after) is None:
        raise RequestError(400, f"after: there is no incident {after}", position="after")


async def _list_streamed(
    connection: asyncpg.Connection, statement: str, query: Query, receive: Receive, send: Send
) -> None:
    gone = asyncio.ensure_future(_gone(receive))
    count, last, started = 0, None if query.after is None else str(query.after), False
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await _require_known(connection, query.after)
            cursor = await connection.cursor(statement, query.level, query.after)
            await send({"type": "http.response.start", "status": 200, "headers": [_LINES]})
            started = True
            while not gone.done():
                wanted = ROWS_AT_ONCE if query.limit is None else min(ROWS_AT_ONCE, query.limit - count)
                rows = [Incident.of(row) for row in await cursor.fetch(wanted)] if wanted else []
                if not rows:
                    break
                count, last = count + len(rows), rows[-1].incident_id
                await send({"type": "http.response.body", "body": _encoder.encode_lines(rows), "more_body": True})
            else:
                return
    except (*LOST, asyncpg.PostgresError):
        if not started:
            raise
        return  # the end line is missing, and so says that the answer is a part
    finally:
        gone.cancel()
    end = _encoder.encode({"end": True, "count": count, "last": last}) + b"\n"
    await send({"type": "http.response.body", "body": end})


async def _refuse(send: Send, parts: list[str], headers: tuple[Header, ...]) -> None:
    known = len(parts) == 1 or (len(parts) == 2 and parts[1] in ("acknowledge", "resolve"))
    if not known:
        there = f"{PATH}, {PATH}/{{id}}, {PATH}/{{id}}/acknowledge, {PATH}/{{id}}/resolve"
        await answer(send, 404, {"error": f"not found; there are {there}"}, *headers)
        return
    legal = "GET" if len(parts) == 1 else "POST"
    await answer(send, 405, {"error": f"use {legal}"}, (b"allow", legal.encode()), *headers)


def _unknown(incident_id: uuid.UUID) -> RequestError:
    return RequestError(404, f"there is no incident {incident_id}")


async def _gone(receive: Receive) -> None:
    """Returns when the client went away."""
    while (await receive())["type"] != "http.disconnect":
        pass
