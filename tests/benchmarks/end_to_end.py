"""End to end at the demo's load: `readiness run steady`, read back from the evidence it sealed."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]


def measure() -> dict[str, float]:
    """End-to-end and accept latency in ms (p50, p95, p99) at 5,000 events/min for 60 s, errors and lost events; CPU
    seconds of the platform's replicas per 1,000 events."""
    with tempfile.TemporaryDirectory() as home:
        command = [str(Path(sys.executable).parent / "readiness"), "run", "steady", "--profile", "smoke",
                   "--home", home, "--json"]  # fmt: skip
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        decision = json.loads(done.stdout)
        folder = Path(home) / "archive" / "runs" / decision["run_id"] / "steady"
        requests = pd.read_parquet(folder / "load" / "attempt-1" / "requests.parquet")
        deliveries = pd.read_parquet(folder / "collect" / "attempt-1" / "deliveries.parquet")
        metrics = pd.read_parquet(folder / "observe" / "attempt-1" / "metrics.parquet")
    objectives = {item["name"]: item["measurement"]["value"] for item in decision["scenarios"][0]["objectives"]}
    measured = requests[requests["phase"] == "measure"]
    last = deliveries.groupby("event_id")["received_at_ns"].max()
    joined = measured.set_index("event_id").join(last, how="inner")
    end_to_end = (joined["received_at_ns"] - joined["intended_ns"]) / 1e6
    accept = (measured["done_ns"] - measured["intended_ns"]).dropna() / 1e6
    found = {f"end to end p{q} ms": float(end_to_end.quantile(q / 100)) for q in (50, 95, 99)}
    found |= {f"accept p{q} ms": float(accept.quantile(q / 100)) for q in (50, 95, 99)}
    cpu = metrics[metrics["metric"] == "process_cpu_seconds_total"].groupby("replica")["value"]
    used_s = float((cpu.last() - cpu.first()).sum())
    found["replicas' CPU s per 1,000 events"] = used_s / len(requests) * 1000
    return found | {"errors": float(objectives["no-errors"]), "events lost": float(objectives["events-lost"])}
