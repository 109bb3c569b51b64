"""`make benchmark`: every figure of docs/benchmarks.md, three runs each, median and spread.

``--json`` prints them as JSON. Progress goes to standard error.
"""

import json
import platform
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import end_to_end
import generator_freeze
import generator_lag
import inference
import validate_start

RUNS = 3
BENCHMARKS: dict[str, Callable[[], dict[str, float]]] = {
    "readiness validate": validate_start.measure,
    "generator at 25,000/min": generator_lag.measure,
    "server frozen for 1 s": generator_freeze.measure,
    "threat model, one thread": inference.measure,
    "platform at 5,000/min": end_to_end.measure,
}


def main() -> None:
    """Measure and print."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, measure in BENCHMARKS.items():
        runs = []
        for number in range(RUNS):
            print(f"{name}: run {number + 1} of {RUNS}", file=sys.stderr, flush=True)
            runs.append(measure())
        found[name] = {key: _spread([run[key] for run in runs]) for key in runs[0]}
    if "--json" in sys.argv:
        print(json.dumps({"machine": _machine(), "runs": RUNS, "figures": found}, indent=2))
        return
    print(f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}; median of {RUNS} runs (least to most)")
    for name, figures in found.items():
        print(f"\n{name}")
        for key, value in figures.items():
            print(f"  {key:36} {value['median']:10.3f}  ({value['least']:.3f} to {value['most']:.3f})")


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def _machine() -> dict[str, Any]:
    import psutil

    memory_gib = round(psutil.virtual_memory().total / 2**30)
    return {"cores": psutil.cpu_count(), "memory_gib": memory_gib, "python": platform.python_version()}


if __name__ == "__main__":
    main()
