"""Roles, database and schema, made once by the server's superuser.

The owner creates the tables; each service works as a role of its own, with grants on its own tables (see schema.sql
here and in vpn_core).
"""

import asyncio
import time
from pathlib import Path

import asyncpg

from phantommesh.database.server import SUPERUSER

DATABASE = "phantommesh"
OWNER = "phantommesh_owner"
APP = "phantommesh_app"
VPN = "phantommesh_vpn"
# Each part has its tables beside its code; the service's own come first, the others refer to them.
_PACKAGE = Path(__file__).parents[1]
_SCHEMAS = tuple(_PACKAGE / part / "schema.sql" for part in ("database", "threat_model", "vpn_core"))


async def create(socket_dir: str, deadline_s: float) -> None:
    """Wait for the server and make what is missing. Raises TimeoutError when it does not answer in time."""
    connection = await _connect(socket_dir, "postgres", deadline_s)
    try:
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            return
        await connection.execute(f"CREATE ROLE {OWNER}; CREATE ROLE {APP} LOGIN; CREATE ROLE {VPN} LOGIN")
        # Built under another name: a replica that finds the database finds all of it.
        await connection.execute(f"CREATE DATABASE building OWNER {OWNER} STRATEGY wal_log")
        await _fill(socket_dir, deadline_s)
        await connection.execute(f"ALTER DATABASE building RENAME TO {DATABASE}")
    finally:
        await connection.close()


async def _fill(socket_dir: str, deadline_s: float) -> None:
    connection = await _connect(socket_dir, "building", deadline_s)
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {OWNER}")
            for schema in _SCHEMAS:
                await connection.execute(schema.read_text())
    finally:
        await connection.close()


async def _connect(socket_dir: str, database: str, deadline_s: float) -> asyncpg.Connection:
    end = time.monotonic() + deadline_s
    while True:
        try:
            return await asyncpg.connect(host=socket_dir, user=SUPERUSER, database=database, timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            if time.monotonic() > end:
                raise TimeoutError(f"the database does not answer ({error})") from error
            await asyncio.sleep(0.05)
