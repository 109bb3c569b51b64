"""Start the platform: all of it, or nothing."""

import asyncio
import contextlib
import errno
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from phantommesh.config.load import to_json
from phantommesh.config.model import Config
from phantommesh.config.secret_source import SecretError
from phantommesh.database import schema, server
from phantommesh.scaling.settings import Scaling
from phantommesh.supervision import ports, settings
from phantommesh.supervision.channel_endpoints import channel_endpoints
from phantommesh.supervision.down import stop_everything
from phantommesh.supervision.failure import PlatformError
from phantommesh.supervision.interrupting import SIGNALS, Interrupting, UpInterruptedError
from phantommesh.supervision.processes import find, identify
from phantommesh.supervision.remote import supervised
from phantommesh.supervision.state import LINKS, Link, Run, State
from phantommesh.supervision.status import READY, status

READY_S = 60.0
MAX_SOCKET_PATH_BYTES = 107
_PREFIX = "phantommesh-"


@dataclass(frozen=True, slots=True)
class Wish:
    """What `up` was asked for. port 0: a free one. scaling: None: there are always ``replicas``. links: names of LINKS,
    connections to lead through a proxy. cache: start one, too."""

    replicas: int
    vpn_replicas: int
    port: int
    config: Config
    keep_data: bool
    scaling: Scaling | None = None
    links: tuple[str, ...] = ()
    cache: bool = False

    @property
    def most_replicas(self) -> int:
        """How many replicas of automation there may ever be."""
        return self.replicas if self.scaling is None else self.scaling.most


def up(state: State, wish: Wish) -> dict[str, Any]:
    """Start and wait until all is ready; returns the status. Raises PlatformError; then nothing is left running."""
    try:
        state.folder.mkdir(parents=True, exist_ok=True)
        with state.locked() as free:
            if not free:
                raise PlatformError(f"{state.folder}: another up or down is at work there; wait for it or use another")
            return _up_locked(state, wish)
    except OSError as error:
        raise PlatformError(_system_problem(state, error)) from error


def _up_locked(state: State, wish: Wish) -> dict[str, Any]:
    _refuse_running(state)
    reserved = [ports.reserve(wish.port)]
    try:
        of_links = sum(1 + LINKS[name] for name in wish.links)
        reserved += [ports.reserve(0) for _ in range(3 + wish.most_replicas + wish.vpn_replicas + of_links)]
        interrupting = Interrupting()
        with interrupting.raising():
            try:
                state.write_process("starting", identify(os.getpid()))
                return _start(state, wish, interrupting, [ports.number(item) for item in reserved])
            except BaseException as error:
                _undo(state)
                if isinstance(error, UpInterruptedError):
                    raise PlatformError("interrupted; everything that was started is stopped again") from error
                raise
            finally:
                with contextlib.suppress(OSError):
                    state.write_process("starting", None)
    finally:
        for item in reserved:
            item.close()


def _refuse_running(state: State) -> None:
    run, supervisor = state.read_run(), state.read_process("supervisor")
    if run is not None and supervisor is not None and find(supervisor) is not None:
        raise PlatformError(
            f"{state.folder}: a platform runs there already at {run.base_url}; "
            f"stop it with: phantommesh down --state {state.folder}"
        )
    stop_everything(state)  # what a crashed run left


def _start(state: State, wish: Wish, interrupting: Interrupting, numbers: list[int]) -> dict[str, Any]:
    user = server.system_user()
    run = _place(state, wish, numbers, user)
    _refuse_missing_secrets(run, wish)
    state.write_run(run)  # before anything of it is made: what is made is then found, however this ends
    if wish.scaling is not None:
        state.write_scaling(wish.scaling)
    state.config.write_bytes(to_json(_with_cache(wish, run)))
    _make_folders(run)
    _empty_folders(state, wish.keep_data)
    bin_dir = server.programs(Path(run.runtime_dir), user)
    server.give(Path(run.database_socket_dir), user)
    data_dir = Path(run.data_dir)
    if not (data_dir / "PG_VERSION").is_file():
        shutil.rmtree(data_dir, ignore_errors=True)
        server.create_data(bin_dir, data_dir, user)
    server.configure(data_dir, run.database_socket_dir, wish.config.database.pool_max)
    program = settings.DatabaseProgram(bin_dir / "postgres", None if user is None else user.pw_name)
    settings.write(state, run, program, wish.config.system.drain_s, as_root=os.geteuid() == 0)
    supervisor = _supervise(state)
    with interrupting.held():
        asyncio.run(_with_database(state, run, supervisor, interrupting))
        return _await_ready(state, supervisor, interrupting)


