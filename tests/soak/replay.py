"""The same alerts twice, slowly and twenty times as fast, on two fresh platforms: every verdict must be the same."""

import tempfile
import uuid
from pathlib import Path

import msgspec
from instruments.lines import read_lines
from instruments.plan import SendPlan
from instruments.running import RunningPlatform, running
from instruments.sending import send

SLOW_PER_S, SPEED_UP = 500.0, 20
FAST_EVENTS_PER_REQUEST = 10
OBSERVED_FROM_NS = 1_735_689_600_000_000_000  # 2025-01-01: any fixed time
TARGETS: dict[str, float] = {"verdicts that differ": 0, "events without a verdict": 0}


class Verdict(msgspec.Struct, frozen=True):
    """What was found about an event."""

    risk: float
    level: str
    confidence: float
    due: tuple[str, ...]


class _Row(msgspec.Struct):
    event_id: uuid.UUID
    action: str
    detail: msgspec.Raw


def replay(count: int, seed: int = 4) -> dict[str, float]:
    """Send `count` events at SLOW_PER_S, then the same bytes SPEED_UP times as fast, and compare event by event."""
    slow = _verdicts(count, seed, SLOW_PER_S, 1)
    fast = _verdicts(count, seed, SLOW_PER_S * SPEED_UP, FAST_EVENTS_PER_REQUEST)
    both = slow.keys() & fast.keys()
    differing = [event_id for event_id in both if slow[event_id] != fast[event_id]]
    for event_id in differing[:5]:
        print(f"{event_id}: {slow[event_id]} when sent slowly, {fast[event_id]} when sent fast")
    return {
        "events": float(count), "verdicts that differ": float(len(differing)),
        "events without a verdict": float(2 * count - len(slow) - len(fast)),
        "verdicts of different content": float(len(set(slow.values()))),
    }  # fmt: skip


def _verdicts(count: int, seed: int, rate_per_s: float, events_per_request: int) -> dict[uuid.UUID, Verdict]:
    with (
        tempfile.TemporaryDirectory(prefix="replay-") as folder,
        running(Path(folder) / "state") as platform,
    ):
        # The times in the events are those of the slow sending, both times.
        plan = SendPlan(
            platform.events_url, "replay", rate_per_s, count / rate_per_s, seed, events_per_request=events_per_request,
            connections=48, observed_from_ns=OBSERVED_FROM_NS, observed_step_ns=round(1e9 / SLOW_PER_S),
        )  # fmt: skip
        outcome = send(plan, Path(folder))
        if not outcome.accepted.all():
            raise RuntimeError(f"not every event was accepted: {outcome.statuses()}")
        platform.await_drained(120)
        return read_verdicts(platform, plan.source)


def read_verdicts(platform: RunningPlatform, source: str) -> dict[uuid.UUID, Verdict]:
    """The verdict on each event of a source, from the audit trail."""
    rows = (row for rows in read_lines(f"{platform.base_url}/v1/audit", source, _Row) for row in rows)
    return {row.event_id: msgspec.json.decode(row.detail, type=Verdict) for row in rows if row.action == "assessed"}
