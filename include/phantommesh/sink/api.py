"""The sink's HTTP interface."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from phantommesh.sink.record import CHANNELS, Delivery, Record

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
_JSON = (b"content-type", b"application/json")
_LINES = (b"content-type", b"application/x-ndjson")


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
        elif method == "GET" and path == "/deliveries":
            await self._list(parse_qs(scope["query_string"].decode("latin-1")), send)
        elif method == "GET" and path == "/healthz":
            await _answer(send, 200, {"ok": True})
        else:
            await _answer(send, 404, {"error": "not found: POST /channels/{channel}, GET /deliveries, GET /healthz"})

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
    body = msgspec.json.encode(document)
    headers = [_JSON, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
