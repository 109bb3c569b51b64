"""Roles, database and schema, made once by the server's superuser.

The owner creates the tables; each service works as a role of its own, with grants on its own tables (see schema.sql
here and in vpn_core).
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg

from phantommesh.database.server import SUPERUSER
from phantommesh.placement import Database

DATABASE = "phantommesh"
OWNER = "phantommesh_owner"
APP = "phantommesh_app"
VPN = "phantommesh_vpn"
# Each part has its tables beside its code; the service's own come first, the others refer to them.
_PACKAGE = Path(__file__).parents[1]
_SCHEMAS = tuple(_PACKAGE / part / "schema.sql" for part in ("database", "threat_model", "vpn_core"))
_ONE_AT_A_TIME = 7_306_000_001  # the key of an advisory lock in the database `postgres`


class AnotherSchemaError(Exception):
    """The database was made by a version with another schema."""


async def create(server: Database, deadline_s: float, passwords: Mapping[str, str] | None = None) -> None:
    """Wait for the server and make what is missing; safe to repeat, by several at once, and after a crash.

    server: with the superuser's password. passwords: by role; what is there is set anew each time. Raises TimeoutError
    when the server does not answer in time, asyncpg.PostgresError when it refuses, AnotherSchemaError when the database
    that is there has another schema: this version cannot change it.
    """
    async with _session(server, "postgres", deadline_s) as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", _ONE_AT_A_TIME)  # given back with the connection
        await _make_roles(connection, passwords or {})
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await _refuse_another_schema(connection)
            return
        # Built under another name: a replica that finds the database finds all of it.
        await connection.execute("DROP DATABASE IF EXISTS building")
        # The server may have been made for another encoding, another order of texts: this database is always the same.
        await connection.execute(
            f"CREATE DATABASE building OWNER {OWNER} STRATEGY wal_log "
            "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'"
        )
        await _fill(server, deadline_s)
        await connection.execute(f"COMMENT ON DATABASE building IS '{_stamp()}'")
        await connection.execute(f"ALTER DATABASE building RENAME TO {DATABASE}")


async def _make_roles(connection: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    there = {row[0] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    for role, login in ((OWNER, "NOLOGIN"), (APP, "LOGIN"), (VPN, "LOGIN")):
        if role not in there:
            await connection.execute(f"CREATE ROLE {role} {login}")
        if role in passwords:
            # The server quotes: no password can end the statement.
            alter = await connection.fetchval("SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)", role, passwords[role])  # fmt: skip # noqa: E501
            await connection.execute(alter)


async def _refuse_another_schema(connection: asyncpg.Connection) -> None:
    found = await connection.fetchval(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", DATABASE
    )
    if found is not None and found != _stamp():  # None: made before databases were stamped
        raise AnotherSchemaError(
            f"the database {DATABASE} has another schema ({found}; this version's is {_stamp()}) and is left as it is; "
            "deploy the version that made it, or restore its data into a new database"
        )


def _stamp() -> str:
    digest = hashlib.sha256(b"\0".join(schema.read_bytes() for schema in _SCHEMAS)).hexdigest()
    return f"schema {digest[:16]}"


async def _fill(server: Database, deadline_s: float) -> None:
    async with _session(server, "building", deadline_s) as connection:
        # One statement for the client: a rollback of its own would wait for one that is being cancelled.
        parts = (f"SET ROLE {OWNER}", *(part.read_text() for part in _SCHEMAS))
        await connection.execute("BEGIN;" + ";\n".join(parts) + ";COMMIT")


@contextlib.asynccontextmanager
async def _session(server: Database, database: str, deadline_s: float) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the superuser, closed at the end, or cut where what was done with it failed or was cancelled:
    closing waits for the answer to a cancelled statement, and without end for one that has come already (asyncpg 0.32).
    """
    connection = await _connect(server, database, deadline_s)
    try:
        yield connection
    except BaseException:
        connection.terminate()
        raise
    await connection.close()


async def _connect(server: Database, database: str, deadline_s: float) -> asyncpg.Connection:
    end = time.monotonic() + deadline_s
    while True:
        try:
            return await asyncpg.connect(**server.arguments(), user=SUPERUSER, database=database, timeout=5)
        except asyncpg.InvalidPasswordError:
            raise  # waiting does not make it right
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            if time.monotonic() > end:
                raise TimeoutError(f"the database does not answer ({error})") from error
            await asyncio.sleep(0.05)
