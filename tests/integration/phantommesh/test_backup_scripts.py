"""The scripts of the backup's jobs, run as the jobs run them, against a real PostgreSQL."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from phantommesh.database import server
from phantommesh.placement import Database

from .conftest import ROOT, run_command
from .placed import HOST, PasswordServer, free_ports

SCRIPTS = ROOT / "k8s/components/backup"


class Jobs:
    """Both jobs, with a volume for the backups."""

    def __init__(self, postgres: PasswordServer) -> None:
        self.postgres = postgres
        self.user = server.system_user()
        self.folder = postgres.folder / "jobs"
        self.backups, self.scratch, self.scripts = (self.folder / name for name in ("backups", "scratch", "scripts"))
        shutil.copytree(SCRIPTS, self.scripts)
        for path in (self.folder, self.backups, self.scratch):
            path.mkdir(exist_ok=True)
            if self.user is not None:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def run(self, script: str, keep: int = 14) -> "subprocess.CompletedProcess[str]":
        identity: dict[str, Any] = {}
        if self.user is not None:
            identity = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        environment = {
            "PATH": f"{self.postgres.programs}:/usr/bin:/bin", "BACKUPS": str(self.backups),
            "SCRIPTS": str(self.scripts), "KEEP": str(keep), "PGHOST": HOST, "PGPORT": str(self.postgres.port),
            "PGUSER": "postgres", "PASSWORD_FILE": self.postgres.file("admin"), "SCRATCH": str(self.scratch),
        }  # fmt: skip
        if script == "check.sh":  # that job knows of no server and no password
            environment = {name: environment[name] for name in ("PATH", "BACKUPS", "SCRIPTS", "SCRATCH")}
        return subprocess.run(
            ["/bin/sh", str(self.scripts / script)], env=environment, cwd="/", capture_output=True, text=True,
            timeout=100, check=False, **identity,
        )  # fmt: skip

    def dumps(self) -> list[Path]:
        return sorted(self.backups.glob("*.dump"))


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    folder = Path(tempfile.mkdtemp(prefix="pm-"))
    folder.chmod(0o755)
    with free_ports(1) as (port,):
        pass  # PostgreSQL does not share a port
    postgres = PasswordServer(folder, port)
    try:
        postgres.make()
        assert run_command(*postgres.migrate_options()).returncode == 0
        asyncio.run(_fill(postgres))
        yield Jobs(postgres)
    finally:
        postgres.stop()
        shutil.rmtree(folder)


async def _fill(postgres: PasswordServer) -> None:
    place = Database(HOST, postgres.port, postgres.secrets["vpn"])
    connection = await asyncpg.connect(**place.arguments(), user="phantommesh_vpn", database="phantommesh")
    for address in ("198.18.0.7", "198.18.0.8"):
        await connection.execute(
            "INSERT INTO vpn.signal (seq, at_ns, address, kind, detail) VALUES "
            "(nextval(pg_get_serial_sequence('vpn.signal', 'seq')), 1, $1, 'port-scan', '{}')", address,
        )  # fmt: skip
    await connection.close()


def test_what_is_dumped_is_restored_row_for_row(jobs: Jobs) -> None:
    dumped = jobs.run("dump.sh")
    assert dumped.returncode == 0, dumped.stderr
    rows = {name: int(count) for name, count, _ in
            (line.split("|") for line in jobs.dumps()[0].with_suffix(".rows").read_text().split())}  # fmt: skip
    assert rows["vpn.signal"] == 2
    assert "public.event" in rows
    checked = jobs.run("check.sh")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "rows, all as dumped" in checked.stdout
    assert not list(jobs.scratch.glob("data"))


@pytest.mark.parametrize("spoil", ["another hash", "a broken dump"])
def test_what_differs_is_not_taken_for_a_backup(jobs: Jobs, spoil: str) -> None:
    assert jobs.run("dump.sh").returncode == 0
    newest = jobs.dumps()[-1]
    rows = newest.with_suffix(".rows")
    if spoil == "a broken dump":
        newest.write_bytes(newest.read_bytes()[:2000])
    else:
        assert "vpn.mesh|1|" in rows.read_text()
        rows.write_text(rows.read_text().replace("vpn.mesh|1|", "vpn.mesh|1|1"))
    checked = jobs.run("check.sh")
    newest.unlink()
    rows.unlink()
    assert checked.returncode != 0
    if spoil != "a broken dump":
        assert "what is restored differs from what was dumped" in checked.stderr


def test_a_dump_that_fails_keeps_nothing(jobs: Jobs) -> None:
    before = jobs.dumps()
    wrong = jobs.folder / "wrong"
    wrong.write_text("no password\n")
    kept, jobs.postgres.file = jobs.postgres.file, lambda _name: str(wrong)  # type: ignore[method-assign]
    try:
        failed = jobs.run("dump.sh")
    finally:
        jobs.postgres.file = kept  # type: ignore[method-assign]
    assert failed.returncode != 0
    assert jobs.dumps() == before


def test_only_so_many_dumps_are_kept(jobs: Jobs) -> None:
    for day in ("20250101", "20250102", "20250103"):
        for suffix in (".dump", ".rows"):
            (jobs.backups / f"phantommesh-{day}T000000Z{suffix}").write_text("old")
    assert jobs.run("dump.sh", keep=2).returncode == 0
    assert len(jobs.dumps()) == 2
    assert "20250101" not in jobs.dumps()[0].name
    assert len(list(jobs.backups.glob("*.rows"))) == 2


def test_without_a_dump_the_check_fails(jobs: Jobs) -> None:
    for path in jobs.backups.iterdir():
        path.unlink()
    checked = jobs.run("check.sh")
    assert checked.returncode == 1
    assert "there is no dump" in checked.stderr
