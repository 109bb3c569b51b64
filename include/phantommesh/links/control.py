"""The HTTP calls of a link: what is wrong with it, make something wrong, make it right again."""

from typing import Any

import msgspec

from phantommesh.automation.http import Receive, Send, answer
from phantommesh.links.fault import read_fault
from phantommesh.links.relay import Relay

_MOST_BYTES = 4096
_LEGAL = "not found; there are /healthz and GET, PUT, DELETE /fault"


class ControlApp:
    """ASGI application. An answer comes once what was asked for is so."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        asked = (scope["method"], scope["path"])
        if asked == ("GET", "/healthz"):
            await answer(send, 200, {"healthy": True})
        elif asked == ("PUT", "/fault"):
            await self._inject(receive, send)
        elif asked in (("GET", "/fault"), ("DELETE", "/fault")):
            if scope["method"] == "DELETE":
                await self._relay.lift()
            await answer(send, 200, {"fault": self._relay.fault})
        else:
            await answer(send, 404, {"error": _LEGAL})

    async def _inject(self, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more and len(body) <= _MOST_BYTES:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        try:
            fault = read_fault(body[: _MOST_BYTES + 1])
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            await answer(send, 400, {"error": str(error)})
            return
        await self._relay.inject(fault)
        await answer(send, 200, {"fault": self._relay.fault})
