"""`make benchmark`: every figure of docs/benchmarks.md, median and spread, each beside what it must reach.

ONLY=platform (a group: pipeline, evidence, platform, yardstick; or a part of a name) chooses, as does --only. SHORT=1
or --short keeps the rates and shortens the times. RUNS=n or --runs n changes how often (three times; what takes an
hour, once). --json prints JSON. Progress goes to standard error.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "scenarios" / "locust"))

import end_to_end
import generator_freeze
import generator_lag
import inference
import interruption
import validate_start
from evidence import check_stage, ledger
from reference_platform import burst, memory, queue_full, steady, sustained
from target import Target
from yardstick import measured_yardstick, postgres_limit

RUNS = 3
Figures = dict[str, float]


@dataclass(frozen=True)
class Benchmark:
    """What is measured, and the targets of some of its figures. most_runs: for what takes very long."""

    group: str
    measure: Callable[[bool], Figures]
    targets: dict[str, Target] = field(default_factory=dict)
    most_runs: int = 1_000


def _plain(measure: Callable[[], Figures]) -> Callable[[bool], Figures]:
    return lambda _short: measure()


BENCHMARKS: dict[str, Benchmark] = {
    "readiness validate": Benchmark("pipeline", _plain(validate_start.measure)),
    "generator at 25,000/min": Benchmark("pipeline", _plain(generator_lag.measure), generator_lag.TARGETS),
    "server frozen for 1 s": Benchmark("pipeline", _plain(generator_freeze.measure), generator_freeze.TARGETS),
    "platform in the pipeline at 5,000/min": Benchmark("pipeline", _plain(end_to_end.measure)),
    "interruption of known length": Benchmark("evidence", interruption.measure, interruption.TARGETS, most_runs=1),
    "threat model, one thread": Benchmark("platform", _plain(inference.measure), inference.TARGETS),
    "platform at 25,000/min": Benchmark("platform", steady.measure, steady.TARGETS),
    "platform, an incident each": Benchmark("platform", steady.measure_incidents, steady.INCIDENT_TARGETS),
    "platform at 240,000/min, single": Benchmark("platform", sustained.measure_single, sustained.SINGLE_TARGETS),
    "platform at 600,000/min, batches of 50": Benchmark(
        "platform", sustained.measure_batched, sustained.BATCHED_TARGETS
    ),
    "platform, burst of 420,000/min": Benchmark("platform", burst.measure, burst.TARGETS),
    "platform, queue full": Benchmark("platform", queue_full.measure, queue_full.TARGETS),
    "platform, memory in flight": Benchmark("platform", memory.measure_in_flight, memory.IN_FLIGHT_TARGETS),
    "platform, memory over an hour": Benchmark("platform", memory.measure_flat, memory.FLAT_TARGETS, most_runs=1),
    "ledger of 3,600,000 events": Benchmark("evidence", ledger.measure, ledger.TARGETS),
    "check stage of a full sustained run": Benchmark("evidence", check_stage.measure, check_stage.TARGETS),
    "yardstick at 25,000/min": Benchmark("yardstick", measured_yardstick.measure_steady),
    "yardstick, the most it sustains": Benchmark("yardstick", measured_yardstick.measure_most),
    "limit: PostgreSQL's batched insert": Benchmark("yardstick", postgres_limit.measure),
}


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 1 when a target was not met."""
    wanted = _parse(arguments)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, benchmark in chosen(wanted.only).items():
        runs = []
        times = min(wanted.runs, benchmark.most_runs)
        for number in range(times):
            print(f"{name}: run {number + 1} of {times}", file=sys.stderr, flush=True)
            runs.append(benchmark.measure(wanted.short))
        keys = dict.fromkeys([*benchmark.targets, *(key for run in runs for key in run)])
        found[name] = {
            key: _judged([run.get(key, float("nan")) for run in runs], benchmark.targets.get(key)) for key in keys
        }
    if wanted.json:
        print(json.dumps({"machine": _machine(), "short": wanted.short, "figures": found}, indent=2))
    else:
        _print(found, wanted.short)
    return int(any(figure.get("met") is False for figures in found.values() for figure in figures.values()))


def chosen(only: str) -> dict[str, Benchmark]:
    """The benchmarks of a group, or with a word in their name; all for the empty word. Exits when there is none."""
    found = {name: item for name, item in BENCHMARKS.items() if only == item.group or only in name}
    if not found:
        groups = sorted({item.group for item in BENCHMARKS.values()})
        sys.exit(f"ONLY={only}: names nothing; legal are {', '.join(groups)}, or a part of: {'; '.join(BENCHMARKS)}")
    return found


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default=os.environ.get("ONLY", ""))
    parser.add_argument("--short", action="store_true", default=os.environ.get("SHORT", "") not in ("", "0"))
    parser.add_argument(
        "--runs", type=int, choices=range(1, 101), metavar="1-100", default=os.environ.get("RUNS", RUNS)
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def _judged(values: list[float], target: Target | None) -> dict[str, Any]:
    figure: dict[str, Any] = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    if target is not None:
        figure |= {"target": str(target), "met": target.met(figure["median"])}
    return figure


def _print(found: dict[str, dict[str, dict[str, Any]]], short: bool) -> None:
    note = "; shortened" if short else ""
    print(f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}; median (least to most){note}")
    for name, figures in found.items():
        print(f"\n{name}")
        for key, value in figures.items():
            verdict = "" if "met" not in value else f"  {value['target']:>9} {'met' if value['met'] else 'NOT MET'}"
            spread = f"({value['least']:.3f} to {value['most']:.3f})"
            print(f"  {key:42} {value['median']:12.3f}  {spread:30}{verdict}")


def _machine() -> dict[str, Any]:
    import psutil

    memory_gib = round(psutil.virtual_memory().total / 2**30)
    return {"cores": psutil.cpu_count(), "memory_gib": memory_gib, "python": platform.python_version()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
