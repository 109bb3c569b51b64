"""Progress of a run, for people who watch it: a small file replaced at each step. Never evidence."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness.clients.home import Home


@dataclass(frozen=True)
class Progress:
    """``load``: what the generator says (phase, elapsed_s, planned_s, sent, errors, rate_per_s, latency_p95_ms ...)
    while a load runs, else None."""

    stage: str
    scenario: str | None
    stage_started_ns: int
    done: tuple[str, ...]
    load: dict[str, Any] | None


def enter(home: Home, run_id: str, stage: str, scenario: str | None) -> None:
    """Publish that the run is in this stage now."""
    path, before = home.progress(run_id), read(home, run_id)
    done = before.done if before else ()
    if before and before.stage:
        done += (before.stage if before.scenario is None else f"{before.stage} {before.scenario}",)
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "run_id": run_id,
        "stage": stage,
        "scenario": scenario,
        "stage_started_ns": time.time_ns(),
        "done": list(done),
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document))
    partial.replace(path)


def read(home: Home, run_id: str) -> Progress | None:
    """Where the run is; None before its first stage."""
    document = _document(home.progress(run_id))
    if document is None:
        return None
    load = _document(home.load_progress(run_id)) if document["stage"] == "load" else None
    return Progress(
        document["stage"], document["scenario"], document["stage_started_ns"], tuple(document["done"]), load
    )


def _document(path: Path) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None  # not begun, or damaged: progress is for people who watch, and no reason to stop
    return document
