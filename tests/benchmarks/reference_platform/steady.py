"""25,000 events a minute, one a request, three replicas: latency, cost, and the operations' own histograms."""

from instruments.histograms import quantile_ms
from instruments.plan import SendPlan
from target import NONE, Target, at_most, under

from reference_platform.load_run import LoadRun, cost_figures, fresh_platform, latency_figures, load_run

RATE_PER_S = 25_000 / 60
FULL_S, SHORT_S = 120.0, 20.0
# A tenth of what the requirements allow each operation at the 99th percentile, in ms.
OPERATIONS_P99_MS = {"threat_assessment": 6.0, "alert_routing": 11.0, "incident_response": 110.0}
# The recorded alerts repeat, so that hardly an incident is opened once they have all been seen: remediation is timed
# where every event opens an incident.
REMEDIATION_P99_MS = 45.0
TARGETS: dict[str, Target] = {
    "end to end p50 ms": at_most(3), "end to end p95 ms": at_most(5), "end to end p99 ms": at_most(10),
    "accept p95 ms": at_most(2), "events not acknowledged": NONE, "acknowledged events lost": NONE,
    "handled twice": NONE, "ids that were never sent": NONE,
    "CPU ms an event, all processes": at_most(0.6), "network bytes an event": at_most(2048),
    "durable bytes an event": at_most(1700), "largest replica MB": at_most(100),
    **{f"{operation} p99 ms": at_most(most_ms) for operation, most_ms in OPERATIONS_P99_MS.items()},
}  # fmt: skip


INCIDENT_TARGETS: dict[str, Target] = {
    "disk ms an incident": under(1), "events that opened none": NONE, "acknowledged events lost": NONE,
    "auto_remediation p99 ms": at_most(REMEDIATION_P99_MS),
}  # fmt: skip


def measure(short: bool) -> dict[str, float]:
    """All figures at this load."""
    with fresh_platform() as (platform, folder):
        plan = SendPlan(
            platform.events_url, "steady", RATE_PER_S, SHORT_S if short else FULL_S, seed=1, connections=48
        )  # fmt: skip
        run = load_run(platform, plan, folder)
    return latency_figures(run) | cost_figures(run) | operation_figures(run)


def measure_incidents(short: bool) -> dict[str, float]:  # noqa: ARG001  it is short by itself
    """Where every event opens an incident: the time that the disk takes for one, and the operations' own times."""
    with fresh_platform() as (platform, folder):
        plan = SendPlan(
            platform.events_url, "incidents", RATE_PER_S, SHORT_S, seed=8, connections=48, distinct=True
        )  # fmt: skip
        run = load_run(platform, plan, folder)
    opened = run.ledger.incidents_opened
    return {
        "disk ms an incident": run.stored.io_ms / max(1, opened), "incidents opened": float(opened),
        "events that opened none": float(run.account.sent - opened),
        "acknowledged events lost": float(run.account.lost),
        "durable bytes an incident": run.stored.size_bytes / max(1, opened),
    } | operation_figures(run)  # fmt: skip


def operation_figures(run: LoadRun) -> dict[str, float]:
    """The 99th percentile of each operation that the platform times: the upper bound of its bucket, in ms."""
    return {
        f"{operation} p99 ms": quantile_ms(buckets, 0.99)[1]
        for operation, buckets in run.operations.items()
        if buckets and max(buckets.values()) > 0
    }
