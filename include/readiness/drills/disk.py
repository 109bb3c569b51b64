"""Disk full: the file system that a component writes to is filled up, where it serves nothing else.

Filling a disk that other things live on would harm them, and a lower limit for the size of files is another fault
(EFBIG instead of ENOSPC, and only for files that are large already). So a file system of its own is asked for: mount
a small one (tmpfs, a quota'd volume) and let the component keep its data there; otherwise the drill refuses.
"""

import os
import secrets
from pathlib import Path

import psutil

from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status, Victim, living
from readiness.model.drill import DiskFull

MOST_BYTES = 4 * 1024**3
_NAME = ".readiness-filler-"
_CHUNK = bytes(1024 * 1024)
_SHARED = ("/", "/home", "/tmp", "/var", "/usr", "/dev/shm", "/run")  # noqa: S108  folders to keep away from


class DiskFault:
    """A file that takes all the room that is left; removing it takes the fault back."""

    def __init__(self, step: DiskFull, around: Surroundings) -> None:
        self._step, self._around = step, around
        self._filler = Path()
        self.victims: list[Victim] = []

    def describe(self) -> str:
        return f"fill the disk of {self._step.component} for {self._step.lasts:g} s"

    def arm(self, status: Status) -> None:
        self._choose(status)

    def aim(self) -> None:
        self._choose(self._around.status())

    def _choose(self, status: Status) -> None:
        found = living(status, self._step.component)
        if not found:
            raise DrillError(f"{self.describe()}: nothing of it runs")
        folder = working_folder(found[0].pid)
        if reason := why_not(folder):
            raise DrillError(f"{self.describe()}: {folder} {reason}")
        self.victims, self._filler = found, folder / f"{_NAME}{secrets.token_hex(6)}"

    def leftover(self) -> Leftover | None:
        return {"kind": "file", "path": str(self._filler)}

    def inject(self) -> None:
        try:
            with self._filler.open("xb", buffering=0) as sink:
                while sink.tell() < MOST_BYTES:
                    sink.write(_CHUNK)
        except OSError as error:
            if error.errno not in _FULL:
                raise DrillError(f"{self.describe()}: {self._filler}: {error.strerror}") from error
            return
        raise DrillError(f"{self.describe()}: it took {MOST_BYTES:,} bytes and is not full")

    def hold(self) -> None:
        """Room that the component frees itself is its own to use."""

    def restore(self) -> None:
        remove(self._filler)


_FULL = frozenset(getattr(os, name, None) or number for name, number in (("ENOSPC", 28), ("EDQUOT", 122)))


def working_folder(pid: int) -> Path:
    """The folder in which the process works; a database server works in that of its data. Raises DrillError."""
    try:
        return Path(psutil.Process(pid).cwd())
    except psutil.Error as error:
        raise DrillError(f"process {pid}: its working folder cannot be read ({type(error).__name__})") from error


def why_not(folder: Path) -> str:
    """Why the file system of that folder must not be filled; empty if it may."""
    try:
        device = folder.stat().st_dev
        others = [other for other in _SHARED if Path(other).exists() and Path(other).stat().st_dev == device]
        room = os.statvfs(folder)
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if others:
        return (f"is on the file system of {others[0]}, which other things use; give the component a small file system "
                "of its own (a tmpfs, a volume with a quota) to let its disk be filled")  # fmt: skip
    if room.f_frsize * room.f_bavail > MOST_BYTES:
        return f"has more than {MOST_BYTES // 1024**3} GiB free; a smaller file system is needed to fill it in time"
    return ""


def remove(filler: Path) -> None:
    """Remove a filler; fine when it is gone. Raises DrillError for a file that is none."""
    if not filler.name.startswith(_NAME):
        raise DrillError(f"{filler} is no file that a drill made; it is left as it is")
    try:
        filler.unlink(missing_ok=True)
    except OSError as error:
        raise DrillError(f"{filler}: {error.strerror}; remove it by hand") from error
