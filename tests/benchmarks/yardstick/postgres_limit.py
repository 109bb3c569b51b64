"""How many rows of an event's shape PostgreSQL makes durable, a batch in one statement and one commit."""

import asyncio
import tempfile
import time
import uuid
from pathlib import Path

import asyncpg
from instruments import database
from instruments.accounts import Accounts
from instruments.plan import SendPlan
from instruments.requests_ahead import RequestMaker, event_ids, recordings
from instruments.running import running

BATCHES = (1, 10, 100, 1000)
SESSIONS = (1, 3)
FULL_S, SHORT_S = 8.0, 2.0
_TABLE = """
CREATE TABLE event (event_id uuid PRIMARY KEY, source text NOT NULL, received_at_ns bigint NOT NULL, risk real NOT NULL,
                    level text NOT NULL, body bytea NOT NULL)
"""
_INSERT = """
INSERT INTO event SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::real[], $5::text[], $6::bytea[])
ON CONFLICT DO NOTHING
"""
_DATABASE = "limit_of_inserts"


def measure(short: bool) -> dict[str, float]:
    """Rows/s and the server's CPU in us a row, for each size of a batch and number of sessions."""
    found: dict[str, float] = {}
    with (
        tempfile.TemporaryDirectory(prefix="limit-") as folder,
        running(Path(folder) / "state", "--replicas", "1") as platform,
    ):
        accounts = Accounts(platform)
        asyncio.run(_create(platform.state))
        bodies = _bodies()
        for sessions in SESSIONS:
            for size in BATCHES:
                before = accounts.look()
                rows, took_s = asyncio.run(
                    _insert(platform.state, size, sessions, bodies, SHORT_S if short else FULL_S)
                )
                cpu_s = accounts.look().since(before).cpu_s["postgres"]
                name = f"{sessions} session{'s' * (sessions > 1)}, batches of {size}"
                found |= {f"{name}: rows/s": rows / took_s, f"{name}: CPU us a row": cpu_s / rows * 1e6}
    return found


async def _create(state: Path) -> None:
    connection = await database.connect(state, "postgres")
    await connection.execute(f"CREATE DATABASE {_DATABASE}")
    await connection.close()
    connection = await database.connect(state, _DATABASE)
    await connection.execute(_TABLE)
    await connection.close()


def _bodies() -> list[bytes]:
    """A thousand recorded alerts as they are sent."""
    plan = SendPlan("http://127.0.0.1:9/", "limit", 1000, 1, seed=10, events_per_request=1)
    made = RequestMaker(plan, event_ids(plan), recordings()).make(0, [time.time_ns()] * plan.events)
    return [request.content.partition(b"\r\n\r\n")[2] for request in made]


async def _insert(state: Path, size: int, sessions: int, bodies: list[bytes], span_s: float) -> tuple[int, float]:
    connections = [await database.connect(state, _DATABASE) for _ in range(sessions)]
    await connections[0].execute("TRUNCATE event")
    start_s = time.monotonic()
    rows = await asyncio.gather(*(_insert_until(item, size, bodies, start_s + span_s) for item in connections))
    took_s = time.monotonic() - start_s
    for item in connections:
        await item.close()
    return sum(rows), took_s


async def _insert_until(connection: asyncpg.Connection, size: int, bodies: list[bytes], end_s: float) -> int:
    statement = await connection.prepare(_INSERT)
    columns = [["limit"] * size, [time.time_ns()] * size, [7.5] * size, ["high"] * size, bodies[:size]]
    rows = 0
    while time.monotonic() < end_s:
        await statement.fetch([uuid.uuid4() for _ in range(size)], *columns)
        rows += size
    return rows
