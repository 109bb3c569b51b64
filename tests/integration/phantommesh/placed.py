"""Processes that are placed one by one, as a cluster does it, around a PostgreSQL that asks for passwords."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from phantommesh.database import server
from phantommesh.supervision import ports

from .conftest import COMMAND, call, until

HOST = "127.0.0.1"


class PasswordServer:
    """PostgreSQL on a loopback port: nobody connects without a password."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.address = f"{HOST}:{port}"
        self.secrets = {name: self._secret(name) for name in ("admin", "app", "vpn")}
        self._user = server.system_user()
        self.programs = server.programs(folder, self._user)
        self.process: subprocess.Popen[bytes] | None = None

    def _secret(self, name: str) -> str:
        # What must be quoted in SQL, and in a shell, too.
        text = f"it's; {name} $x \\ " + secrets.token_hex(8)
        (self.folder / f"{name}.secret").write_text(text + "\n")
        return text

    def file(self, name: str) -> str:
        return str(self.folder / f"{name}.secret")

    def make(self) -> None:
        """A new data folder, whose superuser has a password."""
        data, socket_dir = self.folder / "data", self.folder / "db"
        server.give(socket_dir, self._user)
        server.create_data(self.programs, data, self._user)
        server.configure(data, str(socket_dir), 200)
        self._start("trust")
        self._stop_after(f"ALTER ROLE postgres PASSWORD $pm${self.secrets['admin']}$pm$")
        self._start("scram-sha-256")

    def _start(self, method: str) -> None:
        (self.folder / "data" / "pg_hba.conf").write_text(f"host all all {HOST}/32 {method}\n")
        with (self.folder / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"listen_addresses = '{HOST}'\nport = {self.port}\n")
        identity: dict[str, Any] = {}
        if self._user is not None:
            identity = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data"], cwd="/", stdout=log, stderr=log, **identity
            )

    def _stop_after(self, statement: str) -> None:
        import asyncio

        import asyncpg

        async def told() -> None:
            connection = await asyncpg.connect(host=HOST, port=self.port, user="postgres", database="postgres")
            await connection.execute(statement)
            await connection.close()

        def done() -> bool:
            try:
                asyncio.run(told())
            except (OSError, asyncpg.PostgresError):
                return False
            return True

        until(done)
        self.stop()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def migrate_options(self) -> list[str]:
        roles = [part for name in ("admin", "app", "vpn") for part in (f"--{name}-password-file", self.file(name))]
        return ["migrate", "--database", self.address, *roles]


class Placed:
    """One process of `phantommesh serve`. ports: of the service and of its admin interface, or of the sink's mail."""

    def __init__(self, folder: Path, name: str, *arguments: str, **environment: str) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", *arguments], stdout=log, stderr=log, env=os.environ | environment
            )

    def await_ready(self, url: str, status: int = 200) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            try:
                return call(url).status == status
            except OSError:
                return False

        until(answers)

    def end(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Ports that stay ours while the block lasts."""
    reserved = [ports.reserve(0) for _ in range(count)]
    try:
        yield [ports.number(item) for item in reserved]
    finally:
        for item in reserved:
            item.close()
