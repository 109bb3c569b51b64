"""What a process and all that it started use, for components that serve no metrics themselves."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class ProcessUse:
    """``private_bytes``: resident and not shared with other processes (shared buffers are counted in none);
    ``cpu_s``: processor time since the start, ended children included; ``started_s``: epoch."""

    private_bytes: int
    cpu_s: float
    started_s: float


def process_use(pid: int) -> ProcessUse | None:
    """Use of the process and its descendants; None when it is gone. A child that ends while it is read is left out."""
    try:
        root = psutil.Process(pid)
        started_s = root.create_time()
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    private_bytes, cpu_s = 0, 0.0
    for process in family:
        try:
            memory, times = process.memory_info(), process.cpu_times()
        except psutil.Error:
            if process is root:
                return None
            continue
        private_bytes += memory.rss - getattr(memory, "shared", 0)
        cpu_s += times.user + times.system + getattr(times, "children_user", 0) + getattr(times, "children_system", 0)
    return ProcessUse(private_bytes, cpu_s, started_s)
