"""One bounded run of the load generator for the benchmarks."""

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WARMUP_S = 2.0


@dataclass(frozen=True)
class GeneratorRun:
    """A started run that writes into ``folder``."""

    process: subprocess.Popen[bytes]
    folder: Path

    def finish(self, timeout_s: float) -> dict[str, Any]:
        """The generator's closing facts. Raises RuntimeError unless every arrival was handled."""
        code = self.process.wait(timeout_s)
        if code != 0:
            raise RuntimeError(f"the generator ended with code {code}")
        facts: dict[str, Any] = json.loads((self.folder / "generator.json").read_text())
        return facts

    def measured(self) -> list[dict[str, str]]:
        """The records of the measured phase."""
        with (self.folder / "requests.csv").open() as source:
            return [row for row in csv.DictReader(source) if row["phase"] == "measure"]


def start(folder: Path, url: str, rate_per_s: float, measure_s: float, seed: int = 1) -> GeneratorRun:
    """Start the generator against a loopback address."""
    plan = {
        "schema": 1, "run_id": "benchmark", "scenario": "b", "source": "benchmark/b", "url": url,
        "arrivals": "poisson", "rate_per_s": rate_per_s, "warmup_s": WARMUP_S, "measure_s": measure_s, "seed": seed,
        "traffic": [str(path) for path in sorted((ROOT / "scenarios/traffic/suricata").glob("*.json"))],
        "request_timeout_s": 5, "out_dir": str(folder), "progress_file": None,
    }  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(plan))
    command = [sys.executable, str(ROOT / "scenarios/locust/run_plan.py"), str(folder / "plan.json")]
    return GeneratorRun(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), folder)
