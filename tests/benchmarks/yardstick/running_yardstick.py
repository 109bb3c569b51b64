"""The yardstick's service, three workers, on the database server and the sink of a platform that is otherwise idle."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from instruments import database
from instruments.accounts import Accounts, Usage, cpu_s_of
from instruments.running import RunningPlatform, running, until

from yardstick.service import DATABASE, POOL_LEAST, SCHEMA

WORKERS = 3
START_S, STOP_S = 60.0, 20.0
_SESSIONS = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{DATABASE}'"
_UNDELIVERED = "SELECT count(*) FROM delivery WHERE delivered_at_ns IS NULL"


@dataclass(frozen=True)
class RunningYardstick:
    """The service, and the platform whose database and sink it uses."""

    platform: RunningPlatform
    events_url: str
    process: "subprocess.Popen[bytes]"
    accounts: Accounts
    folder: Path

    def look(self) -> Usage:
        """What database, sink and the service's workers used until now; the idle platform is left out."""
        usage = self.accounts.look()
        family = [self.process.pid, *(item.pid for item in psutil.Process(self.process.pid).children(recursive=True))]
        usage.cpu_s["replicas"] = sum(map(cpu_s_of, family))
        usage.cpu_s["supervisor"] = 0.0
        return usage

    def undelivered(self) -> int:
        """Deliveries that are due and not made."""
        return asyncio.run(_value(self.platform.state, DATABASE, _UNDELIVERED))


@contextmanager
def running_yardstick() -> Iterator[RunningYardstick]:
    """Start it; everything is stopped at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="yardstick-") as folder,
        running(Path(folder) / "state", "--replicas", "1") as platform,
    ):
        asyncio.run(_create(platform.state))
        port = _free_port()
        environment = os.environ | {
            "YARDSTICK_SOCKET_DIR": database.socket_dir(platform.state), "YARDSTICK_SINK": platform.sink_url,
        }  # fmt: skip
        command = [
            sys.executable, "-m", "uvicorn", "yardstick.service:app", "--host", "127.0.0.1", "--port", str(port),
            "--workers", str(WORKERS), "--log-level", "error", "--no-access-log", "--backlog", "2048",
        ]  # fmt: skip
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[1],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: _workers_ready(process, platform.state), START_S, "the yardstick's workers do not start")
            url = f"http://127.0.0.1:{port}/v1/events"
            yield RunningYardstick(platform, url, process, Accounts(platform), Path(folder))
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    _, left = psutil.wait_procs([*family, psutil.Process(process.pid)], timeout=STOP_S) if family else ([], [])
    for item in left:
        item.kill()
    process.wait(STOP_S)


def _workers_ready(process: "subprocess.Popen[bytes]", state: Path) -> bool:
    """Whether each worker filled its pool, which it does before it serves."""
    if process.poll() is not None:
        raise RuntimeError(f"the yardstick's service ended with code {process.returncode}")
    return asyncio.run(_value(state, "postgres", _SESSIONS)) >= WORKERS * POOL_LEAST


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _create(state: Path) -> None:
    connection = await database.connect(state, "postgres")
    try:
        await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
    connection = await database.connect(state, DATABASE)
    try:
        await connection.execute(SCHEMA)
    finally:
        await connection.close()


async def _value(state: Path, name: str, query: str) -> int:
    connection = await database.connect(state, name)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()