def _with_cache(wish: Wish, run: Run) -> Config:
    """The configuration with the address of the cache that is started. Raises PlatformError when it names another."""
    cache = wish.config.cache
    if not wish.cache:
        return wish.config
    if cache.url is not None:
        raise PlatformError(f"--valkey: the configuration names a cache already ({cache.url}); leave one of them out")
    return replace(wish.config, cache=replace(cache, url=f"unix://{run.cache_socket}"))


def _refuse_missing_secrets(run: Run, wish: Wish) -> None:
    """A replica would end at once, again and again; here it is one line."""
    try:
        channel_endpoints(run.sink, wish.config.alert_routing)
    except SecretError as error:
        raise PlatformError(str(error)) from error


def _place(state: State, wish: Wish, numbers: list[int], user: pwd.struct_passwd | None) -> Run:
    """Decide on folders: a new one for sockets; the data in the state folder where the database's user can get there,
    otherwise in the system's temporary folder, which the state folder remembers."""
    data_dir, apart = state.folder / "postgres", not server.reaches(state.folder, user)
    if apart:
        note = state.folder / "data-folder"
        kept = _kept(note) if note.is_file() else None
        if kept is not None and not wish.keep_data:
            shutil.rmtree(kept.parent, ignore_errors=True)
            kept = None
        data_dir = kept or _temporary("data-") / "postgres"
        note.write_text(str(data_dir))
    port, sink_port, sink_smtp_port, vpn_port, *others = numbers
    admin_ports = others[: wish.most_replicas + wish.vpn_replicas]
    runtime_dir = str(_temporary(""))
    run = Run(
        runtime_dir, str(data_dir), apart, wish.keep_data, port=port, sink_port=sink_port,
        sink_smtp_port=sink_smtp_port,
        admin_ports=tuple(admin_ports[: wish.most_replicas]), vpn_port=vpn_port,
        vpn_admin_ports=tuple(admin_ports[wish.most_replicas :]), least_replicas=wish.replicas,
        links=_links(wish.links, others[len(admin_ports) :]), has_cache=wish.cache,
    )  # fmt: skip
    folders = (run.database_socket_dir, *(run.seen_by(link.source).database_socket_dir for link in run.links))
    databases = (f"{folder}/.s.PGSQL.5432" for folder in folders)
    longest = max(*databases, run.supervisor_socket, run.cache_socket, key=len)
    if len(os.fsencode(longest)) > MAX_SOCKET_PATH_BYTES:
        raise PlatformError(f"{longest}: too long for a socket; set TMPDIR to a shorter folder")
    return run


def _links(names: tuple[str, ...], numbers: list[int]) -> tuple[Link, ...]:
    """A link for each name, with the ports that are left for it."""
    found, left = [], iter(numbers)
    for name in names:
        found.append(Link(name, next(left), tuple(next(left) for _ in range(LINKS[name]))))
    return tuple(found)


def _temporary(kind: str) -> Path:
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{kind}{secrets.token_hex(6)}"


def _kept(note: Path) -> Path:
    """The data folder of the last run. Raises PlatformError when it is not one that `up` made for this user."""
    folder = Path(note.read_text())
    ours = folder.parent.name.startswith(_PREFIX) and folder.name == "postgres" and not folder.parent.is_symlink()
    if not ours or (folder.parent.exists() and folder.parent.stat().st_uid != os.geteuid()):
        raise PlatformError(f"{note} names {folder}, which no up of this user made; remove that file")
    return folder


