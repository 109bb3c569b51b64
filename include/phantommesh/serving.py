"""HTTP sockets of the platform's processes: uvicorn with what is not needed left out."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn

HOST = "127.0.0.1"
BACKLOG = 2048
KEEP_ALIVE_S = 75


def shared_socket(port: int, host: str = HOST) -> socket.socket:
    """A socket on a port that several processes of this user share; the kernel spreads connections over them."""
    shared = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.bind((host, port))
    return shared


class Server(uvicorn.Server):
    """One listening socket. Signals belong to the process, not to a server: a process may have two servers.
    protocol: instead of uvicorn's own for HTTP. host: the address to listen at."""

    def __init__(
        self, app: Callable[..., Any], port: int, protocol: Callable[..., Any] | None = None, host: str = HOST
    ) -> None:  # fmt: skip
        super().__init__(
            uvicorn.Config(
                app, loop="uvloop", http=cast("Any", protocol or "httptools"), ws="none", lifespan="off",
                interface="asgi3", log_level="warning", log_config=None, access_log=False, proxy_headers=False,
                server_header=False, date_header=False, backlog=BACKLOG, timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=5,
            )
        )  # fmt: skip
        self._port, self._host = port, host

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def run_here(self) -> None:
        """Serve until `end`; raises OSError when the port cannot be bound."""
        await self.serve(sockets=[shared_socket(self._port, self._host)])

    def stop_listening(self) -> None:
        """Take no new connection; open ones go on."""
        for listener in getattr(self, "servers", []):
            listener.close()

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self.server_state.connections)

    def end(self) -> None:
        """Close what is open once its answer is out, then return from run_here."""
        self.should_exit = True
