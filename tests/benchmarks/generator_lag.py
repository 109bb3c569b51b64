"""Send lag and CPU of the generator at 25,000 events/min against a cheap server on this machine."""

import tempfile
from pathlib import Path

import generator_run
from freezable_server import freezable_server
from target import Target, at_most, under

LAG, CPU = "send lag p99 ms", "CPU s per 1,000 requests"
TARGETS: dict[str, Target] = {LAG: under(5), CPU: at_most(0.15)}


def measure(rate_per_min: int = 25_000, measure_s: float = 30) -> dict[str, float]:
    """Send lag p50, p99 and maximum in ms; CPU s per 1,000 requests."""
    with tempfile.TemporaryDirectory() as folder, freezable_server() as server:
        run = generator_run.start(Path(folder), server.url, rate_per_min / 60, measure_s)
        facts = run.finish(measure_s + 60)
    lag = facts["send_lag_ms"]
    return {
        "send lag p50 ms": lag["p50"],
        LAG: lag["p99"],
        "send lag max ms": lag["max"],
        CPU: facts["cpu_s_per_1000_requests"],
    }
