"""A replica's hold on the database: its connections, and an instance number that lives and dies with them.

The instance number is the owner of the events and deliveries that the replica works on. It is proven by an advisory
lock that the server gives back when the connection ends, however the replica ended. A replica that loses any of its
connections gives up all of them and what it holds in memory, and begins anew with another number: what was its own is
then taken over like that of a dead one.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from phantommesh.config.model import Database
from phantommesh.database.schema import APP, DATABASE
from phantommesh.placement import Database as DatabaseServer

# What asyncpg raises for a connection that ends or never begins.
# The last is what it raises when it is used in the moment in which it ends.
LOST = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.InternalClientError)  # fmt: skip # noqa: E501
_SETTINGS = {
    # Statements are prepared once; their tables are near empty or huge, which a plan made at one moment cannot know.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "jit": "off",
}


@dataclass(slots=True)
class Session:
    """One hold. Each connection has one user, so none waits for another."""

    instance: int
    watcher: asyncpg.Connection
    writer: asyncpg.Connection
    settler: asyncpg.Connection
    keeper: asyncpg.Connection
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def connections(self) -> list[asyncpg.Connection]:
        """All connections."""
        return [self.watcher, self.writer, self.settler, self.keeper]

    async def close(self) -> None:
        """End all connections, politely where they still listen."""
        for connection in self.connections():
            if self.lost.is_set():
                connection.terminate()
            else:
                await connection.close(timeout=2)


class Connector:
    """Makes connections as the service's role."""

    def __init__(self, server: DatabaseServer, settings: Database) -> None:
        self._server = server
        self._settings = settings

    async def connect(self, name: str, **server_settings: str) -> asyncpg.Connection:
        """One connection that the server lists as `name`. Raises one of LOST, or asyncpg.PostgresError."""
        statement_timeout_s = self._settings.statement_timeout_s
        return await asyncpg.connect(
            **self._server.arguments(), user=APP, database=DATABASE, timeout=self._settings.connect_timeout_s,
            command_timeout=statement_timeout_s + 1,
            server_settings={
                "application_name": name, "statement_timeout": str(int(statement_timeout_s * 1000)), **server_settings,
            },
        )  # fmt: skip

    async def open(self, replica: str) -> Session:
        """A new hold. Raises one of LOST, or asyncpg.PostgresError."""
        # The heartbeat's loss costs nothing, so it waits for no flush.
        watcher = await self.connect(f"phantommesh {replica}", synchronous_commit="off", **_SETTINGS)
        opened: list[asyncpg.Connection] = [watcher]
        try:
            instance = await _claim(watcher, replica)
            name = f"phantommesh/{instance}"
            more = [asyncio.ensure_future(self.connect(name, **_SETTINGS)) for _ in range(3)]
            try:
                await asyncio.gather(*more)
            finally:
                opened += [
                    task.result() for task in more if task.done() and not task.cancelled() and not task.exception()
                ]
                for task in more:
                    task.cancel()
        except BaseException:
            for connection in opened:
                connection.terminate()
            raise
        session = Session(instance, *opened)
        for connection in opened:
            connection.add_termination_listener(lambda _connection: session.lost.set())
        return session


async def _claim(watcher: asyncpg.Connection, replica: str) -> int:
    # Number and lock in one transaction: nobody may see the one without the other.
    async with watcher.transaction():
        instance: Any = await watcher.fetchval("INSERT INTO instance (replica) VALUES ($1) RETURNING instance", replica)
        await watcher.execute("SELECT pg_advisory_lock(1, $1::bigint::int)", instance)
    await watcher.execute(f"SET application_name = 'phantommesh/{int(instance)}'")
    return int(instance)
