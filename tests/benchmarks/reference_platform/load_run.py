"""One load on one fresh platform, with everything that is measured around it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from instruments import database, histograms
from instruments.accounts import Accounts, RssSeries, Usage, watch_rss
from instruments.database import Stored
from instruments.histograms import Counts
from instruments.ledger import Account, Ledger
from instruments.outcome import Outcome
from instruments.plan import SendPlan
from instruments.running import RunningPlatform, running
from instruments.sending import send

WARM_S = 5.0
WARM_RATE_PER_S = 400.0
DRAIN_S = 300.0
MIB = 2**20


@dataclass(frozen=True)
class LoadRun:
    """What was measured. usage and stored: from before the first request to when the queue was empty."""

    plan: SendPlan
    outcome: Outcome
    ledger: Ledger
    account: Account
    usage: Usage
    stored: Stored
    rss: RssSeries
    operations: Counts

    @property
    def drain_s(self) -> float:
        """How long after the last due time the last event was handled."""
        return float(self.ledger.handled_ns.max() - self.outcome.intended_ns[-1]) / 1e9


@contextmanager
def fresh_platform(replicas: int = 3, **environment: str) -> Iterator[tuple[RunningPlatform, Path]]:
    """A platform in a new folder, and that folder; both are gone at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        running(Path(folder) / "state", "--replicas", str(replicas), **environment) as platform,
    ):
        database.time_input_and_output(platform.state)
        yield platform, Path(folder)


def warm(platform: RunningPlatform, plan: SendPlan, folder: Path) -> None:
    """A little of the load first, so that no figure holds what happens once after a start."""
    rate_per_s = min(WARM_RATE_PER_S * plan.events_per_request, plan.rate_per_s)
    send(replace(plan, source=f"{plan.source}/warm", rate_per_s=rate_per_s, duration_s=WARM_S), folder)
    platform.await_drained(DRAIN_S)


def load_run(platform: RunningPlatform, plan: SendPlan, folder: Path) -> LoadRun:
    """Warm up, load, wait until everything is handled, account for every event."""
    warm(platform, plan, folder)
    accounts = Accounts(platform)
    stored, counted = database.look(platform.state), histograms.counts(platform.metrics())
    used = accounts.look()
    with watch_rss(accounts, max(0.5, plan.duration_s / 1000)) as rss:
        outcome = send(plan, folder)
        platform.await_drained(DRAIN_S)
    usage = accounts.look().since(used)
    operations = histograms.between(counted, histograms.counts(platform.metrics()))
    stored = database.since(database.look(platform.state), stored)
    ledger = Ledger(outcome)
    ledger.read(platform.base_url, platform.sink_url, plan.source)
    return LoadRun(plan, outcome, ledger, ledger.account(), usage, stored, rss, operations)


def latency_figures(run: LoadRun) -> dict[str, float]:
    """Percentiles in ms, and what became of the events."""
    percents = (50, 95, 99)
    end_to_end, accept = run.ledger.end_to_end_ms(*percents), run.outcome.latency_ms(*percents)
    found = {f"end to end p{q} ms": value for q, value in zip(percents, end_to_end, strict=True)}
    found |= {f"accept p{q} ms": value for q, value in zip(percents, accept, strict=True)}
    account = run.account
    return found | {
        "events sent": float(account.sent),
        "events not acknowledged": float(account.sent - account.acknowledged),
        "acknowledged events lost": float(account.lost),
        "handled twice": float(account.handled_twice),
        "deliveries repeated": float(account.repeated_deliveries),
        "deliveries given up": float(account.given_up),
        "ids that were never sent": float(account.unexpected),
        "due at no channel, share": account.due_nowhere / account.sent,
        "send lag p99 ms": run.outcome.lag_ms(99),
        "sender CPU us a request": run.outcome.facts["cpu_us_per_request"],
    }


def cost_figures(run: LoadRun) -> dict[str, float]:
    """CPU, memory, bytes and disk, an event (an incident where said so)."""
    events, facts, usage, stored = run.account.sent, run.outcome.facts, run.usage, run.stored
    found = {f"CPU ms an event: {group}": used_s / events * 1e3 for group, used_s in usage.cpu_s.items()}
    http = facts["sent_bytes"] + facts["received_bytes"]
    return found | {
        "CPU ms an event, all processes": usage.total_cpu_s / events * 1e3,
        "network bytes an event": (http + usage.sink_read_bytes) / events,
        "loopback bytes an event, with TCP's": usage.loopback_bytes / events,
        "durable bytes an event": stored.size_bytes / events,
        "write-ahead log bytes an event": stored.wal_bytes / events,
        "bytes that the database wrote an event": stored.written_bytes / events,
        "disk ms an event": stored.io_ms / events,
        "disk flushes an event": stored.fsyncs / events,
        "largest replica MB": run.rss.highest_bytes() / 1e6,
    }
