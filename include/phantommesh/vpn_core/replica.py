"""One replica of vpn-core: its parts, and its life from start to drain."""

import asyncio
import gc
import signal
from collections.abc import Callable

from phantommesh.automation.admin import AdminApp
from phantommesh.config.model import Config
from phantommesh.placement import Placement
from phantommesh.serving import Server
from phantommesh.vpn_core.api import Api
from phantommesh.vpn_core.metrics import Metrics
from phantommesh.vpn_core.store import Store


class Replica:
    """Everything that one process is."""

    def __init__(self, name: str, placement: Placement, config: Config) -> None:
        self._drain_s = config.system.drain_s
        self._stopping = asyncio.Event()
        self._store = Store(placement.database, config.database, name)
        metrics = Metrics()
        api = Api(self._store, name, metrics, self._stopping.is_set)
        self._public = Server(api, placement.port, host=placement.host)
        self._admin = Server(AdminApp(metrics, self._not_ready), placement.admin_port, host=placement.host)

    def _not_ready(self) -> str | None:
        if self._stopping.is_set():
            return "draining"
        return None if self._store.answers else "no connection to the database"

    async def live(self) -> None:
        """Serve until SIGTERM, then drain. Raises OSError when a port cannot be bound."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        stopping = asyncio.create_task(self._stopping.wait())
        parts = [asyncio.create_task(self._admin.run_here()), asyncio.create_task(self._store.watch())]
        public: asyncio.Task[None] | None = None
        try:
            # Connections are taken from the moment that they can be served: the other replicas have them until then.
            while not self._store.answers and not stopping.done():
                _raise_ended(parts)
                await asyncio.sleep(0.02)
            public = asyncio.create_task(self._public.run_here())
            gc.collect()
            gc.freeze()  # what is there now stays: no collection walks it again
            await asyncio.wait([stopping, public, *parts], return_when=asyncio.FIRST_COMPLETED)
            _raise_ended([public, *parts])
            self._public.stop_listening()
            await _until(lambda: self._public.connections == 0, self._drain_s)
            self._public.end()
            await public
        finally:
            self._admin.end()
            parts[1].cancel()
            stopping.cancel()
            await asyncio.gather(*parts, stopping, *([public] if public else []), return_exceptions=True)


def _raise_ended(tasks: "list[asyncio.Task[None]]") -> None:
    """A part that ended by itself ends the replica; the supervisor starts it anew."""
    for task in tasks:
        if task.done():
            task.result()
            raise RuntimeError("a part of the replica ended by itself")


async def _until(condition: Callable[[], bool], patience_s: float) -> None:
    end = asyncio.get_running_loop().time() + patience_s
    while not condition() and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.02)
