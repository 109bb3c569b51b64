"""What load generators usually do, as yardsticks: users that wait for each answer before they send again."""

import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

USERS = 8
_START_S, _END_S = 60, 60


@dataclass(frozen=True)
class Report:
    """What a tool says of its load, and what it took: p99 of the latency in ms, how many requests it sent, and its CPU
    time for 1,000 of them in s (from its first request on)."""

    p99_ms: float
    requests: int
    cpu_s_per_1000: float


def tools() -> dict[str, Callable[[Path, str, float, float, Callable[[], None]], Report]]:
    """Name -> a function of (folder for files, URL, requests/s in all, length in s, what to do once it sends). hey
    (github.com/rakyll/hey) only where it is installed: Debian has a package of that name."""
    found = {"Locust's user": _locust}
    if shutil.which("hey"):
        return found | {"hey": _hey}
    print("hey is not installed, so it is not compared (Debian: apt-get install hey)", file=sys.stderr)
    return found


def _locust(folder: Path, url: str, rate_per_s: float, length_s: float, once_begun: Callable[[], None]) -> Report:
    command = [sys.executable, "-m", "locust", "-f", str(Path(__file__).parent / "closed_loop.py"), "--headless",
               "--users", str(USERS), "--spawn-rate", str(USERS), "--run-time", f"{length_s:g}s",
               "--host", url.removesuffix("/v1/events"), "--csv", str(folder / "closed"), "--only-summary",
               "--loglevel", "ERROR"]  # fmt: skip
    began = folder / "began"
    variables = {"CLOSED_LOOP_RATE_PER_USER": str(rate_per_s / USERS), "CLOSED_LOOP_MARK": str(began)}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | variables
    )
    deadline = time.monotonic() + _START_S
    while not began.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError("the closed loop did not start")
        time.sleep(0.01)  # between two looks at the condition
    before = psutil.Process(process.pid).cpu_times()
    once_begun()
    cpu_s = _ended(process) - before.user - before.system
    with (folder / "closed_stats.csv").open() as source:
        total = next(row for row in csv.DictReader(source) if row["Name"] == "Aggregated")
    requests = int(total["Request Count"])
    return Report(float(total["99%"]), requests, cpu_s / requests * 1000)


def _hey(folder: Path, url: str, rate_per_s: float, length_s: float, once_begun: Callable[[], None]) -> Report:
    body, answers = folder / "body.json", folder / "answers.csv"
    body.write_text("{}")
    command = ["hey", "-z", f"{length_s:g}s", "-c", str(USERS), "-q", f"{rate_per_s / USERS:g}", "-m", "POST",
               "-T", "application/json", "-D", str(body), "-o", "csv", url]  # fmt: skip
    with answers.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        once_begun()
        cpu_s = _ended(process)
    with answers.open() as source:
        latencies_s = np.array([float(row["response-time"]) for row in csv.DictReader(source)])
    return Report(float(np.percentile(latencies_s, 99)) * 1e3, len(latencies_s), cpu_s / len(latencies_s) * 1000)


def _ended(process: "subprocess.Popen[bytes]") -> float:
    """Wait for its end; its CPU time in s. Raises RuntimeError when it does not end or fails."""
    deadline = time.monotonic() + _END_S
    while time.monotonic() < deadline:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
            return used.ru_utime + used.ru_stime
        time.sleep(0.05)  # between two looks at the condition
    process.kill()
    raise RuntimeError(f"{process.args!r} did not end")
