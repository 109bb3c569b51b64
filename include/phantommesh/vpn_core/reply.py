"""What a handler gets and gives: a request read to its end, and a whole answer."""

from dataclasses import dataclass
from typing import Any

from phantommesh.automation.http import Header, Receive


@dataclass(frozen=True, slots=True)
class Request:
    """A request. identity: the part of the path that names one thing; empty where there is none."""

    identity: str
    query_string: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. document: what becomes JSON; a text is sent as it is."""

    status: int
    document: Any
    headers: tuple[Header, ...] = ()


class RefusedError(Exception):
    """A request that is legal and cannot be done: 404, 409, 413."""

    def __init__(self, status: int, reason: str, **more: object) -> None:
        super().__init__(reason)
        self.reply = Reply(status, {"error": reason, **more})


async def read_body(receive: Receive, limit_bytes: int) -> bytes | None:
    """The whole body; None when the client went away. Raises RefusedError for what is larger than the limit, as soon
    as that is known."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise RefusedError(413, f"a body may have {limit_bytes} bytes", limit=limit_bytes)
        if not message.get("more_body"):
            return bytes(body)
