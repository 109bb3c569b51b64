"""One replica: its parts, and its life from start to drain."""

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import asyncpg

from phantommesh.automation.accepted import Accepted
from phantommesh.automation.admin import AdminApp
from phantommesh.automation.api import PublicApp
from phantommesh.automation.audit import AuditTrail
from phantommesh.automation.backlog import Backlog
from phantommesh.automation.channel import ChannelClient
from phantommesh.automation.deliver import ChannelQueue
from phantommesh.automation.delivery import deliveries_of
from phantommesh.automation.event_protocol import EventProtocol
from phantommesh.automation.event_requests import EventRequests
from phantommesh.automation.ingest import Ingest
from phantommesh.automation.judging import Judge
from phantommesh.automation.metrics import Metrics
from phantommesh.automation.session import LOST, Connector, Session
from phantommesh.automation.settle import Settler
from phantommesh.automation.watch import Watch
from phantommesh.config.model import CHANNELS, Config
from phantommesh.serving import HOST, Server
from phantommesh.supervision.state import Run

RECONNECT_S = 0.1
FINISH_S = 5.0
ACCEPT_LINGER_S = 0.005
SETTLE_LINGER_S = 0.02
DELIVERY_LINGER_S = 0.015
_log = logging.getLogger(__name__)


class Replica:
    """Everything that one process is."""

    def __init__(self, name: str, admin_port: int, run: Run, config: Config) -> None:
        self._name = name
        self._drain_s = config.system.drain_s
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._session: Session | None = None
        self._metrics = Metrics()
        self._backlog = Backlog(config.system.event_queue_size, self._metrics)
        self._connector = Connector(run.database_socket_dir, config.database)
        self._settler = Settler(name, SETTLE_LINGER_S, self._backlog, self._metrics)
        self._channels: dict[str, ChannelQueue] = {channel: self._channel(channel, run, config) for channel in CHANNELS}
        judge = Judge(config, self._metrics, lambda: None)
        self._ingest = Ingest(name, judge, self._backlog, ACCEPT_LINGER_S, self._deliver)
        self._watch = Watch(config.system.lease_s, self._backlog, self._channels)
        self._public = self._public_server(run, config)
        self._admin = Server(AdminApp(self._metrics, self._not_ready), admin_port)

    def _channel(self, channel: str, run: Run, config: Config) -> ChannelQueue:
        client = ChannelClient(HOST, run.sink_port, channel, config.alert_routing.delivery_timeout_s)
        return ChannelQueue(client, config.alert_routing, DELIVERY_LINGER_S, self._settler)

    def _public_server(self, run: Run, config: Config) -> Server:
        requests = EventRequests(self._ingest, self._metrics)
        audit = AuditTrail(self._connector, config.database.audit_readers)
        closing = self._stopping.is_set
        return Server(PublicApp(requests, audit, closing), run.port, partial(EventProtocol, requests, closing))

    def _deliver(self, fresh: list[Accepted]) -> None:
        now_ns = time.time_ns()
        for accepted in fresh:
            deliveries = deliveries_of(accepted, now_ns) if accepted.due else []
            self._backlog.begin(accepted.event.event_id, len(deliveries), accepted.event.received_at_ns)
            for delivery in deliveries:
                self._channels[delivery.channel].add(delivery)

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
            await asyncio.gather(admin, database, stopping, *([public] if public else []), return_exceptions=True)

    async def _drain(self, public: "asyncio.Task[None]") -> None:
        """No new connections; what is open is served for a while, answers ask to close; then work is finished."""
        self._public.stop_listening()
        await _until(lambda: self._public.connections == 0, self._drain_s)
        self._public.end()
        await public
        await _until(lambda: self._backlog.own == 0, FINISH_S)

    async def _hold_database(self) -> None:
        """Keep a session with the database; begin another when it is lost."""
        ended = asyncio.create_task(self._ended.wait())
        waited = False
        while not ended.done():
            try:
                session = await self._connector.open(self._name)
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
                self._backlog.forget()
                await session.close()

    async def _work_with(self, session: Session, ended: "asyncio.Task[bool]") -> None:
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(self._settler.settle_what_is_left(session))]
        await asyncio.wait(tasks)
        if tasks[0].exception() is None:
            self._session = session
            tasks = [
                asyncio.create_task(part)
                for part in (
                    self._ingest.run(session), self._settler.run(session), self._watch.run(session),
                    *(queue.run() for queue in self._channels.values()),
                )
            ]  # fmt: skip
            lost = asyncio.create_task(session.lost.wait())
            await asyncio.wait([ended, lost, *tasks], return_when=asyncio.FIRST_COMPLETED)
            self._session = None
            tasks.append(lost)
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                session.lost.set()
                _report(outcome)


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
