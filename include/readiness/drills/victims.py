"""Who is hit: processes that the target's own status names, told from a later process with the same id."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

Status = dict[str, Any]


class DrillError(Exception):
    """A fault cannot be injected or taken back; one line for people."""


class Hit(Protocol):
    """Who was hit: a process or a pod."""

    @property
    def component(self) -> str: ...
    @property
    def replica(self) -> str: ...
    def facts(self) -> dict[str, Any]:
        """As ``drill.json`` has it (docs/archive.md)."""


@dataclass(frozen=True)
class Victim:
    """A process of the target. ``started``: when it started as the kernel counts it, which no wall clock bends."""

    component: str
    replica: str
    pid: int
    started: float

    def facts(self) -> dict[str, Any]:
        """See Hit."""
        return {"component": self.component, "replica": self.replica, "pid": self.pid}


def started(pid: int) -> float | None:
    """When the process started, in a count that is the same for every reader on this machine until it is booted
    again; None if there is none."""
    try:
        if not sys.platform.startswith("linux"):
            return psutil.Process(pid).create_time()
        # proc(5): field 22, clock ticks since boot; the second field is the name in parentheses, which may hold any.
        return float(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (OSError, psutil.Error):
        return None


def living(status: Status, component: str) -> list[Victim]:
    """The processes of a component that the status names and that live, in the order of the status."""
    found = []
    for part in status["components"]:
        since = started(part["pid"]) if part["component"] == component and part["pid"] else None
        if since is not None:
            found.append(Victim(component, part["replica"], part["pid"], since))
    return found


def is_there(pid: int, since: float) -> bool:
    """Whether that very process lives; one that only waits to be reaped does not."""
    try:
        return started(pid) == since and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def send(pid: int, since: float, number: signal.Signals) -> bool:
    """Send a signal to that very process; False if it is gone. Raises DrillError if it is not ours to signal."""
    if pid in (0, 1, os.getpid()):
        raise DrillError(f"process {pid} is none of the target's")
    handle = _open(pid)
    try:
        # With a handle on the process, an id that is given to another one after this look cannot be hit.
        if not is_there(pid, since):
            return False
        if handle is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(handle, number)
        return True
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise DrillError(f"process {pid} belongs to another user; run the pipeline as that user") from error
    finally:
        if handle is not None:
            os.close(handle)


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None  # not Linux, or gone: then is_there says so
