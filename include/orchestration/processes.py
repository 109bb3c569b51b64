"""Processes that must not outlive their owner: named by pid and start time, stopped politely, then for good."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class ProcessIdentity:
    """A pid alone may belong to somebody else tomorrow; with the start time (epoch, seconds) it does not."""

    pid: int
    started_s: float

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity | None":
        """The process that has this pid now; None if there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def find(self) -> psutil.Process | None:
        """The process, if it is still there."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started_s) < 0.05 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return found if same else None


def descendants(pids: Iterable[int]) -> list[ProcessIdentity]:
    """Every process below these, at this moment."""
    found: list[ProcessIdentity] = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found.append(ProcessIdentity(child.pid, child.create_time()))
    return found


def stop_all(identities: Iterable[ProcessIdentity], grace_s: float) -> int:
    """SIGTERM to each that is still there, SIGKILL to what has not ended after ``grace_s``. How many were there."""
    alive = [process for identity in identities if (process := identity.find())]
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(alive, timeout=grace_s)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return len(alive)
