"""Evidence of a run that never was: consistent by construction, and small functions that plant one fault each.

Every request is answered 202, every event is received, assessed and delivered to the channels due to it, and every
replica answers at every tick. A fault function returns new evidence and leaves the one it was given as it is.
"""

import json
from typing import Any

import numpy as np
import pandas as pd
from readiness.model.dataset import DATASETS, Phase, PhaseClock, ScenarioEvidence

S = 1_000_000_000
MS = 1_000_000
START_NS = 1_790_000_000 * S
"""When the warm-up starts."""
LEAD_S, TAIL_S = 2, 5
"""The observation starts this long before the load and ends this long after it."""
TICK_OFFSET_NS = 300 * MS
LEVELS = np.array(["critical", "high", "medium", "low"])
RISKS = np.array([9.5, 7.5, 5.0, 1.0])
DUE = np.array(["email,pagerduty,slack", "pagerduty,slack", "slack", ""])
CHANNELS = ("email", "pagerduty", "slack")
OPERATIONS = ("accept", "threat_assessment", "alert_routing", "incident_response", "end_to_end")
BUCKETS_S = (0.005, 0.05, 0.5, float("inf"))
COMPONENTS = {"automation": 3, "postgres": 1, "sink": 1}
WITH_METRICS = frozenset({"automation"})
MEMORY_BYTES = 80 * 1024**2
CPU_CORES = 0.2


def source_of(scenario: str = "steady") -> str:
    """The source that all rows of a scenario's evidence carry."""
    return f"run-1/{scenario}"


def steady_evidence(
    *,
    scenario: str = "steady",
    rate_per_s: float = 20.0,
    warmup_s: float = 5,
    measure_s: float = 30,
    replicas: int = 3,
    seed: int = 1,
    latency_ms: float = 5.0,
) -> ScenarioEvidence:
    """Clean evidence of Poisson arrivals; the accept latency is lognormal with the median ``latency_ms``.

    The observation ticks once a second. The same arguments always give the same evidence.
    """
    rng = np.random.default_rng(seed)
    clock, intended = _schedule(rng, rate_per_s, warmup_s, measure_s)
    requests = _requests(rng, clock, intended, latency_ms)
    events = _events(rng, requests, replicas)
    ticks = _ticks(clock)
    audit, deliveries = _kept(events, source_of(scenario))
    return ScenarioEvidence(
        scenario=scenario,
        requests=requests,
        metrics=_metrics(events, ticks, replicas),
        health=_health(ticks, replicas),
        audit=audit,
        deliveries=deliveries,
        clock=clock,
        generator=_generator(requests, seed),
        observe=_observe(ticks, replicas),
        collect=_collect(clock, audit, deliveries),
    )


def typed(dataset: str, columns: dict[str, Any]) -> pd.DataFrame:
    """A frame with the columns, order and types of the data set ("load/requests.parquet" ...)."""
    kinds = DATASETS[dataset]
    return pd.DataFrame({name: columns[name] for name in kinds}).astype(kinds)


