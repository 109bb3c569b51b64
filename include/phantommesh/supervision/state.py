"""The state folder: everything that the commands and the processes of one platform know of each other.

run.json       how this run was started, written by `up` before anything starts, removed by `down` at the very end
config.json    the resolved configuration; a replica that is restarted reads the same
children.json  the supervised processes, kept current by the supervisor
scaling.json   the settings that replicas are scaled by, where they are; scale.json  the scaler's last decision
supervisor.json, starting.json   the supervisor, an `up` at work
lock           held by `up` and `down` while they work
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from phantommesh.placement import Address, Database, Placement, Sink
from phantommesh.scaling.settings import Scaling, from_document
from phantommesh.supervision.failure import PlatformError
from phantommesh.supervision.ports import HOST


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process: its id and when it started (epoch, seconds)."""

    pid: int
    started_s: float


LINKS: dict[str, int] = {
    "automation:vpn-core": 1, "automation:sink": 2, "automation:postgres": 0, "vpn-core:postgres": 0,
}  # fmt: skip
"""The connections between parts that can be led through a link, and how many ports each needs (the database has a
unix socket)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A connection from one part to another that goes through a proxy. entry_ports: where the proxy takes it."""

    name: str
    admin_port: int
    entry_ports: tuple[int, ...]

    @property
    def source(self) -> str:
        """The component that connects."""
        return self.name.split(":")[0]

    @property
    def target(self) -> str:
        """The component that it connects to."""
        return self.name.split(":")[1]


@dataclass(frozen=True, slots=True)
class Run:
    """How a run was started. Folders are absolute paths.

    runtime_dir: short, in the system's temporary folder: sockets, whose paths may have 107 bytes.
    data_dir: the database; data_is_apart when it could not be kept in the state folder.
    links: connections that are led through a proxy; database_dir: the socket's folder below runtime_dir.
    admin_ports: of all replicas that there may ever be; least_replicas of them run whatever the load (0: all).
    """

    runtime_dir: str
    data_dir: str
    data_is_apart: bool
    keep_data: bool
    port: int
    sink_port: int
    sink_smtp_port: int
    admin_ports: tuple[int, ...]
    vpn_port: int
    vpn_admin_ports: tuple[int, ...]
    least_replicas: int = 0
    links: tuple[Link, ...] = ()
    database_dir: str = "db"
    has_cache: bool = False

    @property
    def always(self) -> int:
        """How many replicas of automation run whatever the load."""
        return self.least_replicas or len(self.admin_ports)

    def seen_by(self, component: str) -> "Run":
        """The run with the addresses that a component has to use: those of its links, where it has any."""
        seen = self
        for link in (link for link in self.links if link.source == component):
            if link.target == "postgres":
                seen = replace(seen, database_dir=f"link-{component}")
            elif link.target == "vpn-core":
                seen = replace(seen, vpn_port=link.entry_ports[0])
            else:
                seen = replace(seen, sink_port=link.entry_ports[0], sink_smtp_port=link.entry_ports[1])
        return seen

    def placement(self, component: str, index: int) -> Placement:
        """Of a replica of automation or vpn-core."""
        seen = self.seen_by(component)
        if component == "vpn-core":
            ports = self.vpn_admin_ports
            return Placement(HOST, self.vpn_port, ports[index], len(ports), seen.database)
        ports, vpn_core = self.admin_ports, Address(HOST, seen.vpn_port)
        return Placement(HOST, self.port, ports[index], len(ports), seen.database, vpn_core, seen.sink)

    @property
    def database(self) -> Database:
        """The run's own."""
        return Database(self.database_socket_dir)

    @property
    def sink(self) -> Sink:
        """The run's own."""
        return Sink(Address(HOST, self.sink_port), Address(HOST, self.sink_smtp_port))

    @property
    def base_url(self) -> str:
        """Where the service is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def vpn_url(self) -> str:
        """Where the mesh's control plane is."""
        return f"http://127.0.0.1:{self.vpn_port}"

    @property
    def sink_url(self) -> str:
        """Where the measuring end of the channels is."""
        return f"http://127.0.0.1:{self.sink_port}"

    @property
    def database_socket_dir(self) -> str:
        """The folder of the database's unix socket."""
        return f"{self.runtime_dir}/{self.database_dir}"

    @property
    def cache_socket(self) -> str:
        """The unix socket of the cache, where the run has one."""
        return f"{self.runtime_dir}/cache.sock"

    @property
    def supervisor_socket(self) -> str:
        """The supervisor's XML-RPC socket."""
        return f"{self.runtime_dir}/supervisor.sock"


