"""The HTTP interface of a replica of vpn-core (docs/platform-api.md, docs/vpn-core-openapi.json)."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from phantommesh.automation.http import CLOSE, JSON, Header, Receive, Send, answer, answer_bytes
from phantommesh.vpn_core import openapi
from phantommesh.vpn_core.metrics import Metrics
from phantommesh.vpn_core.peers import Peers
from phantommesh.vpn_core.quarantines import Quarantines
from phantommesh.vpn_core.reply import RefusedError, Reply, Request, read_body
from phantommesh.vpn_core.requests import MAX_BODY_BYTES, BadRequestError
from phantommesh.vpn_core.signals import Signals
from phantommesh.vpn_core.store import Store, UnavailableError

Handler = Callable[[Request], Awaitable[Reply]]
_TEXT: Header = (b"content-type", b"text/plain; charset=utf-8")
_STREAMED = "GET /v1/signals"
_DESCRIPTION = "/openapi.json"


class Api:
    """ASGI application. closing: whether connections should end after their answer (the replica drains)."""

    def __init__(self, store: Store, replica: str, metrics: Metrics, closing: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._closing = closing
        self._description = openapi.document_bytes()
        self._signals = Signals(store)
        peers, quarantines = Peers(store), Quarantines(store, replica)
        # In the patterns, {} stands for the part of the path that names one thing.
        self._routes: dict[str, dict[str, Handler]] = {
            "/v1/peers": {"GET": peers.list, "POST": peers.add},
            "/v1/peers/{}": {"GET": peers.get, "DELETE": peers.remove},
            "/v1/peers/{}/config": {"GET": peers.config},
            "/v1/quarantines": {"GET": quarantines.list},
            "/v1/quarantines/{}": {"GET": quarantines.get, "PUT": quarantines.put, "DELETE": quarantines.release},
            "/v1/signals": {"GET": _never, "POST": self._signals.add},
            _DESCRIPTION: {"GET": self._describe},
        }

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        started_s = time.perf_counter()
        pattern, name = _pattern(scope["path"])
        route = f"{scope['method']} {pattern}" if scope["method"] in self._routes.get(pattern, ()) else "unknown"
        headers = (CLOSE,) if self._closing() else ()
        try:
            if route == _STREAMED:
                await self._signals.stream(scope["query_string"], receive, send, headers)
                self._metrics.answered(route, 200, time.perf_counter() - started_s)
                return
            reply = await self._reply(pattern, scope["method"], name, scope["query_string"], receive)
            if reply is None:
                return
        except BadRequestError as error:
            reply = Reply(400, {"error": error.reason, "position": error.position})
        except RefusedError as error:
            reply = error.reply
        except UnavailableError as error:
            reply = Reply(503, {"error": str(error)})
        self._metrics.answered(route, reply.status, time.perf_counter() - started_s)
        await _send(send, reply, headers)

    async def _reply(self, pattern: str, method: str, name: str, query_string: bytes, receive: Receive) -> Reply | None:
        """The answer; None when the client went away before it had asked. Raises what __call__ turns into answers."""
        methods = self._routes.get(pattern)
        if methods is None:
            legal = ", ".join(self._routes).replace("{}", "{id}")
            raise RefusedError(404, f"not found; there are {legal}")
        handler = methods.get(method)
        if handler is None:
            allowed = ", ".join(methods)
            return Reply(405, {"error": f"use {allowed}"}, ((b"allow", allowed.encode()),))
        body = await read_body(receive, MAX_BODY_BYTES)
        return None if body is None else await handler(Request(name, query_string, body))

    async def _describe(self, _request: Request) -> Reply:
        return Reply(200, self._description, (JSON,))


def _pattern(path: str) -> tuple[str, str]:
    """The pattern of a path, and the part that {} stands for."""
    parts = path.split("/")
    if len(parts) < 4 or parts[1] != "v1":
        return path, ""
    name, parts[3] = parts[3], "{}"
    return "/".join(parts), name


async def _send(send: Send, reply: Reply, headers: tuple[Header, ...]) -> None:
    if isinstance(reply.document, bytes):
        await answer_bytes(send, reply.status, reply.document, *reply.headers, *headers)
    elif isinstance(reply.document, str):
        await answer_bytes(send, reply.status, reply.document.encode(), _TEXT, *reply.headers, *headers)
    else:
        await answer(send, reply.status, reply.document, *reply.headers, *headers)


async def _never(_request: Request) -> Reply:
    raise AssertionError(f"{_STREAMED} is streamed")
