"""kill -9 of a random replica, again and again, under 25,000 events a minute from clients that try again."""

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from instruments.ledger import Ledger
from instruments.outcome import Outcome
from instruments.plan import SendPlan
from instruments.running import RunningPlatform
from instruments.sending import start

from soak.victims import await_whole, end, replicas

RATE_PER_S = 25_000 / 60
LONGEST_S_A_KILL = 12.0
_BEFORE_NS, _AFTER_NS = 50_000_000, 1_000_000_000
_ORPHANS_OF_NS = 5_000_000_000
TARGETS: dict[str, float] = {
    "acknowledged events lost": 0, "handled twice": 0, "never acknowledged": 0, "ids that were never sent": 0,
    "deliveries repeated": 0, "accept gap p99 ms": 25, "orphans taken over, longest s": 0.5,
}  # fmt: skip


@dataclass(frozen=True)
class Kill:
    """Which replica, and when (epoch, ns)."""

    replica: str
    at_ns: int


def kill_replicas(
    platform: RunningPlatform, folder: Path, count: int, seed: int = 1, rate_per_s: float = RATE_PER_S
) -> dict[str, float]:
    """Kill `count` times; the figures of TARGETS among others."""
    chance = random.Random(seed)
    plan = SendPlan(
        platform.events_url, f"soak/kill/{seed}", rate_per_s, min(7_200.0, 10 + count * LONGEST_S_A_KILL), seed,
        connections=48, pipeline=1, retry_first_ms=2.0,
    )  # fmt: skip
    status = platform.await_ready(60)
    sending = start(plan, folder)
    try:
        kills = _kill(platform, status, count, chance)
        time.sleep(_AFTER_NS / 1e9)  # what is measured after the last kill
        sending.stop()
        outcome = sending.finish()
    finally:
        sending.process.kill()
    platform.await_drained(120)
    ledger = Ledger(outcome)
    ledger.read(platform.base_url, platform.sink_url, plan.source)
    return _figures(outcome, ledger, kills)


def _kill(platform: RunningPlatform, status: dict[str, object], count: int, chance: random.Random) -> list[Kill]:
    kills = []
    for _ in range(count):
        time.sleep(chance.uniform(0.4, 0.8))  # load between two kills; at no fixed beat
        name, pid = chance.choice(sorted(replicas(status).items()))
        kills.append(Kill(name, end(pid, signal.SIGKILL)))
        status = await_whole(platform, pid)
    return kills


def _figures(outcome: Outcome, ledger: Ledger, kills: list[Kill]) -> dict[str, float]:
    account = ledger.account()
    ends_ns = [kill.at_ns - _BEFORE_NS for kill in kills[1:]] + [2**62]
    gaps = [_gap_ms(outcome, kill, end_ns) for kill, end_ns in zip(kills, ends_ns, strict=True)]
    orphans = [_orphans_s(ledger, kill) for kill in kills]
    return {
        "kills": float(len(kills)), "events sent": float(account.sent),
        "acknowledged events lost": float(account.lost), "handled twice": float(account.handled_twice),
        "never acknowledged": float(account.sent - account.acknowledged),
        "ids that were never sent": float(account.unexpected),
        "deliveries repeated": float(account.repeated_deliveries),
        "requests sent again": float((outcome.attempts > 1).sum()),
        "sent again, until accepted p99 ms": _sent_again_ms(outcome),
        "answered as duplicate": float(outcome.facts["counts"].get("duplicate", 0)),
        "accept gap p50 ms": float(np.percentile(gaps, 50)), "accept gap p99 ms": float(np.percentile(gaps, 99)),
        "accept gap longest ms": max(gaps), "orphans taken over, median s": float(np.median(orphans)),
        "orphans taken over, longest s": max(orphans), "send lag p99 ms": outcome.lag_ms(99),
    }  # fmt: skip


def _gap_ms(outcome: Outcome, kill: Kill, end_ns: int) -> float:
    """The longest time from an event's first attempt to its acknowledgement, of those due around a kill and before
    what belongs to the next."""
    near = outcome.intended_ns > kill.at_ns - _BEFORE_NS
    near &= outcome.intended_ns < min(kill.at_ns + _AFTER_NS, end_ns)
    done = near & outcome.accepted
    return float((outcome.done_ns - outcome.sent_ns)[done].max()) / 1e6 if done.any() else float("inf")


def _sent_again_ms(outcome: Outcome) -> float:
    """The 99th percentile of the time from the first attempt to the acknowledgement, of the events that lost their
    connection to a kill; 0 when none did."""
    its = (outcome.attempts > 1) & outcome.accepted
    return float(np.percentile((outcome.done_ns - outcome.sent_ns)[its], 99)) / 1e6 if its.any() else 0.0


def _orphans_s(ledger: Ledger, kill: Kill) -> float:
    """How long after a kill the last event that the replica had received was handled; 0 when all were already."""
    its = ledger.received_by == (ledger.replicas.index(kill.replica) if kill.replica in ledger.replicas else -2)
    its &= (ledger.received_at_ns < kill.at_ns) & (ledger.received_at_ns > kill.at_ns - _ORPHANS_OF_NS)
    return max(0.0, float(ledger.handled_ns[its].max() - kill.at_ns) / 1e9) if its.any() else 0.0
