"""The public HTTP interface of a replica (docs/platform-api.md, docs/openapi.json)."""

import asyncio
from collections.abc import Callable
from typing import Any

from phantommesh.automation import incidents as incident_paths
from phantommesh.automation import openapi
from phantommesh.automation.audit import AuditTrail
from phantommesh.automation.event_requests import EventRequests
from phantommesh.automation.http import CLOSE, JSON, Header, Receive, Send, answer, answer_bytes
from phantommesh.automation.incidents import Incidents
from phantommesh.automation.request_body import RequestBody
from phantommesh.config.model import Limits

_METHODS = {"/v1/events": "POST", "/v1/audit": "GET", "/openapi.json": "GET"}


class PublicApp:
    """ASGI application. closing: whether connections should end after their answer (the replica drains)."""

    def __init__(
        self, requests: EventRequests, audit: AuditTrail, incidents: Incidents, limits: Limits,
        closing: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._requests = requests
        self._audit = audit
        self._incidents = incidents
        self._closing = closing
        self._description = openapi.document_bytes(limits)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        path, method = scope["path"], scope["method"]
        headers = (CLOSE,) if self._closing() else ()
        if path == incident_paths.PATH or path.startswith(f"{incident_paths.PATH}/"):
            await self._incidents.answer(scope, receive, send, *headers)
            return
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
        """The long way of an event (see phantommesh.short_way)."""
        body = self._requests.new_body()
        if not await _read(receive, body):
            return
        answered: asyncio.Future[tuple[int, bytes, int | None]] = asyncio.get_running_loop().create_future()

        def respond(status: int, text: bytes, retry_after_s: int | None, _content_type: bytes = b"") -> None:
            if not answered.done():
                answered.set_result((status, text, retry_after_s))

        self._requests.handle(body, respond)
        status, text, retry_after_s = await answered
        retry = () if retry_after_s is None else ((b"retry-after", str(retry_after_s).encode()),)
        await answer_bytes(send, status, text, JSON, *headers, *retry)


async def _read(receive: Receive, body: RequestBody) -> bool:
    """Read the whole body; False when the client went away."""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return False
        more = body.add(message.get("body", b"")) and message.get("more_body", False)
    return True
