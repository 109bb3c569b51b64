"""SIGTERM to every replica in turn, again and again, under load: no request fails."""

import signal
import time
from pathlib import Path

from instruments.ledger import Ledger
from instruments.plan import SendPlan
from instruments.running import RunningPlatform
from instruments.sending import start

from soak.victims import await_whole, end, replicas

RATE_PER_S = 25_000 / 60
LONGEST_S_A_RESTART = 60.0
_SETTLE_S = 0.5
TARGETS: dict[str, float] = {
    "failed requests": 0, "acknowledged events lost": 0, "handled twice": 0, "ids that were never sent": 0,
    "deliveries repeated": 0,
}  # fmt: skip


def restart_all(
    platform: RunningPlatform, folder: Path, count: int, seed: int = 3, rate_per_s: float = RATE_PER_S
) -> dict[str, float]:
    """Restart all replicas, one after another, `count` times. A request has failed when its first attempt was not
    answered 202; it is then sent again, so that the account closes."""
    plan = SendPlan(
        platform.events_url, f"soak/restart/{seed}", rate_per_s, min(7_200.0, 10 + count * LONGEST_S_A_RESTART), seed,
        connections=48, pipeline=1, retry_first_ms=5.0,
    )  # fmt: skip
    status = platform.await_ready(60)
    sending = start(plan, folder)
    try:
        for _ in range(count):
            for name in sorted(replicas(status)):
                time.sleep(_SETTLE_S)  # load on a whole platform between two restarts
                pid = replicas(status)[name]
                end(pid, signal.SIGTERM)
                status = await_whole(platform, pid)
        time.sleep(_SETTLE_S)
        sending.stop()
        outcome = sending.finish()
    finally:
        sending.process.kill()
    platform.await_drained(120)
    ledger = Ledger(outcome)
    ledger.read(platform.base_url, platform.sink_url, plan.source)
    account = ledger.account()
    percents = outcome.latency_ms(99, 100)
    return {
        "rolling restarts": float(count), "events sent": float(account.sent),
        "failed requests": float((outcome.first_status != 202).sum()),
        "of them without an answer": float((outcome.first_status == 0).sum()),
        "never acknowledged": float(account.sent - account.acknowledged),
        "acknowledged events lost": float(account.lost), "handled twice": float(account.handled_twice),
        "ids that were never sent": float(account.unexpected),
        "deliveries repeated": float(account.repeated_deliveries),
        "accept p99 ms": percents[0], "accept longest ms": percents[1], "send lag p99 ms": outcome.lag_ms(99),
    }  # fmt: skip
