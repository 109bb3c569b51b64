"""Evidence of any size as the stages would store it, written straight to Parquet: a run that never was, in which
everything went well. Made in the order of the events, a block at a time, so that its own size needs no memory."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from readiness.model.dataset import AUDIT, DELIVERIES, HEALTH, METRICS, REPLAY, REQUESTS

S, MS = 1_000_000_000, 1_000_000
START_NS = 1_790_000_000 * S
_BLOCK, _ROW_GROUP = 100_000, 20_000
_FLUSH_TICKS = 30
"""After so many ticks the observer writes what it has seen (stages.observe)."""
_LEVELS = np.array(["critical", "high", "medium", "low"])
_DUE = np.array(["email,pagerduty,slack", "pagerduty,slack", "slack", ""])
_RISK = np.array([9.5, 7.5, 5.0, 1.0])
_KINDS = {"int64": pa.int64(), "Int64": pa.int64(), "int16": pa.int16(), "float64": pa.float64(), "bool": pa.bool_(),
          "str": pa.string()}  # fmt: skip


class _File:
    """A data set that grows by blocks."""

    def __init__(self, path: Path, columns: dict[str, str]) -> None:
        fields = [pa.field(name, _KINDS[kind], nullable=kind == "Int64") for name, kind in columns.items()]
        self._schema = pa.schema(fields)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self.rows = 0

    def add(self, columns: dict[str, Any]) -> None:
        n = max(len(value) for value in columns.values() if isinstance(value, np.ndarray | pa.Array))
        arrays = [_column(columns.get(field.name, _nothing(field.type)), n, field.type) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=_ROW_GROUP)
        self.rows += n

    def close(self) -> int:
        self._writer.close()
        return self.rows


def _nothing(kind: pa.DataType) -> Any:
    return "" if kind == pa.string() else float("nan") if kind == pa.float64() else 0


def _column(value: Any, n: int, kind: pa.DataType) -> pa.Array:
    if isinstance(value, np.ndarray | pa.Array):
        return pa.array(value).cast(kind)
    return pa.repeat(pa.scalar(value, kind), n)


def write_ledger_sets(folder: Path, events: int, rate_per_s: float, source: str = "run/sustained") -> None:
    """requests, audit and deliveries of so many events, and the facts that the ledger needs, in ``folder``."""
    rng = np.random.default_rng(1)
    files = {
        "requests": _File(folder / "requests.parquet", REQUESTS),
        "audit": _File(folder / "audit.parquet", AUDIT),
        "deliveries": _File(folder / "deliveries.parquet", DELIVERIES),
    }
    seq = 0
    for first in range(0, events, _BLOCK):
        seq = _block(files, rng, first, min(_BLOCK, events - first), rate_per_s, (seq, source))
    counts = {name: file.close() for name, file in files.items()}
    end_ns = START_NS + round(events / rate_per_s * S)
    facts = {name: {"complete": True, "count": counts[name]} for name in ("audit", "deliveries")}
    collect = facts | {
        "drained": True, "drained_at_ns": end_ns + S, "deadline_s": 60.0, "started_ns": end_ns + MS,
        "finished_ns": end_ns + 3 * S, "read_from_ns": end_ns + S,
        "clock": {"kind": "same machine", "offset_ns": 0, "uncertainty_ns": 0},
    }  # fmt: skip
    (folder / "collect.json").write_text(json.dumps(collect))
    (folder / "generator.json").write_text(json.dumps({"finished": True, "wall_clock_drift_ns": 1000}))
    phases = [
        {"name": "warmup", "start_ns": START_NS, "end_ns": START_NS + 60 * S},
        {"name": "measure", "start_ns": START_NS + 60 * S, "end_ns": end_ns},
    ]
    warmup = int(np.ceil(60 * rate_per_s))
    clock = {"schema": 1, "anchor_wall_ns": START_NS, "phases": phases}
    clock |= {"arrivals_scheduled": {"warmup": warmup, "measure": events - warmup}}
    (folder / "phases.json").write_text(json.dumps(clock))


def _ids(rng: np.random.Generator, n: int) -> pa.Array:
    """Random UUIDs as their texts."""
    digits = rng.integers(0, 16, (n, 32), dtype=np.uint8)
    text = np.full((n, 36), ord("-"), dtype=np.uint8)
    places = [place for place in range(36) if place not in (8, 13, 18, 23)]
    text[:, places] = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[digits]
    offsets = np.arange(n + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text))


def _block(
    files: dict[str, _File], rng: np.random.Generator, first: int, n: int, rate: float, so_far: tuple[int, str]
) -> int:
    seq, source = so_far
    place = np.arange(first, first + n)
    intended = START_NS + (place / rate * S).astype(np.int64)
    sent, done = intended + 300_000, intended + rng.integers(3 * MS, 9 * MS, n)
    ids, level = _ids(rng, n), rng.choice(4, n, p=[0.02, 0.13, 0.35, 0.5])
    replica = pa.array(np.char.add("automation-", (place % 3).astype(str)))
    files["requests"].add({
        "seq": place, "event_id": ids, "phase": np.where(place / rate < 60, "warmup", "measure"),
        "intended_ns": intended, "sent_ns": sent, "done_ns": done, "status": np.full(n, 202),
        "signature_id": 2_000_000 + place % 40, "runner": "0",
    })  # fmt: skip
    assessed = {"event_id": ids, "source": source, "replica": replica, "at_ns": sent + MS}
    details = np.array([
        json.dumps({"risk": r, "level": w, "confidence": 0.9, "due": [c for c in d.split(",") if c], "took_us": 700})
        for r, w, d in zip(_RISK.tolist(), _LEVELS.tolist(), _DUE.tolist(), strict=True)
    ])  # fmt: skip
    rows = [
        assessed | {"action": "received", "detail": '{"signature_id": 2000001}'},
        assessed | {
            "action": "assessed", "level": _LEVELS[level], "risk": _RISK[level], "due": _DUE[level],
            "detail": details[level],
        },
        assessed | {"action": "incident_joined", "detail": json.dumps({"incident_id": "0" * 36})},
    ]  # fmt: skip
    for channel in ("email", "pagerduty", "slack"):
        due = np.flatnonzero(np.array([channel in d.split(",") for d in _DUE])[level])
        to = pa.array(due)
        one = {"event_id": ids.take(to), "source": source, "channel": channel}
        one["delivery_id"] = pc.binary_join_element_wise(one["event_id"], channel, "/")
        detail = json.dumps({"channel": channel, "delivery_id": "0" * 44, "attempts": 1})
        rows.append(one | {
            "action": "delivered", "at_ns": done[due] + 5 * MS, "replica": replica.take(to), "detail": detail,
        })  # fmt: skip
        files["deliveries"].add(one | {"level": _LEVELS[level[due]], "received_at_ns": done[due] + 4 * MS})
    for row in rows:
        count = len(row["event_id"])
        files["audit"].add(row | {"seq": np.arange(seq, seq + count)})
        seq += count
    return seq


def write_observed(folder: Path, seconds: int, processes: int, series: int) -> None:
    """metrics, health and facts of an observation that ticks once a second, in ``folder``."""
    ticks = START_NS - 2 * S + np.arange(seconds + 6) * S
    metrics, health = _File(folder / "metrics.parquet", METRICS), _File(folder / "health.parquet", HEALTH)
    names = [f"automation-{k}" for k in range(processes)]
    for at in range(0, len(ticks), _FLUSH_TICKS):
        part = ticks[at : at + _FLUSH_TICKS]
        metrics.add(_samples(part, names, series))
        times, replicas = np.repeat(part, len(names)), np.tile(names, len(part))
        answered = np.full(len(times), True)
        health.add({"time_ns": times, "component": "automation", "replica": replicas, "answered": answered,
                    "ready": answered, "took_ms": np.full(len(times), 2.5)})  # fmt: skip
    targets = [{"component": "automation", "replica": n, "admin_url": "http://127.0.0.1:1", "metrics": True}
               for n in names]  # fmt: skip
    metrics.close()
    health.close()
    (folder / "observe.json").write_text(json.dumps({
        "interval_s": 1.0, "started_ns": int(ticks[0]) - MS, "finished_ns": int(ticks[-1]) + MS, "targets": targets,
        "ticks": len(ticks), "late_ticks": 0, "worst_lag_ms": 3.0,
    }))  # fmt: skip


def _samples(ticks: np.ndarray, names: list[str], series: int) -> dict[str, Any]:
    """The samples of these ticks in the order in which they are observed: tick by tick, replica by replica."""
    used = (ticks - START_NS) / S * 0.2 + 10
    kept = {
        ("process_resident_memory_bytes", ""): 8e7, ("process_start_time_seconds", ""): 1.7e9,
        ("phantommesh_queue_depth", ""): 0.0, ("process_cpu_seconds_total", ""): used,
    } | {
        ("phantommesh_operation_seconds_bucket", f'le="{k}",operation="accept"'): used * k for k in range(series)
    }  # fmt: skip
    one = np.array([np.broadcast_to(value, len(ticks)) for value in kept.values()]).T  # a row a tick
    metric, labels = zip(*kept, strict=True)
    at_once = len(ticks) * len(names)
    return {
        "time_ns": np.repeat(ticks, len(names) * len(kept)), "component": "automation",
        "replica": np.tile(np.repeat(names, len(kept)), len(ticks)), "metric": np.tile(metric, at_once),
        "labels": np.tile(labels, at_once), "value": np.repeat(one, len(names), axis=0).ravel(),
    }  # fmt: skip


def write_replayed(folder: Path, pairs: int) -> None:
    """The verdicts and facts of a replay of the first of the events in ``folder``, which changed nothing."""
    events = pq.read_table(folder / "requests.parquet", columns=["event_id"]).column(0).slice(0, pairs).combine_chunks()
    verdicts = _File(folder / "verdicts.parquet", REPLAY)
    both = {"risk": 5.0, "level": "medium", "confidence": 0.9, "due": "slack"}
    fresh = pa.array([f"ffffffff-0000-5000-8000-{k:012x}" for k in range(pairs)])
    row = {"event_id": events, "replayed_event_id": fresh, "status": 202, "assessed": np.full(pairs, True)}
    verdicts.add(row | both | {f"replayed_{name}": value for name, value in both.items()})
    verdicts.close()
    (folder / "replay.json").write_text(json.dumps({"asked": pairs, "sampled": pairs}))
