"""`make soak`: everything that a platform must survive many times over; exit 1 when something was not met.

ONLY=kills (a part of a name) chooses, SHORT=1 does each a few times, JSON=1 prints JSON. In full it takes over an hour.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "scenarios" / "locust"))

from instruments.running import RunningPlatform, running

from soak import database_kills, fuzz, replay, replica_kills, rolling_restarts

Figures = dict[str, float]


@dataclass(frozen=True)
class Trial:
    """What is done, how often in full and in short, and the most that some figures may be."""

    do: Callable[[int], Figures]
    full: int
    short: int
    targets: dict[str, float]


def _on_a_platform(do: Callable[[RunningPlatform, Path, int], Figures]) -> Callable[[int], Figures]:
    def done(count: int) -> Figures:
        with tempfile.TemporaryDirectory(prefix="soak-") as folder, running(Path(folder) / "state") as platform:
            return do(platform, Path(folder), count)

    return done


TRIALS: dict[str, Trial] = {
    "kills of a replica": Trial(_on_a_platform(replica_kills.kill_replicas), 300, 3, replica_kills.TARGETS),
    "kills of the database": Trial(_on_a_platform(database_kills.kill_database), 59, 1, database_kills.TARGETS),
    "rolling restarts": Trial(_on_a_platform(rolling_restarts.restart_all), 20, 1, rolling_restarts.TARGETS),
    "fuzzing": Trial(
        _on_a_platform(lambda platform, _, count: fuzz.fuzz(platform, count)), 12_000, 1_500, fuzz.TARGETS
    ),
    "replay at two speeds": Trial(replay.replay, 10_000, 1_000, replay.TARGETS),
}


def main() -> int:
    """Do what is chosen and print."""
    only, short = os.environ.get("ONLY", ""), os.environ.get("SHORT", "") not in ("", "0")
    chosen = {name: trial for name, trial in TRIALS.items() if only in name}
    if not chosen:
        sys.exit(f"ONLY={only}: names nothing; legal is a part of: {'; '.join(TRIALS)}")
    found: dict[str, Figures] = {}
    missed: list[str] = []
    for name, trial in chosen.items():
        print(f"{name}: {trial.short if short else trial.full}", file=sys.stderr, flush=True)
        began_s = time.monotonic()
        try:
            found[name] = trial.do(trial.short if short else trial.full)
        except (AssertionError, TimeoutError, RuntimeError, OSError) as error:
            notes = "\n".join(getattr(error, "__notes__", []))  # hypothesis' smallest example
            missed.append(f"{name}: {type(error).__name__}: {error}\n{notes}".rstrip())
            continue
        finally:
            print(f"{name}: took {time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
        missed += [f"{name}: {key}" for key, most in trial.targets.items() if not found[name][key] <= most]
    if os.environ.get("JSON", "") not in ("", "0"):
        print(json.dumps({"figures": found, "not_met": missed}, indent=2))
    else:
        _print(found, missed)
    return int(bool(missed))


def _print(found: dict[str, Figures], missed: list[str]) -> None:
    for name, figures in found.items():
        print(f"\n{name}")
        for key, value in figures.items():
            most = TRIALS[name].targets.get(key)
            verdict = "" if most is None else f"  <= {most:g} {'met' if value <= most else 'NOT MET'}"
            print(f"  {key:36} {value:12.3f}{verdict}")
    print("\n" + ("everything met" if not missed else "NOT MET\n  " + "\n  ".join(missed)))


if __name__ == "__main__":
    sys.exit(main())
