"""How much of a one-second stall of the server a load generator reports: ours beside closed loops."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import closed_loops
import generator_run
import numpy as np
from freezable_server import FreezableServer, freezable_server
from target import Target, at_most

RATE_PER_S, MEASURE_S, FREEZE_AFTER_S, FREEZE_S = 200.0, 10.0, 3.0, 1.0
ERROR = "ours: error of p99 %"
TARGETS: dict[str, Target] = {ERROR: at_most(5)}


def measure() -> dict[str, float]:
    """p99 in ms: the truth, what ours reports and its error in percent (without its sign), and what each closed loop
    reports for an equal stall at an equal mean rate; beside it the CPU time of each for 1,000 requests."""
    with tempfile.TemporaryDirectory() as folder, freezable_server() as server:
        true_ms, ours_ms, cpu_s = _open_loop(Path(folder), server)
    found = {"true p99 ms": true_ms, "ours: p99 ms": ours_ms, ERROR: abs(ours_ms / true_ms - 1) * 100,
             "ours: CPU s per 1,000 requests": cpu_s}  # fmt: skip
    for name, run in closed_loops.tools().items():
        with tempfile.TemporaryDirectory() as folder, freezable_server() as server:
            report = run(Path(folder), server.url, RATE_PER_S, MEASURE_S, _freezing(server))
        found |= {
            f"{name}: p99 ms": report.p99_ms,
            f"{name}: hides it, times": true_ms / report.p99_ms,
            f"{name}: CPU s per 1,000 requests": report.cpu_s_per_1000,
        }
    return found


def _freeze(server: FreezableServer, at_ns: int) -> tuple[int, int]:
    """Freeze for a second from ``at_ns`` (epoch) on; when it really began and ended."""
    time.sleep(max(0.0, (at_ns - time.time_ns()) / 1e9))
    frozen_ns = time.time_ns()
    server.freeze()
    time.sleep(FREEZE_S)  # the stall that is being measured
    server.thaw()
    return frozen_ns, time.time_ns()


def _freezing(server: FreezableServer) -> Callable[[], None]:
    def freeze() -> None:
        _freeze(server, time.time_ns() + round(FREEZE_AFTER_S * 1e9))

    return freeze


def _open_loop(folder: Path, server: FreezableServer) -> tuple[float, float, float]:
    run = generator_run.start(folder, server.url, RATE_PER_S, MEASURE_S)
    deadline = time.monotonic() + 60
    while not (folder / "phases.json").exists():
        if run.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the generator did not start")
        time.sleep(0.01)
    start_ns = json.loads((folder / "phases.json").read_text())["phases"][1]["start_ns"]
    frozen_ns, thawed_ns = _freeze(server, start_ns + round(FREEZE_AFTER_S * 1e9))
    facts = run.finish(60)
    rows = run.measured()
    intended = np.array([int(row["intended_ns"]) for row in rows])
    reported = np.array([int(row["done_ns"]) for row in rows]) - intended
    # What the frozen server alone adds; the few tenths of a ms that it needs otherwise are left out of the truth.
    truth = np.where((intended >= frozen_ns) & (intended < thawed_ns), thawed_ns - intended, 0)
    p99_ms = [float(np.percentile(values, 99)) / 1e6 for values in (truth, reported)]
    return p99_ms[0], p99_ms[1], float(facts["cpu_s_per_1000_requests"])
