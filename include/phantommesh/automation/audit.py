"""The audit trail as a stream of lines, read in pieces with a cursor."""

import asyncio
from urllib.parse import parse_qs

import asyncpg
import msgspec

from phantommesh.automation.audit_lines import read_lines
from phantommesh.automation.http import Receive, Send, answer
from phantommesh.automation.session import LOST, Connector

_LINES = (b"content-type", b"application/x-ndjson")
_MAX_BIGINT = 2**63 - 1


class QueryError(ValueError):
    """A query's parameter is not legal."""


class AuditTrail:
    """Answers GET /v1/audit. readers: how many are answered at once; more wait."""

    def __init__(self, connector: Connector, readers: int) -> None:
        self._connector = connector
        self._readers = asyncio.Semaphore(readers)
        self._encoder = msgspec.json.Encoder()

    async def answer(self, query_string: bytes, receive: Receive, send: Send) -> None:
        """Stream the rows that the query asks for; the last line says that it is whole."""
        try:
            source, after, limit = _query(query_string)
        except QueryError as error:
            await answer(send, 400, {"error": str(error), "position": str(error).partition(":")[0]})
            return
        async with self._readers:
            try:
                connection = await self._connector.connect("phantommesh audit", statement_timeout="0")
            except (*LOST, asyncpg.PostgresError) as error:
                await answer(send, 503, {"error": f"the database cannot be reached ({error})"})
                return
            try:
                await self._stream(connection, (source, after, limit), receive, send)
            finally:
                connection.terminate()

    async def _stream(
        self, connection: asyncpg.Connection, query: tuple[str | None, int, int | None], receive: Receive, send: Send
    ) -> None:
        source, after, limit = query
        gone = asyncio.ensure_future(_gone(receive))
        count, last = 0, after
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await send({"type": "http.response.start", "status": 200, "headers": [_LINES]})
                async for page in read_lines(connection, source, after):
                    if limit is not None:
                        page = page[: limit - count]
                    if gone.done():
                        return
                    if not page:
                        break
                    count, last = count + len(page), page[-1][0]
                    body = b"".join(line for _, line in page)
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        finally:
            gone.cancel()
        end = self._encoder.encode({"end": True, "count": count, "last_seq": last}) + b"\n"
        await send({"type": "http.response.body", "body": end})


def _query(query_string: bytes) -> tuple[str | None, int, int | None]:
    try:
        query = parse_qs(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise QueryError("query: not a legal query string") from error
    for name in query:
        if name not in ("source", "after", "limit"):
            raise QueryError(f"{name[:40]}: unknown parameter; legal are source, after, limit")
    source = query["source"][-1] if "source" in query else None
    if source is not None and "\0" in source:
        raise QueryError("source: holds the character NUL")
    after = _whole_number(query, "after")
    return source, 0 if after is None else after, _whole_number(query, "limit")


def _whole_number(query: dict[str, list[str]], name: str) -> int | None:
    if name not in query:
        return None
    text = query[name][-1]
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > _MAX_BIGINT:
        raise QueryError(f"{name}: must be a whole number from 0 to {_MAX_BIGINT}")
    return int(text)


async def _gone(receive: Receive) -> None:
    """Returns when the client went away."""
    while (await receive())["type"] != "http.disconnect":
        pass
