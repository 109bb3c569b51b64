"""Wall time of `readiness validate` on one file, from the shell's point of view."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def measure(times: int = 5) -> dict[str, float]:
    """Median seconds of the whole process; beside it the bare interpreter, measured in the same run."""
    command = [str(Path(sys.executable).parent / "readiness"), "validate", "scenarios/steady.yaml"]
    ours, bare = _median_s(command, times), _median_s([sys.executable, "-c", "pass"], times)
    return {"validate s": ours, "bare interpreter s": bare, "ratio": ours / bare}


def _median_s(command: list[str], times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return sorted(taken)[times // 2]
