"""How much of a one-second stall of the server a load generator reports: ours beside a closed-loop Locust user."""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import generator_run
import numpy as np
from freezable_server import FreezableServer, freezable_server

RATE_PER_S, MEASURE_S, FREEZE_AFTER_S, FREEZE_S = 200.0, 10.0, 3.0, 1.0
USERS = 8


def measure() -> dict[str, float]:
    """p99 in ms: the truth, what ours reports and its error in percent, what a closed loop reports for an equal
    stall at an equal mean rate."""
    with tempfile.TemporaryDirectory() as folder, freezable_server() as server:
        true_ms, ours_ms = _open_loop(Path(folder), server)
    with tempfile.TemporaryDirectory() as folder, freezable_server() as server:
        closed_ms = _closed_loop(Path(folder), server)
    error_percent = (ours_ms / true_ms - 1) * 100
    return {"true p99 ms": true_ms, "ours p99 ms": ours_ms, "ours error %": error_percent,
            "closed loop p99 ms": closed_ms, "hidden by the closed loop, times": true_ms / closed_ms}  # fmt: skip


def _freeze(server: FreezableServer, at_ns: int) -> tuple[int, int]:
    """Freeze for a second from ``at_ns`` (epoch) on; when it really began and ended."""
    time.sleep(max(0.0, (at_ns - time.time_ns()) / 1e9))
    frozen_ns = time.time_ns()
    server.freeze()
    time.sleep(FREEZE_S)  # the stall that is being measured
    server.thaw()
    return frozen_ns, time.time_ns()


def _open_loop(folder: Path, server: FreezableServer) -> tuple[float, float]:
    run = generator_run.start(folder, server.url, RATE_PER_S, MEASURE_S)
    deadline = time.monotonic() + 60
    while not (folder / "phases.json").exists():
        if run.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the generator did not start")
        time.sleep(0.01)
    start_ns = json.loads((folder / "phases.json").read_text())["phases"][1]["start_ns"]
    frozen_ns, thawed_ns = _freeze(server, start_ns + round(FREEZE_AFTER_S * 1e9))
    run.finish(60)
    rows = run.measured()
    intended = np.array([int(row["intended_ns"]) for row in rows])
    reported = np.array([int(row["done_ns"]) for row in rows]) - intended
    # What the frozen server alone adds; the few tenths of a ms that it needs otherwise are left out of the truth.
    truth = np.where((intended >= frozen_ns) & (intended < thawed_ns), thawed_ns - intended, 0)
    return float(np.percentile(truth, 99)) / 1e6, float(np.percentile(reported, 99)) / 1e6


def _closed_loop(folder: Path, server: FreezableServer) -> float:
    base = server.url.removesuffix("/v1/events")
    command = [sys.executable, "-m", "locust", "-f", str(Path(__file__).parent / "closed_loop.py"), "--headless",
               "--users", str(USERS), "--spawn-rate", str(USERS), "--run-time", f"{MEASURE_S:g}s", "--host", base,
               "--csv", str(folder / "closed"), "--only-summary", "--loglevel", "ERROR"]  # fmt: skip
    environment = {"CLOSED_LOOP_RATE_PER_USER": str(RATE_PER_S / USERS), "CLOSED_LOOP_MARK": str(folder / "began")}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environment
    )
    deadline = time.monotonic() + 60
    while not (folder / "began").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the closed loop did not start")
        time.sleep(0.01)
    _freeze(server, time.time_ns() + round(FREEZE_AFTER_S * 1e9))
    process.wait(60)
    with (folder / "closed_stats.csv").open() as source:
        total = [row for row in csv.DictReader(source) if row["Name"] == "Aggregated"]
    return float(total[0]["99%"])
