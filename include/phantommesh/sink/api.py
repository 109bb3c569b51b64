"""The sink's HTTP interface."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from phantommesh.sink import formats
from phantommesh.sink.record import CHANNELS, Delivery, Record

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
_LINES = (b"content-type", b"application/x-ndjson")
# The paths of the services that the sink stands for, as far as their messages are alerts.
_WEBHOOK = "/slack/"
_ENQUEUE = "/pagerduty/v2/enqueue"
_ACCOUNTS, _MESSAGES = "/sms/2010-04-01/Accounts/", "/Messages.json"
_LEGAL = f"POST /channels/{{channel}}, {_WEBHOOK}..., {_ENQUEUE}, {_ACCOUNTS}...{_MESSAGES}; GET /deliveries, /healthz"


class SinkApp:
    """ASGI application."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._decoder = msgspec.json.Decoder(list[Delivery])

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        method, path = scope["method"], scope["path"]
        if method == "POST" and path.startswith("/channels/"):
            await self._take(path.removeprefix("/channels/"), receive, send)
        elif method == "POST" and path.startswith(_WEBHOOK):
            await self._understand("slack", formats.slack, receive, send)
        elif method == "POST" and path == _ENQUEUE:
            await self._understand("pagerduty", formats.pagerduty, receive, send)
        elif method == "POST" and path.startswith(_ACCOUNTS) and path.endswith(_MESSAGES):
            await self._understand("sms", formats.sms, receive, send)
        elif method == "GET" and path == "/deliveries":
            await self._list(parse_qs(scope["query_string"].decode("latin-1")), send)
        elif method == "GET" and path == "/healthz":
            await _answer(send, 200, {"ok": True})
        else:
            await _answer(send, 404, {"error": f"not found; there are {_LEGAL}"})

    async def _take(self, channel: str, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        received_at_ns = time.time_ns()
        if body is None:
            return
        if channel not in CHANNELS:
            await _answer(send, 404, {"error": f"no channel {channel}; there are {', '.join(sorted(CHANNELS))}"})
            return
        try:
            deliveries = self._decoder.decode(body)
        except msgspec.DecodeError as error:
            await _answer(send, 400, {"error": str(error)})
            return
        self._record.add(channel, deliveries, received_at_ns)
        await _answer(send, 200, {"taken": len(deliveries)})

    async def _understand(self, channel: str, read: formats.Format, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        received_at_ns = time.time_ns()
        if body is None:
            return
        understood = read(body)
        self._record.add(channel, understood.alerts, received_at_ns)
        await _answer_bytes(send, understood.status, understood.content_type, understood.body)

    async def _list(self, query: dict[str, list[str]], send: Send) -> None:
        source = query["source"][-1] if "source" in query else None
        await send({"type": "http.response.start", "status": 200, "headers": [_LINES]})
        count = 0
        for lines, number in self._record.read(source):
            count += number
            if lines:
                await send({"type": "http.response.body", "body": lines, "more_body": True})
        last = msgspec.json.encode({"end": True, "count": count}) + b"\n"
        await send({"type": "http.response.body", "body": last})


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when the client went away in the middle of it."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, document: object) -> None:
    await _answer_bytes(send, status, formats.JSON, msgspec.json.encode(document))


async def _answer_bytes(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
