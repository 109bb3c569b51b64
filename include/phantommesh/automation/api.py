"""The public HTTP interface of a replica (docs/platform-api.md, docs/openapi.json)."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from phantommesh.automation import openapi
from phantommesh.automation.audit import AuditTrail
from phantommesh.automation.body import MAX_EVENTS, Parsed, TooLargeError, is_array, parse
from phantommesh.automation.events import MAX_EVENT_BYTES, EventError, Observation
from phantommesh.automation.http import CLOSE, JSON, Header, Receive, Send, answer, answer_bytes
from phantommesh.automation.ingest import Ingest, QueueFullError, UnavailableError
from phantommesh.automation.metrics import Metrics

MAX_BODY_BYTES = MAX_EVENTS * MAX_EVENT_BYTES
# What is too large is read to its end, so that a client that still sends hears the answer; beyond this it is cut off.
_MAX_DRAIN_BYTES = 2 * MAX_BODY_BYTES
_RETRY_AFTER: Header = (b"retry-after", b"1")
_METHODS = {"/v1/events": "POST", "/v1/audit": "GET", "/openapi.json": "GET"}


class _Accepted(msgspec.Struct, gc=False):
    event_id: str
    status: str


class _AcceptedAt(msgspec.Struct, gc=False):
    index: int
    event_id: str
    status: str


class _RejectedAt(msgspec.Struct, gc=False):
    index: int
    code: int
    reason: str
    status: str = "rejected"


class PublicApp:
    """ASGI application. closing: whether connections should end after their answer (the replica drains)."""

    def __init__(self, ingest: Ingest, audit: AuditTrail, metrics: Metrics, closing: Callable[[], bool]) -> None:
        self._ingest = ingest
        self._audit = audit
        self._metrics = metrics
        self._closing = closing
        self._description = openapi.document_bytes()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        path, method = scope["path"], scope["method"]
        headers = (CLOSE,) if self._closing() else ()
        legal = _METHODS.get(path)
        if legal is None:
            await answer(send, 404, {"error": f"not found; there are {', '.join(_METHODS)}"}, *headers)
        elif method != legal:
            await answer(send, 405, {"error": f"use {legal}"}, (b"allow", legal.encode()), *headers)
        elif path == "/v1/events":
            await self._events(receive, send, headers)
        elif path == "/v1/audit":
            await self._audit.answer(scope["query_string"], receive, send)
        else:
            await answer_bytes(send, 200, self._description, JSON, *headers)

    async def _events(self, receive: Receive, send: Send, headers: tuple[Header, ...]) -> None:
        try:
            body = await _read(receive)
            if body is None:
                return
            received_at_ns = time.time_ns()
            parsed = parse(body, received_at_ns)
            good = parsed.good
            self._metrics.received["rejected"].inc(len(parsed.items) - len(good))
            status, document = await self._store(parsed, good, received_at_ns)
        except TooLargeError as error:
            self._metrics.received["rejected"].inc()
            status, document = 413, {"error": error.error, "limit": error.limit, "actual": error.actual}
        except EventError as error:
            self._metrics.received["rejected"].inc()
            status, document = 400, {"error": error.reason, "position": error.position}
        except QueueFullError:
            self._metrics.received["refused"].inc(len(good))
            status, document, headers = 429, {"error": "the queue is full"}, (*headers, _RETRY_AFTER)
        except UnavailableError as error:
            self._metrics.received["unavailable"].inc(len(good))
            status, document = 503, {"error": str(error)}
        await answer(send, status, document, *headers)

    async def _store(self, parsed: Parsed, good: list[Observation], received_at_ns: int) -> tuple[int, Any]:
        if not good:
            return _nothing_good(parsed)
        new = await self._ingest.submit(good)
        self._metrics.took("accept", received_at_ns)
        fresh = sum(new)
        self._metrics.received["accepted"].inc(fresh)
        self._metrics.received["duplicate"].inc(len(new) - fresh)
        if parsed.single:
            return 202, _Accepted(str(good[0].event_id), _status(new[0]))
        return (202 if len(good) == len(parsed.items) else 207), {"results": _results(parsed, new)}


def _nothing_good(parsed: Parsed) -> tuple[int, Any]:
    if not parsed.single:
        return 400, {"error": "no event of the array is good", "results": _results(parsed, [])}
    # A single event that is too large was refused while it was read: what is left is 400.
    reason, position = next((item.reason, item.position) for item in parsed.items if isinstance(item, EventError))
    return 400, {"error": reason, "position": position}


def _status(new: bool) -> str:
    return "accepted" if new else "duplicate"


def _results(parsed: Parsed, new: list[bool]) -> list[_AcceptedAt | _RejectedAt]:
    answers = iter(new)
    return [
        _RejectedAt(index, item.code, _with_place(item))
        if isinstance(item, EventError)
        else _AcceptedAt(index, str(item.event_id), _status(next(answers)))
        for index, item in enumerate(parsed.items)
    ]


def _with_place(error: EventError) -> str:
    return f"{error.position}: {error.reason}" if isinstance(error.position, str) else error.reason


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when the client went away. Raises TooLargeError."""
    message = await receive()
    if message["type"] != "http.request":
        return None
    first: bytes = message.get("body", b"")
    if not message.get("more_body"):
        _check_size(first, len(first))
        return first
    body, size = bytearray(first), len(first)
    while message.get("more_body") and size <= _MAX_DRAIN_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= _limit(body):
            body += part
    _check_size(body, size)
    return bytes(body)


def _limit(body: bytes | bytearray) -> int:
    return MAX_BODY_BYTES if is_array(body) else MAX_EVENT_BYTES


def _check_size(body: bytes | bytearray, size: int) -> None:
    limit = _limit(body)
    if size > limit:
        what = "an event" if limit == MAX_EVENT_BYTES else "a request"
        raise TooLargeError(f"{what} may have {limit} bytes", limit, size)
