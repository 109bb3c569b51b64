"""Connections for whoever asks over HTTP: the audit trail, incidents. What writes events has connections of its own.

The pools of all replicas together stay within database.pool_min and pool_max: each replica has an equal share, of which
its own work takes BUSY.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

import asyncpg

from phantommesh.automation.session import LOST
from phantommesh.config.model import Database
from phantommesh.database.schema import APP, DATABASE
from phantommesh.placement import Database as DatabaseServer

BUSY = 6  # the session's four, escalation, remediation
BETWEEN_S = 0.05


class BusyError(Exception):
    """Too many read already."""


class Reading:
    """The pool of one replica. Nothing connects before it is opened or first used."""

    def __init__(self, server: DatabaseServer, settings: Database, replicas: int) -> None:
        self._server = server
        self._settings = settings
        least, most = settings.share(replicas)
        self._kept, self._most = max(0, least - BUSY), max(1, most - BUSY)
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection for one user. Raises one of LOST, or asyncpg.PostgresError, when it cannot be had after the
        configured number of tries, or is lost in use."""
        pool, connection = await self._acquire()
        try:
            yield connection
        except BaseException:
            # Whatever it was in the middle of: it is not tidied up, it is replaced.
            connection.terminate()
            raise
        finally:
            await pool.release(connection)

    @asynccontextmanager
    async def turn(self, readers: asyncio.Semaphore) -> AsyncIterator[None]:
        """One of the readers' places. Raises BusyError when none is free in the time that connecting may take: who has
        waited for so long may be gone, and whoever comes next would wait behind the dead."""
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await readers.acquire()
        except TimeoutError as error:
            raise BusyError(f"too many read at once; none ended in {self._settings.connect_timeout_s:g} s") from error
        try:
            yield
        finally:
            readers.release()

    async def keep(self) -> None:
        """Have the connections ready before somebody asks, until cancelled. Raises what `connection` raises.

        One after the other: each is a process that the server starts, and all at once would hold up the events of a
        replica that has just begun."""
        async with AsyncExitStack() as held:
            for _ in range(self._kept):
                await held.enter_async_context(self.connection())
                await asyncio.sleep(BETWEEN_S)
        await asyncio.get_running_loop().create_future()

    async def open(self) -> asyncpg.Pool:
        """The pool; it connects when a connection is asked for. Raises one of LOST, or asyncpg.PostgresError."""
        async with self._opening:
            if self._pool is None:
                self._pool = await self._new_pool()
        return self._pool

    def close(self) -> None:
        """End all connections, in use or not."""
        if self._pool is not None:
            self._pool.terminate()

    async def _acquire(self) -> tuple[asyncpg.Pool, asyncpg.Connection]:
        retry = self._settings.retry
        for attempt in count(1):
            try:
                pool = await self.open()
                return pool, await pool.acquire(timeout=self._settings.connect_timeout_s)
            except LOST:
                if attempt >= retry.attempts:
                    raise
            await asyncio.sleep(retry.backoff_s * 2 ** (attempt - 1))
        raise AssertionError("counts for ever")

    async def _new_pool(self) -> asyncpg.Pool:
        timeout_s = self._settings.statement_timeout_s
        return await asyncpg.create_pool(
            **self._server.arguments(), user=APP, database=DATABASE, min_size=0, max_size=self._most,
            timeout=self._settings.connect_timeout_s, max_inactive_connection_lifetime=0, reset=_as_it_is,
            server_settings={
                "application_name": "phantommesh reader", "statement_timeout": str(int(timeout_s * 1000)), "jit": "off",
            },
        )  # fmt: skip


async def _as_it_is(_connection: asyncpg.Connection) -> None:
    """Who used a connection leaves nothing behind (each transaction is ended, what failed is terminated), so it is not
    reset for the next: that would cost as much as a small read."""
