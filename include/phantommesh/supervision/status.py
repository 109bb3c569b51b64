"""What runs of a state folder's platform, asked of the processes themselves."""

import contextlib
import http.client
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from phantommesh import __version__
from phantommesh.scaling.settings import Scaling
from phantommesh.supervision.processes import find
from phantommesh.supervision.state import Link, ProcessId, Run, Scale, State

TIMEOUT_S = 1.0
READY, DEGRADED, STOPPED = "ready", "degraded", "stopped"


def status(state: State) -> dict[str, Any]:
    """The status as docs/platform-api.md shows it. Raises PlatformError for an unreadable state folder."""
    run = state.read_run()
    if run is None:
        return _document(STOPPED, None, [])
    children = state.read_children()
    supervisor = state.read_process("supervisor")
    supervised = supervisor is not None and find(supervisor) is not None
    if not supervised and all(find(process) is None for process in children.values()):
        return _document(STOPPED, run, [])
    scaling, scale = state.read_scaling(), state.read_scale()
    wanted = scale.replicas if scaling is not None and scale is not None else run.always
    with ThreadPoolExecutor(max_workers=wanted + len(run.vpn_admin_ports) + 3) as pool:
        components = list(pool.map(lambda entry: _component(run, children, *entry), _expected(run, wanted)))
    links = [_link(children, index, link) for index, link in enumerate(run.links)]
    whole = supervised and all(part["ready"] for part in (*components, *links))
    document = _document(READY if whole else DEGRADED, run, components, _scaling(scaling, scale))
    return document | ({"links": links} if links else {})


def _scaling(scaling: Scaling | None, scale: Scale | None) -> dict[str, Any] | None:
    """The rule that replicas are scaled by and what it decided last; None where nothing is scaled."""
    if scaling is None:
        return None
    return {
        "min_replicas": scaling.least, "max_replicas": scaling.most, "target_percent": scaling.target_percent,
        "request_cores": scaling.request_cores, "replicas": scaling.least if scale is None else scale.replicas,
        "use_percent": None if scale is None else scale.use_percent,
        "decided_at_ns": None if scale is None else round(scale.at_s * 1e9),
    }  # fmt: skip


def _document(
    state: str, run: Run | None, components: list[dict[str, Any]], scaling: dict[str, Any] | None = None
) -> dict[str, Any]:
    base_url, sink_url, vpn_url = (None, None, None) if run is None else (run.base_url, run.sink_url, run.vpn_url)
    return {
        "state": state, "version": __version__, "base_url": base_url, "sink_url": sink_url, "vpn_url": vpn_url,
        "components": components, "scaling": scaling,
    }  # fmt: skip


def _expected(run: Run, wanted: int) -> list[tuple[str, str, str, int | None]]:
    """Component, replica, the name among the supervised processes, admin port; ``wanted`` replicas of automation."""
    replicas: list[tuple[str, str, str, int | None]] = [
        (component, f"{component}-{index}", f"{component}-{index}", port)
        for component, admin_ports in (("automation", run.admin_ports[:wanted]), ("vpn-core", run.vpn_admin_ports))
        for index, port in enumerate(admin_ports)
    ]
    others: list[tuple[str, str, str, int | None]] = [
        ("postgres", "postgres-0", "postgres", None), ("sink", "sink-0", "sink", run.sink_port),
    ]  # fmt: skip
    return [*replicas, *others, *([("valkey", "valkey-0", "valkey", None)] if run.has_cache else [])]


def _component(
    run: Run, children: dict[str, ProcessId], component: str, replica: str, name: str, port: int | None
) -> dict[str, Any]:
    process = children.get(name)
    alive = process is not None and find(process) is not None
    if component == "valkey":
        ready = alive and _cache_answers(run.cache_socket)
    elif port is None:
        ready = alive and _database_answers(f"{run.database_socket_dir}/.s.PGSQL.5432")
    else:
        ready = alive and _answers(port, "/healthz" if component == "sink" else "/readyz")
    return {
        "component": component, "replica": replica,
        "admin_url": None if port is None else f"http://127.0.0.1:{port}",
        "pid": process.pid if process is not None and alive else None, "ready": ready,
    }  # fmt: skip


def _link(children: dict[str, ProcessId], index: int, link: Link) -> dict[str, Any]:
    process = children.get(f"link-{index}")
    alive = process is not None and find(process) is not None
    return {
        "link": link.name, "admin_url": f"http://127.0.0.1:{link.admin_port}",
        "pid": process.pid if process is not None and alive else None,
        "ready": alive and _answers(link.admin_port, "/healthz"),
    }  # fmt: skip


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _cache_answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as session:
        session.settimeout(TIMEOUT_S)
        with contextlib.suppress(OSError):
            session.connect(path)
            session.sendall(b"PING\r\n")
            return session.recv(16) == b"+PONG\r\n"
    return False


def _database_answers(path: str) -> bool:
    """Whether the server lets a session begin (PostgreSQL 18 documentation, 54.2.1 Start-up)."""
    parameters = b"user\0phantommesh_app\0database\0phantommesh\0\0"
    start = struct.pack("!ii", 8 + len(parameters), 196608) + parameters
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as session:
        session.settimeout(TIMEOUT_S)
        with contextlib.suppress(OSError):
            session.connect(path)
            session.sendall(start)
            authentication_asked = session.recv(1) == b"R"
            session.sendall(b"X\0\0\0\4")
            return authentication_asked
    return False
