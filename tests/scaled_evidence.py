"""Evidence of a platform that added replicas while the load ran."""

from dataclasses import replace

import numpy as np
import pandas as pd
from readiness.model.dataset import ScenarioEvidence
from synthetic_evidence import S, typed


def with_replica_added(
    evidence: ScenarioEvidence, name: str, *, found_s: float, ready_s: float | None, left_s: float | None = None
) -> ScenarioEvidence:
    """A replica of automation is found ``found_s`` after the start of the load, is ready from ``ready_s`` on (None:
    never) and is taken away at ``left_s``."""
    start_ns = evidence.clock.phases[0].start_ns
    ticks_ns = np.unique(evidence.health["time_ns"].to_numpy(np.int64))
    end_ns = ticks_ns[-1] + 1 if left_s is None else start_ns + round(left_s * S)
    ticks_ns = ticks_ns[(ticks_ns >= start_ns + round(found_s * S)) & (ticks_ns < end_ns)]
    ready = np.zeros(len(ticks_ns), dtype=bool) if ready_s is None else ticks_ns >= start_ns + round(ready_s * S)
    rows = typed("observe/health.parquet", {
        "time_ns": ticks_ns, "component": "automation", "replica": name, "answered": ready, "ready": ready,
        "took_ms": np.full(len(ticks_ns), 2.0), "error": np.where(ready, "", "HTTP 503"),
    })  # fmt: skip
    model = evidence.metrics[evidence.metrics["replica"] == "automation-0"]
    target = {
        "component": "automation", "replica": name, "admin_url": "http://127.0.0.1:9000", "metrics": True,
        "memory": True, "joined_ns": start_ns + round(found_s * S),
        "left_ns": None if left_s is None else start_ns + round(left_s * S),
    }  # fmt: skip
    metrics = model[model["time_ns"].isin(ticks_ns[ready])].assign(replica=name)
    observe = evidence.observe | {"targets": [*evidence.observe["targets"], target], "discovery_s": 3.0}
    return replace(
        evidence,
        health=pd.concat([evidence.health, rows], ignore_index=True),
        metrics=pd.concat([evidence.metrics, metrics], ignore_index=True),
        observe=observe,
    )


def with_drill(evidence: ScenarioEvidence, *, injected_s: float, healthy_s: float | None) -> ScenarioEvidence:
    """One step of a drill, at seconds of the measured phase."""
    start_ns = evidence.clock.phase("measure").start_ns
    step = {
        "index": 0, "action": "kill", "injected_ns": start_ns + round(injected_s * S),
        "healthy_ns": None if healthy_s is None else start_ns + round(healthy_s * S),
    }  # fmt: skip
    return replace(evidence, drill={"schema": 1, "steps": [step], "leftovers": []})
