"""Collect: what the system kept - the audit trail and the sink's deliveries - once it has finished its work."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from readiness.clients import platform_api
from readiness.clients.tables import TableWriter
from readiness.model.dataset import AUDIT, DELIVERIES
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.stages.recording import recording
from readiness.stages.run import Run

_EMPTY_READINGS = 3
_BETWEEN_READINGS_S = 0.3


@dataclass
class _Outcome:
    complete: bool = True
    reason: str = ""
    count: int = 0


def collect(run: Run, name: str) -> None:
    """Wait until the queue is empty, at most the profile's drain, then read everything of this scenario's source.
    Raises StageError when a part could not be read; what was read is sealed."""
    deadline_s = run.plan.scenario(name).profiles[run.plan.profile].drain
    inputs = (StageRef(RUN_SCOPE, "plan"), StageRef(RUN_SCOPE, "deploy"), StageRef(name, "load"))
    with recording(run, StageRef(name, "collect"), inputs) as record:
        started_ns, status, source = time.time_ns(), run.status(), run.source(name)
        drained_at_ns, reason = wait_drained(_admin_urls(status, run.plan.environment.under_load), deadline_s)
        parts = {
            "audit": (f"{status['base_url']}/v1/audit", AUDIT, audit_row),
            "deliveries": (f"{status['sink_url']}/deliveries", DELIVERIES, delivery_row),
        }
        absent = run.plan.environment.absent
        facts: dict[str, Any] = {}
        problems = [reason] if reason else []
        for part, (url, columns, to_row) in parts.items():
            with TableWriter(record.folder / f"{part}.parquet", columns) as table:
                outcome = _Outcome()
                if f"collect/{part}.parquet" not in absent:  # else the data set is empty, as the environment says
                    table.extend(_rows(url, source, to_row, outcome))
            record.rows[f"{part}.parquet"] = table.count
            facts[part] = {"complete": outcome.complete, "count": table.count}
            problems += [outcome.reason] if outcome.reason else []
        record.write("collect.json", facts | {
            "drained": drained_at_ns is not None, "drained_at_ns": drained_at_ns, "deadline_s": deadline_s,
            "started_ns": started_ns, "finished_ns": time.time_ns(),
            "clock": {"kind": "same machine", "offset_ns": 0, "uncertainty_ns": 0},
        })  # fmt: skip
        record.failure = "; ".join(problems)


def wait_drained(admin_urls: list[str], deadline_s: float) -> tuple[int | None, str]:
    """The time (epoch ns) at which every replica had said several times in a row that the queue is empty, or None
    and why."""
    ends_s, empty, reason = time.monotonic() + deadline_s, 0, "no replica to ask for the queue's depth"
    while admin_urls:
        try:
            depth = max(platform_api.read_metric(url, "phantommesh_queue_depth") for url in admin_urls)
            empty = empty + 1 if depth == 0 else 0
            reason = f"the queue still held {depth:g} events {deadline_s:g} s after the load"
        except platform_api.ApiError as error:
            empty, reason = 0, str(error)
        if empty >= _EMPTY_READINGS:
            return time.time_ns(), ""
        if time.monotonic() > ends_s:
            break
        time.sleep(_BETWEEN_READINGS_S)
    return None, reason


def _admin_urls(status: dict[str, Any], under_load: str) -> list[str]:
    """Admin addresses of the replicas that have a queue: those that take the load."""
    return [part["admin_url"] for part in status["components"] if part["admin_url"] and part["component"] == under_load]


def _rows(
    url: str, source: str, to_row: Callable[[dict[str, Any]], tuple[Any, ...]], outcome: _Outcome
) -> Iterator[tuple[Any, ...]]:
    """Rows as they come; a stream that breaks off ends them and is noted in ``outcome``."""
    try:
        for row in platform_api.stream(url, source):
            outcome.count += 1
            yield to_row(row)
    except platform_api.ApiError as error:
        outcome.complete, outcome.reason = False, str(error)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        outcome.complete, outcome.reason = False, f"GET {url}: row {outcome.count} is not as documented ({error!r})"


def audit_row(row: dict[str, Any]) -> tuple[Any, ...]:
    """One line of the audit trail in the order of model.dataset.AUDIT."""
    detail = row["detail"] or {}
    due = detail.get("due", [])
    if not isinstance(due, list) or not all(isinstance(channel, str) for channel in due):
        raise TypeError(f"due must be a list of channels, not {due!r}")
    return (
        row["seq"], row["at_ns"], row["event_id"], row["source"], row["action"], row["replica"],
        detail.get("level", ""), float(detail.get("risk", "nan")), ",".join(due),
        detail.get("channel", ""), str(detail.get("delivery_id", "")), json.dumps(detail, sort_keys=True),
    )  # fmt: skip


def delivery_row(row: dict[str, Any]) -> tuple[Any, ...]:
    """One delivery in the order of model.dataset.DELIVERIES."""
    return tuple(row[column] for column in DELIVERIES)
