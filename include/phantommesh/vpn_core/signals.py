"""Threat signals that peers and nodes report: kept durably, read back as lines."""

import asyncio
import logging
import time
from typing import Any

import msgspec

from phantommesh.automation.http import Header, Receive, Send
from phantommesh.vpn_core import statements
from phantommesh.vpn_core.reply import Reply, Request
from phantommesh.vpn_core.requests import new_signal, page
from phantommesh.vpn_core.store import Store, UnavailableError

ROWS_AT_ONCE = 500
_LINES: Header = (b"content-type", b"application/x-ndjson")
_encoder = msgspec.json.Encoder()
_log = logging.getLogger(__name__)


class _Line(msgspec.Struct):
    seq: int
    at_ns: int
    address: str
    kind: str
    detail: msgspec.Raw


class Signals:
    """Answers what is asked of /v1/signals."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, request: Request) -> Reply:
        """201 when the signal is durable. Raises BadRequestError."""
        asked, now_ns = new_signal(request.body), time.time_ns()
        detail = bytes(asked.detail).decode()
        async with self._store.connection() as connection:
            seq = await connection.fetchval(statements.ADD_SIGNAL, now_ns, asked.address, asked.kind, detail)
        return Reply(201, {"seq": seq, "at_ns": now_ns})

    async def stream(self, query_string: bytes, receive: Receive, send: Send, headers: tuple[Header, ...]) -> None:
        """Send the signals that were there when the question came, a page at a time, then the line that says that the
        answer is whole. A database that goes away in the middle leaves that line out. Raises BadRequestError and
        UnavailableError before anything is sent."""
        after, limit = page(query_string, None)
        async with self._store.connection() as connection:
            newest = await connection.fetchval(statements.LAST_SIGNAL)
        await send({"type": "http.response.start", "status": 200, "headers": [_LINES, *headers]})
        count, last = 0, after
        gone = asyncio.ensure_future(_gone(receive))
        try:
            while not gone.done():
                wanted = ROWS_AT_ONCE if limit is None else min(ROWS_AT_ONCE, limit - count)
                rows = await self._rows(last, newest, wanted) if wanted else []
                if not rows:
                    break
                count, last = count + len(rows), rows[-1]["seq"]
                await send({"type": "http.response.body", "body": _lines(rows), "more_body": True})
            else:
                return
        except UnavailableError as error:
            _log.warning("signals cut short after %d lines: %s", count, error)
            return  # the server then closes the connection: the answer has no end
        finally:
            gone.cancel()
        end = _encoder.encode({"end": True, "count": count, "last_seq": last}) + b"\n"
        await send({"type": "http.response.body", "body": end})

    async def _rows(self, after: int, newest: int, wanted: int) -> list[Any]:
        async with self._store.connection() as connection:
            return list(await connection.fetch(statements.SIGNALS, after, newest, wanted))


def _lines(rows: list[Any]) -> bytes:
    return _encoder.encode_lines([
        _Line(seq, at_ns, address, kind, msgspec.Raw(detail.encode())) for seq, at_ns, address, kind, detail in rows
    ])  # fmt: skip


async def _gone(receive: Receive) -> None:
    """Returns when the client went away."""
    while (await receive())["type"] != "http.disconnect":
        pass