def _make_folders(run: Run) -> None:
    """Raises OSError when a folder with a new name is there already: it is someone else's."""
    # The database's user passes through to its own folder in it; nobody else finds anything to enter.
    Path(run.runtime_dir).mkdir(mode=0o711)
    for link in run.links:
        if link.target == "postgres":
            Path(run.seen_by(link.source).database_socket_dir).mkdir(mode=0o700)
    data_dir = Path(run.data_dir)
    if run.data_is_apart and not (run.keep_data and data_dir.parent.is_dir()):
        data_dir.parent.mkdir(mode=0o711)
    if not run.keep_data:
        shutil.rmtree(data_dir, ignore_errors=True)


def _empty_folders(state: State, keep_data: bool) -> None:
    shutil.rmtree(state.logs, ignore_errors=True)
    state.logs.mkdir()
    if not keep_data:
        shutil.rmtree(state.sink_record.parent, ignore_errors=True)
    state.sink_record.parent.mkdir(exist_ok=True)


def _supervise(state: State) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "phantommesh.supervision.daemon", str(state.folder)]
    with (state.logs / "supervisor.out").open("wb") as said:
        # A session of its own: Ctrl-C in the terminal of `up` must not reach it.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True, cwd="/"
        )
    state.write_process("supervisor", identify(process.pid))
    return process


async def _with_database(
    state: State, run: Run, supervisor: "subprocess.Popen[bytes]", interrupting: Interrupting
) -> None:
    creating = asyncio.create_task(schema.create(run.database, READY_S))
    try:
        while not creating.done() and not interrupting.came:
            _refuse_failed(state, supervisor)
            await asyncio.wait([creating], timeout=0.2)
        if not interrupting.came:
            creating.result()
    except TimeoutError as error:
        why = server.reason_in_log(state.logs / "postgres.log")
        raise PlatformError(f"PostgreSQL does not start: {why}; see {state.logs / 'postgres.log'}") from error
    except schema.AnotherSchemaError as error:
        raise PlatformError(f"{state.folder}: {error}, or start without --keep-data") from error
    finally:
        creating.cancel()


def _await_ready(state: State, supervisor: "subprocess.Popen[bytes]", interrupting: Interrupting) -> dict[str, Any]:
    end = time.monotonic() + READY_S
    while True:
        if interrupting.came:
            raise UpInterruptedError
        document = status(state)
        if document["state"] == READY:
            return document
        _refuse_failed(state, supervisor)
        if time.monotonic() > end:
            waiting = [item["replica"] for item in document["components"] if not item["ready"]]
            raise PlatformError(f"{', '.join(waiting)} not ready within {READY_S:.0f} s; see {state.logs}")
        time.sleep(0.05)


def _refuse_failed(state: State, supervisor: "subprocess.Popen[bytes]") -> None:
    """Raise PlatformError as soon as it is clear that a process cannot run."""
    if supervisor.poll() is not None:
        why = server.reason_in_log(state.logs / "supervisor.out")
        raise PlatformError(f"the supervisor ended: {why}; see {state.logs}")
    for info in supervised(state):
        if info["statename"] == "FATAL" or (info["statename"] == "BACKOFF" and info["name"] == "postgres"):
            log = state.logs / f"{info['name']}.log"
            why = server.reason_in_log(log) if log.is_file() and log.stat().st_size else info["spawnerr"]
            raise PlatformError(f"{info['name']} does not start: {why or 'it ends at once'}; see {state.logs}")


def _undo(state: State) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    stop_everything(state)


def _system_problem(state: State, error: OSError) -> str:
    where = error.filename or state.folder
    remedy = {errno.ENOSPC: "free some space", errno.EACCES: "choose a folder this user may write"}
    return f"{where}: {error.strerror or error}; {remedy.get(error.errno or 0, 'choose another state folder')}"
