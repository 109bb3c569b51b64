"""The creation of the database's schema: what is left of one that was given up."""

import asyncio
import json
import time
from collections.abc import Iterator

import asyncpg
import pytest
from phantommesh import placement
from phantommesh.database import schema
from phantommesh.database.server import SUPERUSER

from .conftest import Platform

NAME = "created_in_a_test"
TRIES = 12
WAIT_S = 30.0
_AT_WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = 'building' AND query <> '' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def server(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[placement.Database]:
    """The platform's own server, where the schema is made in a database beside the platform's."""
    run = json.loads((platform.state / "run.json").read_text())
    monkeypatch.setattr(schema, "DATABASE", NAME)
    found = placement.Database(f"{run['runtime_dir']}/db")
    yield found
    asyncio.run(drop(found))


async def connect(server: placement.Database, database: str = "postgres") -> asyncpg.Connection:
    return await asyncpg.connect(**server.arguments(), user=SUPERUSER, database=database)


async def drop(server: placement.Database) -> None:
    connection = await connect(server)
    await connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
    await connection.close()


async def tables(server: placement.Database) -> int:
    connection = await connect(server, NAME)
    count = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return int(count)


async def give_up(server: placement.Database, later_s: float) -> None:
    """Cancel a creation ``later_s`` seconds after the tables are begun; asyncio.run waits until it has ended."""
    watching = await connect(server)
    creating = asyncio.create_task(schema.create(server, WAIT_S))
    end = time.monotonic() + WAIT_S
    while not await watching.fetchval(_AT_WORK):
        assert not creating.done(), "over before it was seen at work"
        assert time.monotonic() < end, f"nothing at work within {WAIT_S:.0f} s"
    await asyncio.sleep(later_s)
    await watching.close()
    creating.cancel()


def test_a_creation_that_is_given_up_ends_at_once(server: placement.Database) -> None:
    """Ctrl-C during `up` or `serve` waited a minute here: for the answer to a statement that had been answered."""
    for turn in range(TRIES):
        begun = time.monotonic()
        asyncio.run(give_up(server, turn * 0.005))
        assert time.monotonic() - begun < 20.0, f"given up at the {turn + 1}th try, it did not end"
    asyncio.run(schema.create(server, WAIT_S))
    assert asyncio.run(tables(server)) > 0