@dataclass(frozen=True, slots=True)
class Scale:
    """A decision of the scaler: how many replicas of automation there should be, since when (epoch, seconds), and the
    CPU use it was made at, in per cent of the request (None: nothing could be measured)."""

    replicas: int
    at_s: float
    use_percent: float | None


class State:
    """One state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.abspath(folder))  # noqa: PTH100  resolve() would follow links a user set on purpose
        self.logs = self.folder / "log"
        self.config = self.folder / "config.json"
        self.sink_record = self.folder / "sink" / "deliveries.ndjson"
        self.supervisor_settings = self.folder / "supervisord.conf"

    def models(self, configured: str) -> Path:
        """The folder of the threat models: where it is configured to be, below the state folder if that is relative."""
        return self.folder / configured

    def read_run(self) -> Run | None:
        """The recorded run, or None. Raises PlatformError when the record is not readable."""
        raw = self._read("run.json")
        if raw is None:
            return None
        try:
            ports = {name: tuple(raw[name]) for name in ("admin_ports", "vpn_admin_ports")}
            links = [Link(**{**link, "entry_ports": tuple(link["entry_ports"])}) for link in raw["links"]]
            return Run(**{**raw, **ports, "links": tuple(links)})
        except (TypeError, KeyError) as error:
            raise PlatformError(f"{self.folder / 'run.json'}: not a run record of this version; remove it") from error

    def write_run(self, run: Run) -> None:
        """Record a run, at once or not at all."""
        self._write("run.json", asdict(run))

    def forget_run(self) -> None:
        """Remove what describes a run that is over."""
        for name in ("children.json", "supervisor.json", "scale.json", "scaling.json", "run.json"):
            (self.folder / name).unlink(missing_ok=True)

    def write_scaling(self, scaling: Scaling) -> None:
        """Record the settings that replicas are scaled by."""
        self._write("scaling.json", asdict(scaling))

    def read_scaling(self) -> Scaling | None:
        """The recorded settings; None where nothing is scaled. Raises PlatformError when they are not readable."""
        raw = self._read("scaling.json")
        try:
            return None if raw is None else from_document(raw)
        except (TypeError, KeyError, ValueError) as error:
            raise PlatformError(f"{self.folder / 'scaling.json'}: not settings of this version; remove it") from error

    def write_scale(self, scale: Scale) -> None:
        """Record what the scaler decided."""
        self._write("scale.json", asdict(scale))

    def read_scale(self) -> Scale | None:
        """The scaler's last decision, or None."""
        raw = self._read("scale.json")
        return None if raw is None else Scale(**raw)

    def read_process(self, role: str) -> ProcessId | None:
        """The recorded process of a role: supervisor or starting."""
        raw = self._read(f"{role}.json")
        return None if raw is None else ProcessId(raw["pid"], raw["started_s"])

    def write_process(self, role: str, process: ProcessId | None) -> None:
        """Record the process of a role; None removes the record."""
        if process is None:
            (self.folder / f"{role}.json").unlink(missing_ok=True)
        else:
            self._write(f"{role}.json", asdict(process))

    def read_children(self) -> dict[str, ProcessId]:
        """The supervised processes by name: automation-0 ..., vpn-core-0 ..., postgres, sink, link-0 ...."""
        raw = self._read("children.json") or {}
        return {name: ProcessId(item["pid"], item["started_s"]) for name, item in raw.items()}

    def write_children(self, children: dict[str, ProcessId]) -> None:
        """Record the supervised processes."""
        self._write("children.json", {name: asdict(process) for name, process in children.items()})

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Hold the folder's lock, without waiting; yields whether it was free."""
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise PlatformError(f"{self.folder / name}: not JSON ({error}); remove the state folder") from error

    def _write(self, name: str, value: object) -> None:
        draft = self.folder / f".{name}.draft"
        draft.write_text(json.dumps(value))
        draft.replace(self.folder / name)
