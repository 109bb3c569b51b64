"""The database of a running platform, looked at from beside it: sizes, write-ahead log, time in input and output."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

NAME = "phantommesh"
SUPERUSER = "postgres"
_IO = """
SELECT sum(coalesce(read_time, 0) + coalesce(write_time, 0) + coalesce(extend_time, 0) + coalesce(writeback_time, 0)
           + coalesce(fsync_time, 0)),
       sum(coalesce(fsyncs, 0)), sum(coalesce(write_bytes, 0) + coalesce(extend_bytes, 0))
FROM pg_stat_io
"""
T = TypeVar("T")


@dataclass(frozen=True)
class Stored:
    """size_bytes: after a checkpoint. wal_bytes: position in the write-ahead log. io_ms: time that all backends spent
    in reading, writing and flushing files."""

    # What a process wrote as the kernel counts it (/proc/<pid>/io) is of no use here: where a file system keeps its
    # cache in pages of a megabyte, each small write to one counts as all of it.
    size_bytes: int
    wal_bytes: int
    io_ms: float
    fsyncs: int
    written_bytes: int


def socket_dir(state: Path) -> str:
    """The folder of the database's unix socket, as the state folder names it."""
    run = json.loads((state / "run.json").read_text())
    return f"{run['runtime_dir']}/db"


def connect(state: Path, database: str = NAME) -> Coroutine[Any, Any, asyncpg.Connection]:
    """A superuser's connection; only who may enter the socket's folder gets one."""
    return asyncpg.connect(host=socket_dir(state), user=SUPERUSER, database=database, timeout=10)


def time_input_and_output(state: Path) -> None:
    """Have the server time its input and output from now on."""

    async def set_it() -> None:
        connection = await connect(state)
        try:
            for name in ("track_io_timing", "track_wal_io_timing"):
                await connection.execute(f"ALTER SYSTEM SET {name} = on")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()

    asyncio.run(set_it())


def look(state: Path, checkpoint: bool = True) -> Stored:
    """What is stored now. checkpoint: write everything out first, so that sizes are those on the disk."""

    async def ask() -> Stored:
        connection = await connect(state)
        try:
            wal = await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
            if checkpoint:
                await connection.execute("CHECKPOINT")
            await connection.execute("SELECT pg_stat_force_next_flush()")
            io_ms, fsyncs, written = await connection.fetchrow(_IO)
            size = await connection.fetchval("SELECT pg_database_size($1)", NAME)
            return Stored(size, int(wal), float(io_ms), int(fsyncs), int(written))
        finally:
            await connection.close()

    return asyncio.run(ask())


def since(after: Stored, before: Stored) -> Stored:
    """The difference."""
    return Stored(
        after.size_bytes - before.size_bytes, after.wal_bytes - before.wal_bytes, after.io_ms - before.io_ms,
        after.fsyncs - before.fsyncs, after.written_bytes - before.written_bytes,
    )  # fmt: skip
