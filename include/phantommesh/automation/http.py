"""The few words of ASGI that the applications share."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Header = tuple[bytes, bytes]
JSON: Header = (b"content-type", b"application/json")
CLOSE: Header = (b"connection", b"close")
_encode = msgspec.json.Encoder().encode


async def answer(send: Send, status: int, document: object, *more: Header) -> None:
    """A whole answer in JSON."""
    await answer_bytes(send, status, _encode(document), JSON, *more)


async def answer_bytes(send: Send, status: int, body: bytes, *headers: Header) -> None:
    """A whole answer."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
