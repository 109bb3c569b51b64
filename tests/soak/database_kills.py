"""kill -9 of PostgreSQL, again and again, under load: 503 meanwhile, nothing acknowledged lost, back by itself."""

import signal
import time
from pathlib import Path

import numpy as np
from instruments.ledger import Ledger
from instruments.outcome import Outcome
from instruments.plan import SendPlan
from instruments.running import RunningPlatform
from instruments.sending import start

from soak.victims import await_whole, end, pid_of

RATE_PER_S = 25_000 / 60
LONGEST_S_A_KILL = 40.0
_SETTLE_S = 1.5
TARGETS: dict[str, float] = {
    "acknowledged events lost": 0, "handled twice": 0, "answers other than 202 and 503": 0,
    "kills without a 503": 0, "kills without recovery": 0, "ids that were never sent": 0,
    "deliveries repeated": 0,
}  # fmt: skip


def kill_database(
    platform: RunningPlatform, folder: Path, count: int, seed: int = 2, rate_per_s: float = RATE_PER_S
) -> dict[str, float]:
    """Kill `count` times; nobody tries again, so that what was acknowledged is exactly what was answered 202."""
    plan = SendPlan(
        platform.events_url, f"soak/database/{seed}", rate_per_s, min(7_200.0, 10 + count * LONGEST_S_A_KILL), seed,
        connections=48, answer_timeout_s=30,
    )  # fmt: skip
    status = platform.await_ready(60)
    sending = start(plan, folder)
    kills = []
    try:
        for _ in range(count):
            time.sleep(_SETTLE_S)  # load on a whole platform between two kills
            pid = pid_of(status, "postgres-0")
            kills.append(end(pid, signal.SIGKILL))
            status = await_whole(platform, pid)
        time.sleep(_SETTLE_S)
        sending.stop()
        outcome = sending.finish()
    finally:
        sending.process.kill()
    platform.await_drained(120)
    ledger = Ledger(outcome)
    ledger.read(platform.base_url, platform.sink_url, plan.source)
    return _figures(outcome, ledger, kills)


def _figures(outcome: Outcome, ledger: Ledger, kills: list[int]) -> dict[str, float]:
    account = ledger.account()
    away = [away_s(outcome, at_ns, until_ns) for at_ns, until_ns in zip(kills, [*kills[1:], 2**62], strict=True)]
    recovered = [seconds for seconds in away if seconds is not None and np.isfinite(seconds)]
    return {
        "kills": float(len(kills)), "events sent": float(account.sent), "acknowledged": float(account.acknowledged),
        "acknowledged events lost": float(account.lost), "handled twice": float(account.handled_twice),
        "ids that were never sent": float(account.unexpected),
        "deliveries repeated": float(account.repeated_deliveries),
        "answered 503": float((outcome.status == 503).sum()),
        "answers other than 202 and 503": float((~np.isin(outcome.status, (202, 503))).sum()),
        "kills without a 503": float(sum(seconds is None for seconds in away)),
        "kills without recovery": float(sum(seconds is not None and not np.isfinite(seconds) for seconds in away)),
        "accepts again after, median s": float(np.median(recovered)) if recovered else float("nan"),
        "accepts again after, longest s": max(recovered, default=float("nan")),
    }  # fmt: skip


def away_s(outcome: Outcome, at_ns: int, until_ns: int) -> float | None:
    """From a kill to the first 202 of a request that was sent after the last 503; None without any 503, infinite when
    no 202 followed. A 503 counts for the kill after which it was answered: what is under way at a kill is its victim,
    not one of the kill before."""
    refused = outcome.intended_ns[(outcome.done_ns >= at_ns) & (outcome.done_ns < until_ns) & (outcome.status == 503)]
    if not len(refused):
        return None
    later = (outcome.intended_ns > refused.max()) & (outcome.intended_ns < until_ns)
    again = outcome.done_ns[later & outcome.accepted]
    return float(again.min() - at_ns) / 1e9 if len(again) else float("inf")
