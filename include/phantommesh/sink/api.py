"""The sink's HTTP interface."""

import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import msgspec

from phantommesh.short_way import Respond
from phantommesh.sink import formats
from phantommesh.sink.record import CHANNELS, Record

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
MAX_BYTES = 16 * 1024 * 1024
_encode = msgspec.json.Encoder().encode
_LINES = (b"content-type", b"application/x-ndjson")
# The paths of the services that the sink stands for, as far as their messages are alerts.
_WEBHOOK = "/slack/"
_ENQUEUE = "/pagerduty/v2/enqueue"
_ACCOUNTS, _MESSAGES = "/sms/2010-04-01/Accounts/", "/Messages.json"
_DELIVERY = "/deliveries/"
_LEGAL = (
    f"POST /channels/{{channel}}, {_WEBHOOK}..., {_ENQUEUE}, {_ACCOUNTS}...{_MESSAGES}; "
    f"GET /deliveries, {_DELIVERY}{{delivery_id}}, /healthz"
)


class Body:
    """A message as it comes in; what is longer than any channel's may be is cut off."""

    __slots__ = ("_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> bool:
        """Take a part; False when no more is to be read."""
        self._parts.append(part)
        self._size += len(part)
        return self._size <= MAX_BYTES

    def whole(self) -> bytes | None:
        """The message; None when it is too long."""
        return b"".join(self._parts) if self._size <= MAX_BYTES else None


class Channel:
    """Takes the messages of one channel in one format, notes the alerts in them, and answers. A phantommesh.short_way
    handler."""

    def __init__(self, name: str, read: formats.Format, record: Record) -> None:
        self._name = name
        self._read = read
        self._record = record

    def new_body(self) -> Body:
        """For a request that begins."""
        return Body()

    def handle(self, body: Body, respond: Respond) -> None:
        """Note, then answer."""
        received_at_ns = time.time_ns()
        message = body.whole()
        if message is None:
            respond(413, _encode({"error": f"a message may have {MAX_BYTES} bytes"}), None)
            return
        understood = self._read(message)
        self._record.add(self._name, understood.alerts, received_at_ns)
        respond(understood.status, understood.body, None, understood.content_type)


class SinkApp:
    """ASGI application, and the targets that take the short way."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._plain = {f"/channels/{name}": Channel(name, formats.plain, record) for name in CHANNELS}
        self._slack = Channel("slack", formats.slack, record)
        self._pagerduty = Channel("pagerduty", formats.pagerduty, record)
        self._sms = Channel("sms", formats.sms, record)

    @lru_cache(256)  # noqa: B019  one sink a process; a sender has few addresses
    def channel_at(self, target: bytes) -> Channel | None:
        """Who takes what is posted there; None for nobody."""
        path = target.partition(b"?")[0].decode("latin-1")
        if path.startswith(_WEBHOOK):
            return self._slack
        if path == _ENQUEUE:
            return self._pagerduty
        if path.startswith(_ACCOUNTS) and path.endswith(_MESSAGES):
            return self._sms
        return self._plain.get(path)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        method, path = scope["method"], scope["path"]
        channel = self.channel_at(scope["raw_path"]) if method == "POST" else None
        if channel is not None:
            await _long_way(channel, receive, send)
        elif method == "POST" and path.startswith("/channels/"):
            await _answer(send, 404, {"error": f"no such channel; there are {', '.join(sorted(CHANNELS))}"})
        elif method == "GET" and path == "/deliveries":
            await self._list(parse_qs(scope["query_string"].decode("latin-1")), send)
        elif method == "GET" and path.startswith(_DELIVERY):
            delivery_id = path.removeprefix(_DELIVERY)
            await _answer(send, 200 if self._record.has(delivery_id) else 404, {"delivery_id": delivery_id})
        elif method == "GET" and path == "/healthz":
            await _answer(send, 200, {"ok": True})
        else:
            await _answer(send, 404, {"error": f"not found; there are {_LEGAL}"})

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


async def _long_way(channel: Channel, receive: Receive, send: Send) -> None:
    body, more = channel.new_body(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return  # the client went away in the middle of it
        more = body.add(message.get("body", b"")) and message.get("more_body", False)
    answers: list[tuple[int, bytes, bytes]] = []

    def respond(status: int, text: bytes, _retry_after_s: int | None, content_type: bytes = formats.JSON) -> None:
        answers.append((status, content_type, text))

    channel.handle(body, respond)
    await _answer_bytes(send, *answers[0])


async def _answer(send: Send, status: int, document: object) -> None:
    await _answer_bytes(send, status, formats.JSON, msgspec.json.encode(document))


async def _answer_bytes(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
