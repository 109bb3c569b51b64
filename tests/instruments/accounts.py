"""What the platform's processes used: CPU, memory, bytes received.

CPU counts children that ended, too: the kernel adds a child's time to its parent when the parent collects it, so the
sum over the living tree of own and collected time misses nothing that any of them ever used. (A control group would
tell the same; it needs rights that a user may not have.)
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import psutil
from scipy.stats import theilslopes

from instruments.running import RunningPlatform

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """Used so far. cpu_s by group: replicas, postgres, sink, supervisor (with whatever ended under it)."""

    at_ns: int
    cpu_s: dict[str, float]
    sink_read_bytes: int
    loopback_bytes: int

    def since(self, before: Self) -> "Usage":
        """What was used since an earlier look."""
        cpu_s = {group: used - before.cpu_s.get(group, 0.0) for group, used in self.cpu_s.items()}
        return Usage(
            self.at_ns - before.at_ns, cpu_s,
            self.sink_read_bytes - before.sink_read_bytes, self.loopback_bytes - before.loopback_bytes,
        )  # fmt: skip

    @property
    def total_cpu_s(self) -> float:
        """Of all groups."""
        return sum(self.cpu_s.values())


class Accounts:
    """Looks at the processes of one platform."""

    def __init__(self, platform: RunningPlatform) -> None:
        """Finds the processes; those below them are found anew at each look."""
        pids = platform.pids()
        self.replicas = {name: pid for name, pid in pids.items() if name.startswith("automation-")}
        self._postgres, self._sink = pids["postgres-0"], pids["sink-0"]
        self._supervisor = psutil.Process(self._sink).ppid()

    def look(self) -> Usage:
        """What was used until now."""
        backends = [self._postgres, *(item.pid for item in psutil.Process(self._postgres).children(recursive=True))]
        groups = {
            "replicas": list(self.replicas.values()), "postgres": backends, "sink": [self._sink],
            "supervisor": [self._supervisor],
        }  # fmt: skip
        cpu_s = {group: sum(map(cpu_s_of, pids)) for group, pids in groups.items()}
        return Usage(time.time_ns(), cpu_s, _read_bytes(self._sink), _loopback_bytes())

    def rss_bytes(self) -> dict[str, int]:
        """Resident memory of each replica."""
        return {name: _rss_bytes(pid) for name, pid in self.replicas.items()}


@dataclass
class RssSeries:
    """Resident memory over time. rows: monotonic seconds, bytes of each replica."""

    names: list[str]
    rows: list[tuple[float, list[int]]] = field(default_factory=list)

    def highest_bytes(self) -> int:
        """The most that any replica had."""
        return max(max(values) for _, values in self.rows)

    def slope_bytes_per_h(self, settle_share: float = 0.2) -> dict[str, tuple[float, float, float]]:
        """For each replica the Theil-Sen slope with its 95 % interval (Sen 1968), without the first share of the
        series, in which caches fill."""
        kept = self.rows[int(len(self.rows) * settle_share) :]
        hours = np.array([at_s for at_s, _ in kept]) / 3600
        found = {}
        for column, name in enumerate(self.names):
            slope, _, low, high = theilslopes(np.array([values[column] for _, values in kept]), hours, 0.95)
            found[name] = (float(slope), float(low), float(high))
        return found


@contextmanager
def watch_rss(accounts: Accounts, every_s: float) -> Iterator[RssSeries]:
    """Look at the replicas' memory at equal intervals, in a thread."""
    series = RssSeries(list(accounts.replicas))
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every_s):
            series.rows.append((time.monotonic(), list(accounts.rss_bytes().values())))

    thread = threading.Thread(target=watch, name="rss", daemon=True)
    thread.start()
    try:
        yield series
    finally:
        over.set()
        thread.join()


def cpu_s_of(pid: int) -> float:
    """Own and collected children's time; 0 for a process that is gone (its parent has collected it)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS_PER_S


def _rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def _read_bytes(pid: int) -> int:
    """Bytes that a process took by read(2), from sockets, too; the sink reads nothing else while it takes alerts."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.partition(":")[2]) for line in lines if line.startswith("rchar:"))


def _loopback_bytes() -> int:
    """Bytes that crossed the loopback device, headers included, of everything on this machine."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name.strip() == "lo":
            return int(rest.split()[0])
    raise OSError("no loopback device")