def _schedule(
    rng: np.random.Generator, rate_per_s: float, warmup_s: float, measure_s: float
) -> tuple[PhaseClock, np.ndarray]:
    middle_ns = START_NS + round(warmup_s * S)
    end_ns = middle_ns + round(measure_s * S)
    counts = {"warmup": round(rate_per_s * warmup_s), "measure": round(rate_per_s * measure_s)}
    # Given their number, the arrivals of a Poisson process are uniform order statistics.
    parts = [
        np.sort(rng.integers(low, high, size))
        for low, high, size in ((START_NS, middle_ns, counts["warmup"]), (middle_ns, end_ns, counts["measure"]))
        if size
    ]
    phases = (Phase("warmup", START_NS, middle_ns), Phase("measure", middle_ns, end_ns))
    return PhaseClock(1, START_NS - S // 5, phases, counts), np.concatenate(parts)


def _requests(rng: np.random.Generator, clock: PhaseClock, intended: np.ndarray, latency_ms: float) -> pd.DataFrame:
    n = len(intended)
    sent = intended + rng.integers(50_000, 1_500_000, n)
    done = sent + (latency_ms * MS * rng.lognormal(0, 0.3, n)).astype(np.int64)
    warmup = clock.arrivals_scheduled["warmup"]
    high, low = rng.integers(0, 2**32, n), rng.integers(0, 2**47, n)
    ids = [f"{a:08x}-0000-5000-8000-{b:012x}" for a, b in zip(high.tolist(), low.tolist(), strict=True)]
    return typed(
        "load/requests.parquet",
        {
            "seq": np.arange(n), "event_id": ids, "phase": np.where(np.arange(n) < warmup, "warmup", "measure"),
            "intended_ns": intended, "sent_ns": sent, "done_ns": done, "status": np.full(n, 202),
            "error": np.full(n, ""), "signature_id": 2_000_000 + rng.integers(0, 40, n), "runner": np.full(n, "0"),
        },
    )  # fmt: skip


def _events(rng: np.random.Generator, requests: pd.DataFrame, replicas: int) -> pd.DataFrame:
    """One row for each event: which replica did it, its level and its times."""
    n = len(requests)
    done = requests["done_ns"].to_numpy(np.int64)
    sent = requests["sent_ns"].to_numpy()
    level = rng.choice(4, n, p=[0.05, 0.15, 0.4, 0.4])
    assessed = done + rng.integers(1 * MS, 3 * MS, n)
    return pd.DataFrame(
        {
            "event_id": requests["event_id"], "signature_id": requests["signature_id"],
            "replica": np.char.add("automation-", (np.arange(n) % replicas).astype(str)), "level": level,
            "received_ns": (sent + done) // 2, "assessed_ns": assessed,
            "delivered_ns": assessed + rng.integers(4 * MS, 9 * MS, n),
        }
    )  # fmt: skip


def _kept(events: pd.DataFrame, source: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the audit trail and the sink hold of the events."""
    level = events["level"].to_numpy()
    received = _audit_rows(events, "received_ns", "received")
    received["detail"] = [json.dumps({"signature_id": int(i)}) for i in events["signature_id"]]
    assessed = _audit_rows(events, "assessed_ns", "assessed")
    assessed["level"], assessed["risk"], assessed["due"] = LEVELS[level], RISKS[level], DUE[level]
    details = [
        json.dumps({"risk": r, "level": w, "confidence": 0.9, "due": [c for c in d.split(",") if c], "took_us": 700})
        for r, w, d in zip(RISKS.tolist(), LEVELS.tolist(), DUE.tolist(), strict=True)
    ]
    assessed["detail"] = np.array(details)[level]
    incidents = _audit_rows(events[level < 2], "assessed_ns", "incident_opened")
    parts = [received, assessed, incidents]
    for channel in CHANNELS:
        due = np.array([channel in d.split(",") for d in DUE])[level]
        rows = _audit_rows(events[due], "delivered_ns", "delivered")
        rows["channel"], rows["delivery_id"] = channel, rows["event_id"] + f"/{channel}"
        rows["detail"] = '{"channel": "' + channel + '", "attempts": 1}'
        rows["level"] = LEVELS[level[due]]
        parts.append(rows)
    audit = pd.concat(parts).sort_values("at_ns", kind="stable", ignore_index=True)
    delivered = audit[audit["action"] == "delivered"]
    deliveries = delivered.assign(source=source, received_at_ns=delivered["at_ns"] - MS)
    audit = audit.assign(seq=np.arange(1, len(audit) + 1), source=source)
    audit["level"] = audit["level"].where(audit["action"] == "assessed", "")
    return typed("collect/audit.parquet", audit), typed("collect/deliveries.parquet", deliveries.reset_index(drop=True))


def _audit_rows(events: pd.DataFrame, time_column: str, action: str) -> pd.DataFrame:
    rows = events[["event_id", "replica"]].assign(at_ns=events[time_column], action=action)
    return rows.assign(level="", risk=np.nan, due="", channel="", delivery_id="", detail="{}")


def _ticks(clock: PhaseClock) -> np.ndarray:
    end_ns = clock.phases[-1].end_ns + TAIL_S * S
    return np.arange(START_NS - LEAD_S * S + TICK_OFFSET_NS, end_ns, S)


def _replicas(replicas: int) -> list[tuple[str, str]]:
    counts = COMPONENTS | {"automation": replicas}
    return [(component, f"{component}-{k}") for component, n in counts.items() for k in range(n)]


def _health(ticks: np.ndarray, replicas: int) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"time_ns": ticks, "component": component, "replica": replica}).assign(
            answered=True, ready=True, took_ms=2.5, error=""
        )
        for component, replica in _replicas(replicas)
    ]
    return typed("observe/health.parquet", pd.concat(parts).sort_values(["time_ns", "replica"], ignore_index=True))


def _series(events: pd.DataFrame, ticks: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """(metric, labels) -> value at each tick, for the replica that handled these events."""
    level = events["level"].to_numpy()
    assessed = np.sort(events["assessed_ns"].to_numpy())
    handled = np.searchsorted(assessed, ticks).astype(float)
    found = {("phantommesh_events_received_total", 'status="accepted"'): handled}
    for k, word in enumerate(LEVELS):
        times = np.sort(events["assessed_ns"].to_numpy()[level == k])
        found[("phantommesh_events_assessed_total", f'level="{word}"')] = np.searchsorted(times, ticks)
    for channel in CHANNELS:
        due = np.array([channel in d.split(",") for d in DUE])[level]
        times = np.sort(events["delivered_ns"].to_numpy()[due])
        labels = f'channel="{channel}",outcome="delivered"'
        found[("phantommesh_deliveries_total", labels)] = np.searchsorted(times, ticks)
    incidents = np.sort(events["assessed_ns"].to_numpy()[level < 2])
    found[("phantommesh_incidents_total", 'action="opened"')] = np.searchsorted(incidents, ticks)
    for operation in OPERATIONS:
        for bound in BUCKETS_S:
            le = "+Inf" if np.isinf(bound) else f"{bound:g}"
            found[("phantommesh_operation_seconds_bucket", f'le="{le}",operation="{operation}"')] = handled
        found[("phantommesh_operation_seconds_count", f'operation="{operation}"')] = handled
        found[("phantommesh_operation_seconds_sum", f'operation="{operation}"')] = handled * 0.003
    return found


def _metrics(events: pd.DataFrame, ticks: np.ndarray, replicas: int) -> pd.DataFrame:
    queue = np.searchsorted(np.sort(events["received_ns"].to_numpy()), ticks) - np.searchsorted(
        np.sort(events["delivered_ns"].to_numpy()), ticks
    )
    parts = []
    for k in range(replicas):
        replica = f"automation-{k}"
        noise = np.random.default_rng(k).normal(0, 1, len(ticks))
        found = _series(events[events["replica"] == replica], ticks) | {
            ("phantommesh_queue_depth", ""): queue,
            ("process_cpu_seconds_total", ""): 3 + np.cumsum(np.clip(CPU_CORES + 0.01 * noise, 0, None)),
            ("process_resident_memory_bytes", ""): np.round(MEMORY_BYTES + 4096 * noise),
            ("process_start_time_seconds", ""): np.full(len(ticks), START_NS / S - 60),
            ("process_open_fds", ""): np.full(len(ticks), 40.0),
        }
        for (metric, labels), values in found.items():
            columns = {"time_ns": ticks, "component": "automation", "replica": replica, "metric": metric}
            parts.append(pd.DataFrame(columns | {"labels": labels, "value": values.astype(float)}))
    return typed("observe/metrics.parquet", pd.concat(parts).sort_values("time_ns", kind="stable", ignore_index=True))


def _generator(requests: pd.DataFrame, seed: int) -> dict[str, Any]:
    n, lag_ms = len(requests), (requests["sent_ns"] - requests["intended_ns"]) / MS
    return {
        "schema": 1, "finished": True, "arrivals_scheduled": n, "arrivals_sent": n, "answered": n, "cpu_s": 0.0004 * n,
        "cpu_s_per_1000_requests": 0.4, "wall_s": 40.0, "wall_clock_drift_ns": 1200,
        "send_lag_ms": {"p50": lag_ms.quantile(0.5), "p99": lag_ms.quantile(0.99), "max": lag_ms.max()},
        "versions": {"python": "3.11.9", "locust": "2", "gevent": "25", "httptools": "0"}, "seed": seed,
        "traffic": [{"file": "first-2015-alerts.json", "sha256": "0" * 64, "alerts": 100}],
    }  # fmt: skip


def _observe(ticks: np.ndarray, replicas: int) -> dict[str, Any]:
    targets = [
        {
            "component": component,
            "replica": replica,
            "admin_url": None if component == "postgres" else "http://127.0.0.1:9000",
            "metrics": component in WITH_METRICS,
        }
        for component, replica in _replicas(replicas)
    ]
    return {
        "interval_s": 1.0, "started_ns": int(ticks[0]) - 50 * MS, "finished_ns": int(ticks[-1]) + 500 * MS,
        "targets": targets, "ticks": len(ticks), "late_ticks": 0, "worst_lag_ms": 3.0,
    }  # fmt: skip


def _collect(clock: PhaseClock, audit: pd.DataFrame, deliveries: pd.DataFrame) -> dict[str, Any]:
    end_ns = clock.phases[-1].end_ns
    return {
        "audit": {"complete": True, "count": len(audit)},
        "deliveries": {"complete": True, "count": len(deliveries)},
        "drained": True, "drained_at_ns": end_ns + S, "deadline_s": 60.0,
        "started_ns": end_ns + 100 * MS, "finished_ns": end_ns + 3 * S,
        "clock": {"kind": "same machine", "offset_ns": 0, "uncertainty_ns": 0},
    }  # fmt: skip
