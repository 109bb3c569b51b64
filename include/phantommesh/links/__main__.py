"""``python -m phantommesh.links STATE INDEX``: one link; relays until SIGTERM."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop

from phantommesh.links.control import ControlApp
from phantommesh.links.endpoint import Endpoint
from phantommesh.links.relay import Relay, Route
from phantommesh.serving import Server
from phantommesh.supervision.state import Link, Run, State

_SOCKET = ".s.PGSQL.5432"


def routes(run: Run, link: Link) -> tuple[Route, ...]:
    """Where a link takes connections, and where each goes on to."""
    if link.target == "postgres":
        entry = Endpoint(path=f"{run.seen_by(link.source).database_socket_dir}/{_SOCKET}")
        return ((entry, Endpoint(path=f"{run.database_socket_dir}/{_SOCKET}")),)
    behind = {"vpn-core": (run.vpn_port,), "sink": (run.sink_port, run.sink_smtp_port)}[link.target]
    return tuple((Endpoint(entry), Endpoint(port)) for entry, port in zip(link.entry_ports, behind, strict=True))


async def _serve(state: State, index: int) -> None:
    run = state.read_run()
    if run is None:
        sys.exit(f"{state.folder}: no run is recorded")
    relay = Relay(routes(run, run.links[index]))
    await relay.open()
    server = Server(ControlApp(relay), run.links[index].admin_port)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.end)
    await server.run_here()


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    uvloop.run(_serve(State(Path(sys.argv[1])), int(sys.argv[2])))
