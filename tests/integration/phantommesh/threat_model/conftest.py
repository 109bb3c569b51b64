"""A real PostgreSQL with the tables that the threat model reads, and its own."""

import asyncio
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import phantommesh.threat_model
import pytest
from phantommesh import placement
from phantommesh.automation.events import Observation
from phantommesh.config.load import PRODUCTION, load, to_json
from phantommesh.database import schema, server
from phantommesh.database.schema import APP, DATABASE, OWNER
from phantommesh.supervision.state import Run, State

SCHEMA = Path(phantommesh.threat_model.__file__).parent / "schema.sql"
TABLES = "event, incident, history_hour, history_version, threat_intelligence, threat_intelligence_version"


class Database:
    """The server, and short words to use it."""

    def __init__(self, socket_dir: Path) -> None:
        self.socket_dir = str(socket_dir)

    async def connect(self, user: str = APP, database: str = DATABASE) -> asyncpg.Connection:
        return await asyncpg.connect(host=self.socket_dir, user=user, database=database, timeout=10)

    def run(self, use: Callable[[asyncpg.Connection], Awaitable[Any]], user: str = APP) -> Any:
        """Use one connection of the service's role."""

        async def connected() -> Any:
            connection = await self.connect(user)
            try:
                return await use(connection)
            finally:
                await connection.close()

        return asyncio.run(connected())

    async def create(self) -> None:
        await schema.create(placement.Database(self.socket_dir), 30)
        connection = await self.connect(server.SUPERUSER)
        if await connection.fetchval("SELECT to_regclass('history_hour')") is None:
            await connection.execute(f"SET ROLE {OWNER}")
            await connection.execute(SCHEMA.read_text())
        await connection.close()


@pytest.fixture(scope="session")
def runtime_dir() -> Iterator[Path]:
    """Short, and open to the user that the server runs as."""
    folder = Path(tempfile.mkdtemp(prefix="pm-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server_of_session(runtime_dir: Path) -> Iterator[Database]:
    user = server.system_user()
    programs, socket_dir, data = server.programs(runtime_dir, user), runtime_dir / "db", runtime_dir / "data"
    server.give(socket_dir, user)
    server.create_data(programs, data, user)
    server.configure(data, str(socket_dir), 50)
    identity: dict[str, Any] = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with (runtime_dir / "log").open("wb") as log:
        process = subprocess.Popen([programs / "postgres", "-D", data], cwd="/", stdout=log, stderr=log, **identity)
    try:
        database = Database(socket_dir)
        asyncio.run(database.create())
        yield database
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.fixture
def database(server_of_session: Database) -> Iterator[Database]:
    """Empty at the end."""
    yield server_of_session
    server_of_session.run(lambda connection: connection.execute(f"TRUNCATE {TABLES}"), server.SUPERUSER)


@pytest.fixture
def state(database: Database, runtime_dir: Path, tmp_path: Path) -> Path:
    """A state folder as `up` leaves it, whose platform has this database."""
    folder = State(tmp_path / "state")
    folder.folder.mkdir()
    folder.write_run(Run(str(runtime_dir), database.socket_dir, False, False, 1, 2, 3, (), 4, ()))
    folder.config.write_bytes(to_json(load(PRODUCTION, {})))
    return folder.folder


async def insert_events(
    connection: asyncpg.Connection, events: list[Observation], risks: list[float], resolution: str | None = None
) -> None:
    """Events as the service keeps them, each with an incident of its own."""
    rows = list(zip(events, [uuid.uuid4() for _ in events], risks, strict=True))
    await connection.executemany(
        "INSERT INTO incident (incident_id, event_id, signature_id, opened_at_ns, risk, level, source, src_ip, dest_ip,"
        " signature, resolution) VALUES ($1, $2, $3, $4, $5, 'medium', $6, $7, $8, $9, $10)",
        [(incident, event.event_id, event.alert.signature_id, event.received_at_ns, risk, event.source, event.src_ip,
          event.dest_ip, event.alert.signature, resolution) for event, incident, risk in rows],
    )  # fmt: skip
    await connection.executemany(
        "INSERT INTO event (event_id, seq, received_at_ns, assessed_at_ns, signature_id, incident_id, risk, confidence,"
        " due, level, source, replica, body)"
        " VALUES ($1, nextval('audit_seq'), $2, $2, $3, $4, $5, 0.9, 0, 'medium', $6, 'automation-0', $7)",
        [(event.event_id, event.received_at_ns, event.alert.signature_id, incident, risk, event.source, event.body)
         for event, incident, risk in rows],
    )  # fmt: skip
