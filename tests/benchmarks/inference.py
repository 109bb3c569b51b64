"""The threat model in a process of its own, as a replica holds it: time of a score and of a whole assessment of
recorded alerts, and what the model adds to the process's memory.

As a program (``inference.py MODELS EVENTS``) it is that process and prints the figures as JSON.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from target import at_most

ROOT = Path(__file__).parents[2]
COUNT, ROUNDS = 3_000, 20
TARGETS = {"inference p50 us": at_most(20), "inference p95 us": at_most(50), "inference p99 us": at_most(150)}


def measure() -> dict[str, float]:
    """Microseconds an event, p50, p95, p99; MB of resident memory that loading the model adds; ms to load it."""
    sys.path.insert(0, str(ROOT / "scenarios" / "locust"))
    from recorded_alerts import drawn_alerts

    with tempfile.TemporaryDirectory() as folder:
        events, models = Path(folder) / "events.ndjson", Path(folder) / "models"
        events.write_bytes(b"\n".join(drawn_alerts(COUNT)))
        train = [sys.executable, "-m", "phantommesh", "train", "--events", str(events), "--models", str(models)]
        subprocess.run(train, check=True, stdout=subprocess.DEVNULL)
        command = [sys.executable, str(Path(__file__)), str(models), str(events)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _process(models: Path, events: Path) -> dict[str, float]:
    import asyncpg  # noqa: F401 - a replica has it, too
    from phantommesh.automation.events import observe
    from phantommesh.config.model import RiskThresholds, ThreatAssessment
    from phantommesh.threat_model.features import features
    from phantommesh.threat_model.history import NO_HISTORY
    from phantommesh.threat_model.threat_model import ThreatModel

    observed = [observe(line, 0) for line in events.read_bytes().splitlines()]
    model = ThreatModel("benchmark", ThreatAssessment(RiskThresholds(9.0, 7.0, 4.0), 0.7), models)
    for event in observed:  # what Python keeps of texts and addresses is not the model's
        model.assess(event)
        features(event, NO_HISTORY)
    before_mb, started = _resident_mb(), time.perf_counter()
    if not model.look_for_model():
        raise RuntimeError("no model came into force")
    load_ms = (time.perf_counter() - started) * 1000
    rows = [features(event, NO_HISTORY) for event in observed]
    figures = _percentiles("inference", model.model.scorer.score, rows)
    figures |= _percentiles("assessment", model.assess, observed)
    return figures | {"model adds MB": _resident_mb() - before_mb, "load ms": load_ms}


def _percentiles(name: str, call: Callable[[Any], object], inputs: list[Any]) -> dict[str, float]:
    taken, clock = [], time.perf_counter_ns
    for _ in range(ROUNDS):
        for item in inputs:
            started = clock()
            call(item)
            taken.append(clock() - started)
    taken.sort()
    return {f"{name} p{share * 100:g} us": taken[int(len(taken) * share)] / 1000 for share in (0.5, 0.95, 0.99)}


def _resident_mb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


if __name__ == "__main__":
    print(json.dumps(_process(Path(sys.argv[1]), Path(sys.argv[2]))))
