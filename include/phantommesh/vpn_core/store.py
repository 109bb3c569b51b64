"""The way to PostgreSQL: a few connections as vpn-core's own role, made when they are needed, replaced when lost."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from phantommesh.automation.session import LOST
from phantommesh.config.model import Database
from phantommesh.database.schema import DATABASE, VPN
from phantommesh.placement import Database as DatabaseServer

MOST_CONNECTIONS = 6
TURN_S = 0.25
_log = logging.getLogger(__name__)


class UnavailableError(Exception):
    """The database cannot be reached. Whether what was under way was done is not known; doing it again is safe."""


class Store:
    """The connections of one replica. `watch` must run: it says whether the database answers."""

    def __init__(self, server: DatabaseServer, settings: Database, replica: str) -> None:
        self._server = server
        self._settings = settings
        self._replica = replica
        self._pool: asyncpg.Pool | None = None
        self.answers = False

    async def watch(self) -> None:
        """Ask the database four times a second until cancelled; then close the connections."""
        self._pool = await self._new_pool()
        complained = False
        try:
            while True:
                try:
                    async with self.connection() as connection:
                        await connection.fetchval("SELECT next_number FROM vpn.mesh")
                    self.answers, complained = True, False
                except UnavailableError as error:
                    self.answers = False
                    if not complained:
                        _log.warning("waiting for the database: %s", error)
                    complained = True
                await asyncio.sleep(TURN_S)
        finally:
            self.answers = False
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection for one user. Raises UnavailableError when it cannot be had or is lost in use."""
        if self._pool is None:
            raise UnavailableError("starting")
        try:
            async with self._pool.acquire(timeout=self._settings.connect_timeout_s) as connection:
                try:
                    yield connection
                except Exception as error:
                    # What was lost in the middle of an operation must not be tidied up by the pool, which would fail
                    # on it and keep its place for ever.
                    if not isinstance(error, asyncpg.PostgresError) or isinstance(error, LOST):
                        connection.terminate()
                    raise
        except asyncpg.IntegrityConstraintViolationError:
            raise  # what it means is the caller's to say
        except (*LOST, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
            if isinstance(error, ValueError):  # asyncpg's complaint about an argument: a fault of this program
                raise
            raise UnavailableError(f"the database cannot be reached ({error or type(error).__name__})") from error

    def _new_pool(self) -> asyncpg.Pool:
        timeout_s = self._settings.statement_timeout_s
        return asyncpg.create_pool(
            **self._server.arguments(), user=VPN, database=DATABASE, min_size=0, max_size=MOST_CONNECTIONS,
            timeout=self._settings.connect_timeout_s, command_timeout=timeout_s + 1,
            server_settings={
                "application_name": f"phantommesh {self._replica}", "statement_timeout": str(int(timeout_s * 1000)),
                # Statements are prepared once, when their tables may be empty.
                "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off",
            },
        )  # fmt: skip
