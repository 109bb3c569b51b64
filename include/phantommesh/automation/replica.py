"""One replica: its parts, and its life from start to drain."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from phantommesh.automation.admin import AdminApp
from phantommesh.automation.parts import Parts
from phantommesh.automation.session import LOST, Session
from phantommesh.config.model import Config
from phantommesh.placement import Placement
from phantommesh.serving import Server

RECONNECT_S = 0.1
FINISH_S = 5.0
CANCEL_AGAIN_S = 0.2
_log = logging.getLogger(__name__)


class Replica:
    """Everything that one process is."""

    def __init__(self, name: str, placement: Placement, config: Config, models: Path) -> None:
        self._name = name
        self._drain_s = config.system.drain_s
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._session: Session | None = None
        self._parts = Parts(name, placement, config, models, self._stopping.is_set)
        self._public = self._parts.public
        app = AdminApp(self._parts.metrics, self._not_ready)
        self._admin = Server(app, placement.admin_port, host=placement.host)

    def _not_ready(self) -> str | None:
        if self._stopping.is_set():
            return "draining"
        return None if self._session is not None else "no connection to the database"

    async def live(self) -> None:
        """Serve until SIGTERM, then drain. Raises OSError when a port cannot be bound."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        admin = asyncio.create_task(self._admin.run_here())
        database = asyncio.create_task(self._hold_database())
        public: asyncio.Task[None] | None = None
        stopping = asyncio.create_task(self._stopping.wait())
        self._parts.threat_model.look_for_model()
        try:
            # Connections are taken from the moment that they can be served: the other replicas have them until then.
            while self._session is None and not stopping.done():
                _raise_ended(admin, database)
                await asyncio.sleep(0.02)
            public = asyncio.create_task(self._public.run_here())
            gc.collect()
            gc.freeze()  # what is there now stays: no collection walks it again
            await asyncio.wait([stopping, admin, database, public], return_when=asyncio.FIRST_COMPLETED)
            _raise_ended(admin, database, public)
            await self._drain(public)
        finally:
            self._ended.set()
            self._admin.end()
            self._public.end()
            self._parts.reading.close()
            stopping.cancel()  # after a fault nobody has asked to stop
            await asyncio.gather(admin, database, stopping, *([public] if public else []), return_exceptions=True)

    async def _drain(self, public: "asyncio.Task[None]") -> None:
        """No new connections; what is open is served for a while, answers ask to close; then work is finished."""
        self._public.stop_listening()
        await _until(lambda: self._public.connections == 0, self._drain_s)
        self._public.end()
        await public
        self._parts.remediator.drain()
        await _until(lambda: self._parts.backlog.own == 0 and not self._parts.remediator.under_way, FINISH_S)

    async def _hold_database(self) -> None:
        """Keep a session with the database; begin another when it is lost."""
        ended = asyncio.create_task(self._ended.wait())
        waited = False
        while not ended.done():
            try:
                session = await self._parts.connector.open(self._name)
            except (*LOST, asyncpg.PostgresError) as error:
                if not waited:
                    _log.warning("waiting for the database: %s", error)
                waited = True
                await asyncio.wait([ended], timeout=RECONNECT_S)
                continue
            waited = False
            try:
                await self._work_with(session, ended)
            finally:
                self._session = None
                self._parts.backlog.forget()
                await session.close()

    async def _work_with(self, session: Session, ended: "asyncio.Task[bool]") -> None:
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(self._parts.begin(session))]
        await asyncio.wait(tasks)
        if tasks[0].exception() is None:
            self._session = session
            tasks = [asyncio.create_task(part) for part in self._parts.at_work(session)]
            lost = asyncio.create_task(session.lost.wait())
            await asyncio.wait([ended, lost, *tasks], return_when=asyncio.FIRST_COMPLETED)
            self._session = None
            tasks.append(lost)
        for outcome in await _ended(tasks):
            if isinstance(outcome, Exception):
                session.lost.set()
                _report(outcome)


async def _ended(tasks: "list[asyncio.Task[Any]]") -> list[Any]:
    """End tasks; what became of each. A library can take a cancellation for the failure of what it was doing, and its
    caller then goes on: who does not end is told again."""
    pending: set[asyncio.Task[Any]] = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
    return await asyncio.gather(*tasks, return_exceptions=True)


def _report(error: Exception) -> None:
    if isinstance(error, (*LOST, asyncpg.PostgresError)):
        _log.warning("session with the database ended: %s", error)
    else:
        _log.error("session with the database ended by a fault", exc_info=error)


def _raise_ended(*tasks: "asyncio.Task[None]") -> None:
    """A server that ended by itself ends the replica; the supervisor starts it anew."""
    for task in tasks:
        if task.done():
            task.result()
            raise RuntimeError("a part of the replica ended by itself")


async def _until(condition: Callable[[], bool], patience_s: float) -> None:
    end = asyncio.get_running_loop().time() + patience_s
    while not condition() and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.02)
