"""The two ends of a relay: a loopback port or a unix socket."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from phantommesh.serving import HOST, shared_socket


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A port on the loopback address, or the path of a unix socket."""

    port: int = 0
    path: str = ""

    async def listen(self, protocol: Callable[[], asyncio.Protocol]) -> asyncio.AbstractServer:
        """Take connections here. Raises OSError when the address cannot be bound."""
        loop = asyncio.get_running_loop()
        if not self.path:
            return await loop.create_server(protocol, sock=shared_socket(self.port), backlog=2048)
        self.forget()
        return await loop.create_unix_server(protocol, self.path, backlog=2048)

    async def connect(self, protocol: asyncio.Protocol) -> None:
        """Connect to what listens here. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self.path:
            await loop.create_unix_connection(lambda: protocol, self.path)
        else:
            await loop.create_connection(lambda: protocol, HOST, self.port)

    def forget(self) -> None:
        """Remove the socket's file, which outlives a listener: until then a connection there is refused."""
        if self.path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)  # noqa: PTH108  a path of at most 107 bytes that is used as it was given
