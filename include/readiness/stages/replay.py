"""Replay: a sample of the load's own events once more, one at a time, now that it is quiet; and both verdicts of each.

The events are those that the load sent - made again by the generator's own code from the sealed plan - under fresh ids
and a source of their own (``<source>/replay``), so that nothing is taken for a duplicate.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from readiness.clients import platform_api
from readiness.clients.home import scenarios_folder
from readiness.clients.tables import TableWriter, read_columns
from readiness.model.dataset import REPLAY
from readiness.model.evidence import REPLAY_SUFFIX, RUN_SCOPE, StageRef
from readiness.stages.collect import queue_urls, wait_drained
from readiness.stages.recording import recording
from readiness.stages.run import Run, StageError
from readiness.stages.tenancy import not_held, require_held

SAMPLE = 200
"""So many events are sent again."""
_MAKING_S = 120.0
_LOAD_FILES = ("requests.parquet", "plan.json")
_SENT = ["seq", "event_id", "phase", "intended_ns", "done_ns", "status", "error", "signature_id"]


@dataclass(frozen=True)
class Assessment:
    """A verdict as the audit trail has it. ``basis``: the versions that it names, as JSON; empty: it names none."""

    risk: float
    level: str
    confidence: float
    due: str
    basis: str


def replay(run: Run, name: str) -> None:
    """Send the sample and seal the pairs. Raises StageError when the events cannot be made again or the audit trail
    cannot be read, or the environment is not this run's from beginning to end; a target that refuses an event is a
    result."""
    inputs = (StageRef(RUN_SCOPE, "plan"), StageRef(RUN_SCOPE, "deploy"), StageRef(name, "load"),
              StageRef(name, "collect"))  # fmt: skip
    with recording(run, StageRef(name, "replay"), inputs) as record:
        require_held(run)
        started_ns, status, source = time.time_ns(), run.status(), run.source(name) + REPLAY_SUFFIX
        events = _made_again(run, name, source)
        sent = _send(f"{status['base_url']}/v1/events", events, run.plan.scenario(name).load.request_timeout)
        deadline_s = run.plan.scenario(name).profiles[run.plan.profile].drain
        drained_at_ns, reason = wait_drained(lambda: queue_urls(run), deadline_s)
        under_load = _kept(run, name, {event["event_id"] for event in events})
        quiet, broken = _read_quiet(f"{status['base_url']}/v1/audit", source)
        with TableWriter(record.folder / "verdicts.parquet", REPLAY) as table:
            table.extend(
                pair(event, answer, under_load.get(event["event_id"]), quiet.get(event["replayed_event_id"]))
                for event, answer in zip(events, sent, strict=True)
            )
        record.rows["verdicts.parquet"] = table.count
        record.write("replay.json", {
            "source": source, "asked": SAMPLE, "sampled": len(events),
            "acknowledged": sum(200 <= answer < 300 for answer in sent), "drained": drained_at_ns is not None,
            "started_ns": started_ns, "finished_ns": time.time_ns(),
        })  # fmt: skip
        record.failure = "; ".join(part for part in (not_held(run), reason, broken) if part)


def choose(requests: Any, size: int = SAMPLE) -> Any:
    """The rows of the sample: acknowledged events of the measured phase, evenly spread over it, the same ones each
    time."""
    import numpy as np

    from readiness.analysis.ledger import succeeded

    good = requests[succeeded(requests) & (requests["phase"] == "measure").to_numpy()].sort_values("seq")
    good = good.drop_duplicates("event_id")
    if not len(good):
        return good
    places = np.unique(np.linspace(0, len(good) - 1, min(size, len(good))).round().astype(int))
    return good.iloc[places]


def _made_again(run: Run, name: str, source: str) -> list[dict[str, Any]]:
    """The events of the sample, as replay_bodies.py prints them. Raises StageError if they are not what was sent."""
    requests, plan = (run.archive.file(run.run_id, StageRef(name, "load"), file) for file in _LOAD_FILES)
    chosen = choose(read_columns(requests, _SENT))
    sample = {"source": source, "arrivals": chosen[["seq", "intended_ns"]].to_numpy().tolist()}
    command = [sys.executable, str(scenarios_folder() / "locust" / "replay_bodies.py"), str(plan)]
    try:
        done = subprocess.run(
            command, input=json.dumps(sample), capture_output=True, text=True, timeout=_MAKING_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise StageError(f"{name}: the events to replay were not made within {_MAKING_S:g} s") from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise StageError(f"{name}: the events to replay cannot be made: {said}")
    first, *events = [json.loads(line) for line in done.stdout.splitlines()]
    recorded = run.read_facts(StageRef(name, "load"), "generator.json").get("traffic")
    asked = list(zip(chosen["seq"], chosen["event_id"], chosen["signature_id"], strict=True))
    made = [(event["seq"], event["event_id"], event["signature_id"]) for event in events]
    if first["traffic"] != recorded or made != asked:
        raise StageError(
            f"{name}: the recordings in {scenarios_folder() / 'traffic'} are not those that the load was drawn from; "
            "bring back those whose sha256 generator.json names"
        )
    return events


def _send(url: str, events: Iterable[dict[str, Any]], timeout_s: float) -> list[int]:
    """Send one after the other, each when the one before was answered; the HTTP statuses, 0 without an answer."""
    with platform_api.Sender(url, timeout_s) as sender:
        return [sender.send(event["body"].encode()) for event in events]


def _kept(run: Run, name: str, event_ids: set[str]) -> dict[str, Assessment]:
    """The verdicts under load, by event id."""
    path = run.archive.file(run.run_id, StageRef(name, "collect"), "audit.parquet")
    rows = read_columns(path, ["event_id", "detail"], [("action", "==", "assessed"), ("event_id", "in", event_ids)])
    return {
        event: assessment(json.loads(detail)) for event, detail in zip(rows["event_id"], rows["detail"], strict=True)
    }


def _read_quiet(url: str, source: str) -> tuple[dict[str, Assessment], str]:
    """The verdicts of the replay, by event id, and why there may be more; that is empty if all were read."""
    found: dict[str, Assessment] = {}
    try:
        for row in platform_api.stream(url, source):
            if row["action"] == "assessed":
                found[row["event_id"]] = assessment(row["detail"])
    except platform_api.ApiError as error:
        return found, str(error)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return found, f"GET {url}: a row is not as documented ({error!r})"
    return found, ""


def assessment(detail: dict[str, Any]) -> Assessment:
    """The detail of an ``assessed`` line (docs/platform-api.md). Raises KeyError or TypeError for another form."""
    return Assessment(
        float(detail["risk"]), str(detail["level"]), float(detail.get("confidence", "nan")),
        ",".join(sorted(detail["due"])), _basis(detail.get("verdict")),
    )  # fmt: skip


def _basis(verdict: dict[str, Any] | None) -> str:
    """The versions that a verdict names."""
    if verdict is None:
        return ""
    named = {part: verdict.get(part, {}).get("version") for part in ("model", "intelligence")}
    return json.dumps(named | {"history": verdict.get("history")}, sort_keys=True)


def pair(
    event: dict[str, Any], answer: int, under_load: Assessment | None, quiet: Assessment | None
) -> tuple[Any, ...]:
    """A row of replay/verdicts.parquet."""
    nothing = Assessment(float("nan"), "", float("nan"), "", "")
    one, other = under_load or nothing, quiet or nothing
    both = under_load is not None and quiet is not None
    return (
        event["event_id"], event["replayed_event_id"], answer, both, one.risk, other.risk, one.level, other.level,
        one.confidence, other.confidence, one.due, other.due, one.basis, other.basis,
    )  # fmt: skip
