"""Killing one component of a platform, and waiting until the platform is whole again."""

import os
import signal
import time
from typing import Any

import psutil
from instruments.running import RunningPlatform, until

WHOLE_S = 60.0
_SAME_S = 30.0


def replicas(document: dict[str, Any]) -> dict[str, int]:
    """The living replicas of the service in a status, with their processes."""
    return {
        item["replica"]: item["pid"]
        for item in document["components"]
        if item["component"] == "automation" and item["pid"] is not None
    }


def pid_of(document: dict[str, Any], replica: str) -> int:
    """The process of a component in a status."""
    return int(next(item["pid"] for item in document["components"] if item["replica"] == replica))


def end(pid: int, how: signal.Signals) -> int:
    """Send a signal; when (epoch, ns)."""
    os.kill(pid, how)
    return time.time_ns()


def await_gone(pid: int) -> None:
    """Wait until a process has ended. Raises TimeoutError."""
    until(lambda: not _lives(pid), _SAME_S, f"process {pid} does not end")


def await_whole(platform: RunningPlatform, gone: int) -> dict[str, Any]:
    """Wait until the platform is ready again without a process that was killed. Raises TimeoutError."""
    await_gone(gone)
    return platform.await_ready(WHOLE_S)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
