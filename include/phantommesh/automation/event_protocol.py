"""The short way of POST /v1/events through uvicorn's HTTP protocol.

uvicorn parses, keeps connections, and serves everything else through ASGI. For an event that costs a task, an asyncio
event and a dozen dictionaries a request, most of a replica's time at thousands a second. Here the protocol hands a
complete body to EventRequests and writes the answer when it is called back. A request that is pipelined behind
another, or addressed in an unusual form, goes the long way: both ways end in EventRequests.
"""

from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from phantommesh.automation.event_requests import EventRequests
from phantommesh.automation.request_body import RequestBody

PATH = b"/v1/events"


class _NobodyWaits:
    """Stands for the event that a task of uvicorn's would wait for."""

    def set(self) -> None:
        """Nobody waits."""


class EventExchange:
    """One request and its answer. The names without underscore are what uvicorn's protocol looks at in the exchange
    that is under way: it must not know that this one has no task."""

    __slots__ = ("_body", "_protocol", "_requests", "disconnected", "keep_alive", "response_complete")
    message_event = _NobodyWaits()

    def __init__(self, protocol: "EventProtocol", requests: EventRequests, keep_alive: bool) -> None:
        self._protocol = protocol
        self._requests = requests
        self._body = RequestBody()
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False

    def add(self, part: bytes) -> None:
        """A part of the body came."""
        if not self._body.add(part):
            self.keep_alive = False
            self._requests.handle(self._body, self.respond)

    def complete(self) -> None:
        """The body is whole."""
        self._requests.handle(self._body, self.respond)

    def respond(self, status: int, body: bytes, retry_after_s: int | None) -> None:
        """Write the answer, once."""
        protocol = self._protocol
        if self.response_complete or protocol.transport.is_closing():
            return
        self.response_complete = True
        keep_alive = self.keep_alive and not protocol.closing()
        protocol.transport.write(b"%bcontent-type: application/json\r\ncontent-length: %d\r\n%b%b\r\n%b" % (
            STATUS_LINE[status], len(body), b"" if retry_after_s is None else b"retry-after: %d\r\n" % retry_after_s,
            b"" if keep_alive else b"connection: close\r\n", body,
        ))  # fmt: skip
        if not keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()


class EventProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the short way. closing: whether connections should end after their answer."""

    def __init__(self, requests: EventRequests, closing: Callable[[], bool], **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._requests = requests
        self._last_used_s = 0.0
        self.closing = closing

    def on_message_begin(self) -> None:
        """A request begins. What ASGI wants to know of it is put together when the long way is taken."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """The head of a request is whole."""
        parser: httptools.HttpRequestParser = self.parser
        free = self.cycle is None or self.cycle.response_complete
        if not (free and self.url == PATH and parser.get_method() == b"POST" and not parser.should_upgrade()):
            self._long_way()
            return
        if self.expect_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        self.cycle: Any = EventExchange(self, self._requests, keep_alive)

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
        if type(self.cycle) is EventExchange:
            self.cycle.add(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if type(self.cycle) is EventExchange:
            self.cycle.complete()
        else:
            super().on_message_complete()
