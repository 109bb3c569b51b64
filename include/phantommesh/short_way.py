"""The short way of some requests through uvicorn's HTTP protocol.

uvicorn parses, keeps connections, and serves everything else through ASGI. For a small POST that costs a task, an
asyncio event and a dozen dictionaries a request, most of a process's time at thousands a second. Here the protocol
hands a complete body to a Handler and writes the answer when it is called back. A request that is pipelined behind
another, or addressed in an unusual form, goes the long way: both ways must end in the same code.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

JSON = b"application/json"
_TOO_MANY_TEXT = b'{"error":"too many connections"}'
_TOO_MANY = (
    b"%bcontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
    % (STATUS_LINE[503], len(_TOO_MANY_TEXT), _TOO_MANY_TEXT)
)


class Respond(Protocol):
    """Writes the answer: status, body, Retry-After in seconds or None."""

    def __call__(self, status: int, body: bytes, retry_after_s: int | None, content_type: bytes = JSON, /) -> None: ...


class Body(Protocol):
    """A request's body as it comes in. add: False when no more is to be read."""

    def add(self, part: bytes) -> bool: ...


class Handler(Protocol):
    """Who answers. handle: once for a body, which need not be whole when `add` said False; calls `respond` once."""

    def new_body(self) -> Any: ...

    def handle(self, body: Any, respond: Respond) -> None: ...


HandlerOf = Callable[[bytes], Handler | None]
"""From the target of a POST to who answers it; None: the long way."""


class _NobodyWaits:
    """Stands for the event that a task of uvicorn's would wait for."""

    def set(self) -> None:
        """Nobody waits."""


class Exchange:
    """One request and its answer. The names without underscore are what uvicorn's protocol looks at in the exchange
    that is under way: it must not know that this one has no task."""

    __slots__ = ("_body", "_handler", "_protocol", "disconnected", "keep_alive", "response_complete")
    message_event = _NobodyWaits()

    def __init__(self, protocol: "ShortWayProtocol", handler: Handler, keep_alive: bool) -> None:
        self._protocol = protocol
        self._handler = handler
        self._body: Body = handler.new_body()
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False

    def add(self, part: bytes) -> None:
        """A part of the body came."""
        if not self._body.add(part):
            self.keep_alive = False
            self._handler.handle(self._body, self.respond)

    def complete(self) -> None:
        """The body is whole."""
        self._handler.handle(self._body, self.respond)

    def respond(self, status: int, body: bytes, retry_after_s: int | None, content_type: bytes = JSON) -> None:
        """Write the answer, once."""
        protocol = self._protocol
        if self.response_complete or protocol.transport.is_closing():
            return
        self.response_complete = True
        keep_alive = self.keep_alive and not protocol.closing()
        more = b"" if retry_after_s is None else b"retry-after: %d\r\n" % retry_after_s
        if not keep_alive:
            more += b"connection: close\r\n"
        protocol.transport.write(
            b"%bcontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b"
            % (STATUS_LINE[status], content_type, len(body), more, body)
        )
        if not keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()


class ShortWayProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the short way. closing: whether connections should end after their answer."""

    def __init__(
        self, handler_of: HandlerOf, max_connections: int, closing: Callable[[], bool], **of_uvicorn: Any
    ) -> None:
        super().__init__(**of_uvicorn)
        self._max_connections = max_connections
        self._handler_of = handler_of
        self._last_used_s = 0.0
        self.closing = closing

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client connected; one too many is told so at once."""
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            transport.write(_TOO_MANY)
            transport.close()

    def on_message_begin(self) -> None:
        """A request begins. What ASGI wants to know of it is put together when the long way is taken."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """The head of a request is whole."""
        parser: httptools.HttpRequestParser = self.parser
        free = self.cycle is None or self.cycle.response_complete
        short = free and parser.get_method() == b"POST" and not parser.should_upgrade()
        handler = self._handler_of(self.url) if short else None
        if handler is None:
            self._long_way()
            return
        if self.expect_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        self.cycle: Any = Exchange(self, handler, keep_alive)

    def _long_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers = self.scope["headers"] = headers
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """An answer is out. One timer a connection, wound up again when it rings: uvicorn sets and cancels one for
        each request."""
        self.server_state.total_requests += 1
        self._last_used_s = self.loop.time()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self.timeout_keep_alive_task is None:
            self._wind_up(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """The timer rings: close what was not used, wind up again for the rest of the time otherwise."""
        busy = self.cycle is not None and not self.cycle.response_complete
        left_s = self._last_used_s + self.timeout_keep_alive - self.loop.time()
        if busy or left_s > 0:
            self._wind_up(self.timeout_keep_alive if busy else left_s)
        else:
            self.transport.close()

    def _wind_up(self, after_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(after_s, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        """uvicorn asks for this at every request; the timer looks by itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        if type(self.cycle) is Exchange:
            self.cycle.add(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if type(self.cycle) is Exchange:
            self.cycle.complete()
        else:
            super().on_message_complete()
