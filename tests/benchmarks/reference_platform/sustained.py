"""What can be sustained: 240,000 events a minute one a request, 600,000 a minute in requests of 50."""

from instruments.plan import SendPlan
from target import NONE, Target, at_most, under

from reference_platform.load_run import cost_figures, fresh_platform, latency_figures, load_run

SHORT_S = 60.0
_WHOLE: dict[str, Target] = {
    "events not acknowledged": NONE, "acknowledged events lost": NONE, "handled twice": NONE,
    "ids that were never sent": NONE, "send lag p99 ms": under(10), "largest replica MB": at_most(100),
}  # fmt: skip
SINGLE_TARGETS = _WHOLE | {"end to end p95 ms": under(50), "CPU ms an event, all processes": at_most(0.2)}
BATCHED_TARGETS = _WHOLE | {"end to end p95 ms": under(100)}


def measure_single(short: bool) -> dict[str, float]:
    """240,000 a minute, single events, 10 minutes."""
    return _measure(240_000, 1, SHORT_S if short else 600.0)


def measure_batched(short: bool) -> dict[str, float]:
    """600,000 a minute, 50 a request, 5 minutes."""
    return _measure(600_000, 50, SHORT_S if short else 300.0)


def _measure(per_min: int, events_per_request: int, duration_s: float) -> dict[str, float]:
    with fresh_platform() as (platform, folder):
        plan = SendPlan(
            platform.events_url, "sustained", per_min / 60, duration_s, seed=2, events_per_request=events_per_request
        )  # fmt: skip
        run = load_run(platform, plan, folder)
    return latency_figures(run) | cost_figures(run) | {"drained after s": run.drain_s}
