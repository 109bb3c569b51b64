"""Memory: flat over an hour at 10,000 a minute; what an event in flight costs."""

import os
import signal
from dataclasses import replace

from instruments.accounts import Accounts
from instruments.plan import SendPlan
from instruments.sending import send
from target import NONE, Target, at_most

from reference_platform.load_run import DRAIN_S, fresh_platform, load_run, warm

RATE_PER_S, FULL_S, SHORT_S = 10_000 / 60, 3_600.0, 300.0
BURST_PER_S, BURST_S = 4_500.0, 10.0
IN_FLIGHT, FILL_PER_S = 30_000, 10_000.0
FLAT_TARGETS: dict[str, Target] = {
    "replicas whose memory grows": NONE, "largest replica MB": at_most(100), "acknowledged events lost": NONE,
}  # fmt: skip
IN_FLIGHT_TARGETS: dict[str, Target] = {"bytes an event in flight": at_most(5_000)}


def measure_flat(short: bool) -> dict[str, float]:
    """Slope of each replica's resident memory after a burst. One grows when the whole 95 % interval of it is above
    zero. The allocators keep what the most events in flight at once have needed: without the burst the hour would show
    when its own deepest queue came, which is when something else took the processors."""
    with fresh_platform() as (platform, folder):
        plan = SendPlan(
            platform.events_url, "memory", RATE_PER_S, SHORT_S if short else FULL_S, seed=6, connections=48
        )  # fmt: skip
        send(replace(plan, source="memory/burst", rate_per_s=BURST_PER_S, duration_s=BURST_S), folder)
        platform.await_drained(DRAIN_S)
        run = load_run(platform, plan, folder)
    found: dict[str, float] = {}
    growing = 0
    for name, (slope, low, high) in run.rss.slope_bytes_per_h().items():
        found[f"{name}: slope KiB/h"] = slope / 1024
        found[f"{name}: slope KiB/h, low"], found[f"{name}: slope KiB/h, high"] = low / 1024, high / 1024
        growing += low > 0
    return found | {
        "replicas whose memory grows": float(growing), "largest replica MB": run.rss.highest_bytes() / 1e6,
        "acknowledged events lost": float(run.account.lost),
    }  # fmt: skip


def measure_in_flight(short: bool) -> dict[str, float]:  # noqa: ARG001  it is short by itself
    """What the replicas' memory grows by, an event, while the sink is stopped and everything stays in flight."""
    with fresh_platform() as (platform, folder):
        plan = SendPlan(
            platform.events_url, "in-flight", FILL_PER_S, IN_FLIGHT / FILL_PER_S, seed=7, events_per_request=100
        )  # fmt: skip
        warm(platform, plan, folder)
        accounts = Accounts(platform)
        sink = platform.pids()["sink-0"]
        before = sum(accounts.rss_bytes().values())
        os.kill(sink, signal.SIGSTOP)
        try:
            outcome = send(plan, folder)
            grown = sum(accounts.rss_bytes().values()) - before
            waiting = platform.queue_depth()
        finally:
            os.kill(sink, signal.SIGCONT)
        platform.await_drained(DRAIN_S)
    acknowledged = float(outcome.acknowledged.sum())
    return {
        "bytes an event in flight": grown / max(1.0, waiting),
        "events in flight": waiting,
        "acknowledged": acknowledged,
    }
