"""420,000 events a minute for a minute, out of idleness: how long until the queue is empty again."""

from instruments.plan import SendPlan
from target import NONE, Target, at_most

from reference_platform.load_run import cost_figures, fresh_platform, latency_figures, load_run

RATE_PER_S, FULL_S, SHORT_S = 7_000.0, 60.0, 15.0
TARGETS: dict[str, Target] = {
    "drained after s": at_most(10), "acknowledged events lost": NONE, "handled twice": NONE,
    "events not acknowledged": NONE, "ids that were never sent": NONE,
}  # fmt: skip


def measure(short: bool) -> dict[str, float]:
    """Latency, what became of the events, and the time from the last due time to the last event handled."""
    with fresh_platform() as (platform, folder):
        # So many may be under way that what waits, waits at the service and not in the sender.
        plan = SendPlan(
            platform.events_url, "burst", RATE_PER_S, SHORT_S if short else FULL_S, seed=3, answer_timeout_s=60,
            max_connections=512, pipeline=256,
        )  # fmt: skip
        run = load_run(platform, plan, folder)
    return {"drained after s": run.drain_s} | latency_figures(run) | cost_figures(run)
