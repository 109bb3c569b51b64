"""Health and metrics, on each replica's own port. vpn-core uses the same."""

from collections.abc import Callable
from typing import Any, Protocol

from phantommesh.automation.http import Receive, Send, answer, answer_bytes

_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Measured(Protocol):
    """A replica's metrics."""

    def text(self) -> bytes:
        """All metrics in the text format 0.0.4."""


class AdminApp:
    """ASGI application. not_ready: the reason, or None when the replica takes requests."""

    def __init__(self, metrics: Measured, not_ready: Callable[[], str | None]) -> None:
        self._metrics = metrics
        self._not_ready = not_ready

    async def __call__(self, scope: dict[str, Any], _receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if scope["method"] != "GET":
            await answer(send, 405, {"error": "use GET"}, (b"allow", b"GET"))
        elif path == "/metrics":
            await answer_bytes(send, 200, self._metrics.text(), _TEXT)
        elif path == "/readyz":
            reason = self._not_ready()
            await answer(send, 503 if reason else 200, {"reason": reason} if reason else {"ready": True})
        elif path == "/healthz":
            await answer(send, 200, {"healthy": True})
        else:
            await answer(send, 404, {"error": "not found; there are /healthz, /readyz, /metrics"})
