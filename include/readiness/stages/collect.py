"""Collect: what the system kept - the audit trail, the sink's deliveries, the metrics of its Prometheus - once it has
finished its work."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from readiness.clients import platform_api
from readiness.clients.archive import ArchiveError
from readiness.clients.tables import TableWriter
from readiness.clients.target_process import TargetError
from readiness.model.dataset import AUDIT, DELIVERIES, PhaseClock
from readiness.model.document import from_json
from readiness.model.environment import Environment, ExternalEnvironment
from readiness.model.evidence import PROBE_SUFFIX, RUN_SCOPE, StageRef
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.stages.collect_metrics import collect_metrics
from readiness.stages.recording import Recording, recording
from readiness.stages.run import Run
from readiness.stages.tenancy import not_held

_EMPTY_READINGS = 3
_BETWEEN_READINGS_S = 0.3


@dataclass
class _Outcome:
    complete: bool = True
    reason: str = ""
    count: int = 0


def collect(run: Run, name: str) -> None:
    """Wait until the target is whole again (after a drill) and its queue is empty, each at most the profile's drain
    from the end of the load or, the queue, from when it was whole; then read everything of this scenario's sources.
    Whoever comes later than that looks once, and waits for nothing that became right only then. Raises StageError when
    a part could not be read, or the environment was not this run's until the end; what was read is sealed. A target
    that never became whole is a result, and is read as it is."""
    scenario = run.plan.scenario(name)
    deadline_s = scenario.profiles[run.plan.profile].drain
    read = [
        StageRef(name, "load"),
        *([StageRef(name, "observe")] if run.plan.environment.observation.of_prometheus else []),
    ]
    inputs = (StageRef(RUN_SCOPE, "plan"), StageRef(RUN_SCOPE, "deploy"), *read)
    with recording(run, StageRef(name, "collect"), inputs) as record:
        started_ns, status = time.time_ns(), run.status()
        sources = [run.source(name), *([run.source(name) + PROBE_SUFFIX] if scenario.probed else [])]
        ended_ns = _load_ended_ns(run, name, started_ns)
        healed_at_ns = _wait_healed(run, deadline_s, ended_ns) if scenario.drill else None
        drained_at_ns, reason = wait_drained(lambda: queue_urls(run), deadline_s, healed_at_ns or ended_ns)
        read_from_ns = time.time_ns()
        facts, problems = _read(record, status, sources, frozenset(run.plan.environment.absent))
        measured, incomplete = collect_metrics(run, name, record)
        record.write("collect.json", facts | measured | {
            "drained": drained_at_ns is not None, "drained_at_ns": drained_at_ns, "deadline_s": deadline_s,
            "healed_at_ns": healed_at_ns, "sources": sources, "started_ns": started_ns, "read_from_ns": read_from_ns,
            "finished_ns": time.time_ns(),
            "clock": _clock(run.plan.environment),
        })  # fmt: skip
        record.failure = "; ".join(part for part in (not_held(run), reason, *problems, *incomplete) if part)


def _read(
    record: Recording, status: dict[str, Any], sources: list[str], absent: frozenset[str]
) -> tuple[dict[str, Any], list[str]]:
    """Store the audit trail and the deliveries of these sources; how much came, and why there may be more. A data set
    that the target does not offer stays empty."""
    parts = {
        "audit": (f"{status['base_url']}/v1/audit", AUDIT, audit_row),
        "deliveries": (f"{status['sink_url']}/deliveries", DELIVERIES, delivery_row),
    }
    facts: dict[str, Any] = {}
    problems: list[str] = []
    for part, (url, columns, to_row) in parts.items():
        asked = [] if f"collect/{part}.parquet" in absent else sources
        outcomes = [_Outcome() for _ in asked]
        with TableWriter(record.folder / f"{part}.parquet", columns) as table:
            for source, outcome in zip(asked, outcomes, strict=True):
                table.extend(_rows(url, source, to_row, outcome))
        record.rows[f"{part}.parquet"] = table.count
        facts[part] = {"complete": all(outcome.complete for outcome in outcomes), "count": table.count}
        problems += [outcome.reason for outcome in outcomes if outcome.reason]
    return facts, problems


def _clock(environment: Environment) -> dict[str, Any]:
    """How the target's clock may differ from ours: not at all on this machine, else as the environment file says."""
    uncertainty_s = 0.0
    if isinstance(environment, ExternalEnvironment):
        uncertainty_s = environment.target.clock_uncertainty
    elif isinstance(environment, KubernetesEnvironment):
        uncertainty_s = environment.cluster.clock_uncertainty
    if uncertainty_s:
        uncertainty_ns = round(uncertainty_s * 1e9)
        return {"kind": "as the environment file says", "offset_ns": 0, "uncertainty_ns": uncertainty_ns}
    return {"kind": "same machine", "offset_ns": 0, "uncertainty_ns": 0}


def _load_ended_ns(run: Run, name: str, now_ns: int) -> int:
    """When the last phase of the load ended (epoch ns); now, where a load that failed does not say."""
    try:
        clock = from_json(PhaseClock, run.read(StageRef(name, "load"), "phases.json"))
    except (ArchiveError, OSError, KeyError, TypeError, ValueError):
        return now_ns
    return max((phase.end_ns for phase in clock.phases), default=now_ns)


def _ends_s(since_ns: int, deadline_s: float) -> float:
    """When so many seconds since then will have passed, as time.monotonic() has it."""
    return time.monotonic() + deadline_s - (time.time_ns() - since_ns) / 1e9


def _wait_healed(run: Run, deadline_s: float, since_ns: int) -> int | None:
    """The time (epoch ns) at which the target said that all of it is ready; None if it did not in time."""
    ends_s = _ends_s(since_ns, deadline_s)
    while True:
        # A status that does not come, or not as documented, is one of a target that is not whole.
        with contextlib.suppress(TargetError, ValueError):
            if run.target.status()["state"] == "ready":
                return time.time_ns()
        if time.monotonic() > ends_s:
            return None
        time.sleep(_BETWEEN_READINGS_S)


def wait_drained(
    urls: Callable[[], list[str]], deadline_s: float, since_ns: int | None = None
) -> tuple[int | None, str]:
    """The time (epoch ns) at which every replica had said several times in a row that the queue is empty, or None
    and why. ``urls``: where the replicas answer now; may raise TargetError. ``since_ns``: what the deadline counts
    from, None for now; a queue that is found empty after it is one that was."""
    since_ns = time.time_ns() if since_ns is None else since_ns
    ends_s, empty, reason = _ends_s(since_ns, deadline_s), 0, ""
    while True:
        try:
            depths = [platform_api.read_metric(url, "phantommesh_queue_depth") for url in urls()]
            empty = empty + 1 if depths and max(depths) == 0 else 0
            reason = (
                f"the queue still held {max(depths):g} events {(time.time_ns() - since_ns) / 1e9:.0f} s after the load"
                if depths else "no replica to ask for the queue's depth"
            )  # fmt: skip
        except (platform_api.ApiError, TargetError) as error:
            empty, reason = 0, str(error)
        if empty >= _EMPTY_READINGS:
            return time.time_ns(), ""
        if time.monotonic() > ends_s and not empty:
            break
        time.sleep(_BETWEEN_READINGS_S)
    return None, reason


def queue_urls(run: Run) -> list[str]:
    """Admin addresses of the replicas that have a queue: those that take the load. Raises TargetError."""
    parts, under_load = run.status_now()["components"], run.plan.environment.under_load
    return [part["admin_url"] for part in parts if part["admin_url"] and part["component"] == under_load]


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
