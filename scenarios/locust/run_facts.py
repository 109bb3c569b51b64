"""What a run of the generator publishes beside its records: phase clock, live progress and the closing facts."""

import importlib.metadata
import json
import platform
import resource
from collections.abc import Reversible, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from arrivals import Schedule
from numpy.typing import NDArray
from suricata_traffic import Recording

_LATEST_WINDOW_NS = 5_000_000_000


def publish(path: Path, document: dict[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part. Raises OSError."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(document, allow_nan=False), "utf-8")
    partial.replace(path)


def phases(schedule: Schedule, start_ns: int, anchor_wall_ns: int) -> dict[str, Any]:
    """The phase clock (``phases.json``); times are epoch ns, ends are exclusive."""
    measure_ns = start_ns + schedule.warmup_ns
    return {
        "schema": 1,
        "anchor_wall_ns": anchor_wall_ns,
        "phases": [
            {"name": "warmup", "start_ns": start_ns, "end_ns": measure_ns},
            {"name": "measure", "start_ns": measure_ns, "end_ns": start_ns + schedule.total_ns},
        ],
        "arrivals_scheduled": {
            "warmup": schedule.warmup_count,
            "measure": schedule.count - schedule.warmup_count,
        },
    }


def recent_latency_ms(latest: Reversible[tuple[int, float]], now_ns: int) -> tuple[float | None, float | None]:
    """p50 and p95 in ms over the answers of the last 5 s; None where there were none."""
    since_ns = now_ns - _LATEST_WINDOW_NS
    # From the newest on: a walk through all of them would hold up the schedule.
    recent = [latency_ms for _, latency_ms in takewhile(lambda answer: answer[0] >= since_ns, reversed(latest))]
    if not recent:
        return None, None
    p50, p95 = np.percentile(recent, [50, 95])
    return float(p50), float(p95)


def send_lag_ms(send_lag_ns: NDArray[np.int64]) -> dict[str, float | None]:
    """p50, p99 and maximum of sent minus intended over what was sent (-1 marks what was not); None without any."""
    sent = send_lag_ns[send_lag_ns >= 0] / 1e6
    if not len(sent):
        return {"p50": None, "p99": None, "max": None}
    p50, p99 = np.percentile(sent, [50, 99])
    return {"p50": float(p50), "p99": float(p99), "max": float(sent.max())}


def cpu_s() -> float:
    """CPU time of this process so far, user and system, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def versions() -> dict[str, str]:
    """Versions of what sends the load; part of a run's fingerprint."""
    packages = {name: importlib.metadata.version(name) for name in ("locust", "gevent", "httptools")}
    return {"python": platform.python_version(), **packages}


def traffic_facts(recordings: Sequence[Recording]) -> list[dict[str, Any]]:
    """Name, sha256 and number of alerts of each recording."""
    return [{"file": item.file, "sha256": item.sha256, "alerts": len(item.alerts)} for item in recordings]
