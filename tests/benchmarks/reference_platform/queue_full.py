"""A full queue: refusals are quick and say when to come again; what was accepted is not affected.

The sink is stopped, so that nothing leaves the queue, for less time than it takes to give a delivery up.
"""

import os
import signal

import numpy as np
from instruments.ledger import Ledger
from instruments.outcome import Outcome
from instruments.plan import SendPlan
from instruments.running import RunningPlatform
from instruments.sending import send
from target import NONE, Target, under

from reference_platform.load_run import DRAIN_S, fresh_platform, warm

QUEUE_SIZE, FILL_PER_S, REFUSED_PER_S, REFUSED_S = 2_000, 4_000.0, 1_000.0, 3.0
_FILL_S = 4 * QUEUE_SIZE / FILL_PER_S  # more than half of the recorded alerts are due nowhere and fill no queue
TARGETS: dict[str, Target] = {
    "refused p99 ms": under(5), "refusals without Retry-After": NONE, "other answers than 202 and 429": NONE,
    "acknowledged events lost": NONE, "handled twice": NONE, "refused events stored": NONE,
}  # fmt: skip


def measure(short: bool) -> dict[str, float]:  # noqa: ARG001  it is short by itself
    """How quick refusals are, and that nothing that was accepted suffers."""
    with fresh_platform(PHANTOMMESH_SYSTEM__EVENT_QUEUE_SIZE=str(QUEUE_SIZE)) as (platform, folder):
        filling = SendPlan(platform.events_url, "full", FILL_PER_S, _FILL_S, seed=4)
        refused = SendPlan(platform.events_url, "refused", REFUSED_PER_S, REFUSED_S, seed=5)
        warm(platform, filling, folder)
        sink = platform.pids()["sink-0"]
        os.kill(sink, signal.SIGSTOP)
        try:
            accepted, turned_away = send(filling, folder), send(refused, folder)
        finally:
            os.kill(sink, signal.SIGCONT)
        platform.await_drained(DRAIN_S)
        return _figures(platform, accepted, turned_away)


def _figures(platform: RunningPlatform, accepted: Outcome, turned_away: Outcome) -> dict[str, float]:
    ledgers = []
    for outcome, source in ((accepted, "full"), (turned_away, "refused")):
        ledger = Ledger(outcome)
        ledger.read(platform.base_url, platform.sink_url, source)
        ledgers.append(ledger)
    refusals = turned_away.status == 429
    taken_ms = (turned_away.done_ns - turned_away.intended_ns)[refusals] / 1e6
    p50, p99, most = np.percentile(taken_ms, (50, 99, 100)) if len(taken_ms) else (np.nan, np.nan, np.nan)
    counts = [outcome.facts["counts"] for outcome in (accepted, turned_away)]
    stored = ledgers[1].received[~turned_away.acknowledged] > 0
    acknowledged = sum(int(outcome.acknowledged.sum()) for outcome in (accepted, turned_away))
    return {
        "refusals": float(refusals.sum()), "refused p50 ms": float(p50), "refused p99 ms": float(p99),
        "refused max ms": float(most), "acknowledged": float(acknowledged),
        "refusals without Retry-After": float(sum(count.get("429 without Retry-After", 0) for count in counts)),
        "other answers than 202 and 429": float(
            sum(int((~np.isin(outcome.status, (202, 429))).sum()) for outcome in (accepted, turned_away))
        ),
        "acknowledged events lost": float(sum(ledger.account().lost for ledger in ledgers)),
        "handled twice": float(sum(ledger.account().handled_twice for ledger in ledgers)),
        "refused events stored": float(stored.sum()),
        "send lag p99 ms": turned_away.lag_ms(99),
    }  # fmt: skip
