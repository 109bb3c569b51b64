"""The settings file of supervisord for one run."""

import math
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from phantommesh.supervision import cache_server
from phantommesh.supervision.state import Run, State

_LOG_BYTES = "10MB"
SCALED_GROUP = "automation-scaled"
FINISH_S = 9.5  # a replica ends its work after the drain; longer than that, and it is killed


@dataclass(frozen=True, slots=True)
class DatabaseProgram:
    """How the database server runs: its program, and the user it must become (None: the present one)."""

    program: Path
    user: str | None


def write(state: State, run: Run, database: DatabaseProgram, drain_s: float, as_root: bool) -> None:
    """Write supervisord's settings into the state folder. drain_s: how long a replica serves after SIGTERM."""
    parts = [
        _section("supervisord", {
            "logfile": state.logs / "supervisord.log", "logfile_maxbytes": _LOG_BYTES, "logfile_backups": 1,
            "pidfile": state.folder / "supervisord.pid", "childlogdir": state.logs, "directory": "/",
            "silent": "true", "nocleanup": "true", **({"user": "root"} if as_root else {}),
        }),
        _section("unix_http_server", {"file": run.supervisor_socket, "chmod": "0700"}),
        _section("rpcinterface:supervisor", {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"}),
        _program("postgres", state, _command(str(database.program), "-D", run.data_dir), {
            "priority": 10, "stopsignal": "INT", "stopwaitsecs": 15, "startretries": 20,
            "environment": 'TZ="UTC",LC_ALL="C"', **({"user": database.user} if database.user else {}),
        }),
        _program("sink", state, _python("phantommesh.sink", state), {"priority": 20, "stopwaitsecs": 5}),
        _replicas("vpn-core", state, "phantommesh.vpn_core", len(run.vpn_admin_ports), {
            "priority": 25, "stopwaitsecs": 8}),
        _replicas("automation", state, "phantommesh.automation", run.always, {
            "priority": 30, "stopwaitsecs": math.ceil(drain_s + FINISH_S)}),
        *_scaled(state, run, math.ceil(drain_s + FINISH_S)),
    ]  # fmt: skip
    if run.has_cache:
        command = _command(str(cache_server.program()), *cache_server.arguments(run.cache_socket, run.runtime_dir))
        parts.append(_program("valkey", state, command, {"priority": 12, "stopwaitsecs": 5}))
    if run.links:
        parts.append(_replicas("link", state, "phantommesh.links", len(run.links), {"priority": 15, "stopwaitsecs": 5}))
    state.supervisor_settings.write_text("\n".join(parts))


def _scaled(state: State, run: Run, stop_s: int) -> list[str]:
    """The replicas that only run when the scaler starts them, and the scaler; nothing where nothing is scaled."""
    more = len(run.admin_ports) - run.always
    if more <= 0:
        return []
    return [
        _program(SCALED_GROUP, state, _python("phantommesh.automation", state) + " %(process_num)d", {
            "numprocs": more, "numprocs_start": run.always, "process_name": "automation-%(process_num)d",
            "autostart": "false", "priority": 30, "stopwaitsecs": stop_s}),
        _program("scaler", state, _python("phantommesh.supervision.scaler", state), {
            "priority": 40, "stopwaitsecs": 5}),
    ]  # fmt: skip


def _section(name: str, values: dict[str, object]) -> str:
    # Values that are paths may hold a percent sign; supervisord expands %(name)s in them.
    lines = [f"{key}={_plain(value) if isinstance(value, Path) else value}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _program(name: str, state: State, command: str, values: dict[str, object]) -> str:
    # supervisord expands the name of a log twice.
    log_name = f"{name}.log" if "numprocs" not in values else f"{name}-%(process_num)d.log"
    return _section(f"program:{name}", {
        "command": command, "directory": "/", "autostart": "true", "autorestart": "true", "startsecs": 1,
        "startretries": 10, "redirect_stderr": "true",
        "stdout_logfile": f"{_plain(_plain(state.logs))}/{log_name}", "stdout_logfile_maxbytes": _LOG_BYTES,
        "stdout_logfile_backups": 1, **values,
    })  # fmt: skip


def _replicas(name: str, state: State, module: str, count: int, values: dict[str, object]) -> str:
    return _program(name, state, _python(module, state) + " %(process_num)d", {
        "numprocs": count, "process_name": "%(program_name)s-%(process_num)d", **values})  # fmt: skip


def _python(module: str, state: State) -> str:
    return _command(sys.executable, "-P", "-m", module, str(state.folder))


def _command(*arguments: str) -> str:
    return _plain(shlex.join(arguments))


def _plain(value: object) -> str:
    return str(value).replace("%", "%%")
