"""Observe: health and metrics of every replica at a fixed interval while the load runs.

Ticks are scheduled from a fixed start; each replica is read by a task of its own, so that one that hangs delays
neither the others nor the next tick.
"""

import asyncio
import json
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from readiness.clients.platform_api import Scrape, Scraper
from readiness.clients.tables import TableWriter
from readiness.clients.external_target import RunningTarget
from readiness.clients.target_process import ProcessWatch, TargetError, TargetProcess
from readiness.model.dataset import HEALTH, METRICS
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.stages.recording import Recording, recording
from readiness.stages.run import Run

_QUEUE = "phantommesh_queue_depth"
_QUIET_TICKS = 3
_FLUSH_TICKS = 30
_LONGEST_ANSWER_S = 2.0


@dataclass(frozen=True)
class Replica:
    """One thing to observe. ``admin_url`` None: only its process can be watched."""

    component: str
    name: str
    admin_url: str | None
    pid: int | None
    metrics: bool


@dataclass
class _Pulse:
    """How punctual the observer itself was."""

    ticks: int = 0
    late: int = 0
    worst_lag_s: float = 0.0
    queue: dict[str, float] = field(default_factory=dict)
    quiet: int = 0


def observe(run: Run, name: str, phases: Path) -> None:
    """Sample until the queue is empty again after the load that publishes ``phases``, at the latest until its drain
    is over, or until SIGTERM."""
    scenario = run.plan.scenario(name)
    profile = scenario.profiles[run.plan.profile]
    inputs = (StageRef(RUN_SCOPE, "plan"), StageRef(RUN_SCOPE, "deploy"))
    with recording(run, StageRef(name, "observe"), inputs, show=False) as record:
        with (
            TableWriter(record.folder / "metrics.parquet", METRICS) as metrics,
            TableWriter(record.folder / "health.parquet", HEALTH) as health,
        ):
            observer = Observer(
                run.target, replicas_of(run), run.plan.environment.observation.interval, metrics, health
            )
            longest_s = profile.warmup + profile.measure + profile.drain + scenario.load.request_timeout + 60
            started_ns = time.time_ns()
            asyncio.run(observer.run(_Until(phases, profile.drain), longest_s))
        record.rows |= {"metrics.parquet": metrics.count, "health.parquet": health.count}
        _write_facts(record, run, observer, started_ns)


def replicas_of(run: Run) -> tuple[Replica, ...]:
    """Every replica of the deployed target, and whether the environment expects metrics of it."""
    components = run.plan.environment.components
    found = []
    for part in run.status()["components"]:
        declared = components.get(part["component"])
        with_metrics = part["admin_url"] is not None and (declared is None or declared.metrics)
        found.append(Replica(part["component"], part["replica"], part["admin_url"], part["pid"], with_metrics))
    return tuple(found)


def _write_facts(record: Recording, run: Run, observer: "Observer", started_ns: int) -> None:
    pulse = observer.pulse
    targets = [
        {"component": item.component, "replica": item.name, "admin_url": item.admin_url, "metrics": item.metrics}
        for item in observer.replicas
    ]
    record.write("observe.json", {
        "interval_s": run.plan.environment.observation.interval, "started_ns": started_ns,
        "finished_ns": time.time_ns(), "targets": targets, "ticks": pulse.ticks, "late_ticks": pulse.late,
        "worst_lag_ms": pulse.worst_lag_s * 1e3,
    })  # fmt: skip


class _Until:
    """When to stop: the load's last phase has ended and the queue is empty, or the drain's time is over."""

    def __init__(self, phases: Path, drain_s: float) -> None:
        self._phases, self._drain_ns = phases, round(drain_s * 1e9)
        self._end_ns: int | None = None

    def reached(self, now_ns: int, quiet_ticks: int) -> bool:
        if self._end_ns is None and self._phases.is_file():
            self._end_ns = max(phase["end_ns"] for phase in json.loads(self._phases.read_text())["phases"])
        if self._end_ns is None or now_ns < self._end_ns:
            return False
        return quiet_ticks >= _QUIET_TICKS or now_ns > self._end_ns + self._drain_ns

    def loading(self, now_ns: int) -> bool:
        """Whether the load has not ended yet: an empty queue means nothing then."""
        return self._end_ns is None or now_ns < self._end_ns


class Observer:
    """Samples replicas every ``interval_s`` into the two tables."""

    def __init__(
        self,
        target: TargetProcess | RunningTarget,
        replicas: tuple[Replica, ...],
        interval_s: float,
        metrics: TableWriter,
        health: TableWriter,
    ) -> None:
        self._target, self.replicas, self._interval_s = target, replicas, interval_s
        self._metrics, self._health = metrics, health
        self._watches = {item.name: ProcessWatch(item.pid) for item in replicas if item.admin_url is None}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self.pulse = _Pulse()

    async def run(self, until: _Until, longest_s: float) -> None:
        """Tick until ``until`` says so, ``longest_s`` have passed, SIGTERM or SIGINT came, or the process that started
        this one is gone: nobody would stop it then."""
        stop, parent = asyncio.Event(), int(os.environ.get("READINESS_STARTER") or os.getppid())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        started_s, anchor_ns = time.monotonic(), time.time_ns()
        tasks: set[asyncio.Task[None]] = set()
        async with Scraper(min(_LONGEST_ANSWER_S, 2 * self._interval_s)) as scraper:
            tick = 0
            while not stop.is_set() and time.monotonic() - started_s < longest_s and os.getppid() == parent:
                due_s = started_s + tick * self._interval_s
                tick_ns = anchor_ns + round(tick * self._interval_s * 1e9)
                await _sleep_until(due_s, stop)
                tick = self._count(tick, time.monotonic() - due_s)
                for replica in self.replicas:
                    task = asyncio.create_task(self._sample(scraper, replica, tick_ns))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                self._judge_quiet(until, tick_ns)
                if until.reached(time.time_ns(), self.pulse.quiet):
                    break
            await asyncio.gather(*tasks)

    def _count(self, tick: int, lag_s: float) -> int:
        """Note the tick's lag; the next tick to wait for. Ticks that are over already are skipped, not bunched."""
        pulse = self.pulse
        pulse.ticks += 1
        pulse.worst_lag_s = max(pulse.worst_lag_s, lag_s)
        pulse.late += lag_s > self._interval_s / 2
        if pulse.ticks % _FLUSH_TICKS == 0:
            self._metrics.flush()
            self._health.flush()
        return tick + 1 + int(max(0.0, lag_s) / self._interval_s)

    def _judge_quiet(self, until: _Until, now_ns: int) -> None:
        depths = self.pulse.queue.values()
        quiet = bool(depths) and max(depths) == 0 and not until.loading(now_ns)
        self.pulse.quiet = self.pulse.quiet + 1 if quiet else 0

    async def _sample(self, scraper: Scraper, replica: Replica, tick_ns: int) -> None:
        if replica.admin_url is None:
            scrape = self._watched(replica)
        elif replica.metrics:
            scrape = await scraper.metrics(replica.admin_url)
        else:
            scrape = await scraper.health(replica.admin_url)
        who = (tick_ns, replica.component, replica.name)
        self._health.extend([(*who, scrape.answered, scrape.ready, scrape.took_ms, scrape.error)])
        self._metrics.extend((*who, item.metric, item.labels, item.value) for item in scrape.samples)
        for item in scrape.samples:
            if item.metric == _QUEUE:
                self.pulse.queue[replica.name] = item.value

    def _watched(self, replica: Replica) -> Scrape:
        alive = self._watches[replica.name].alive()
        if not alive and replica.name not in self._asking:
            self._asking[replica.name] = asyncio.create_task(self._find_again(replica))
        return Scrape(alive, alive, 0.0, "" if alive else "the process is gone", ())

    async def _find_again(self, replica: Replica) -> None:
        """A supervised process that was restarted has another id: ask for it."""
        try:
            status = await asyncio.to_thread(self._target.status)
            for part in status["components"]:
                if part["replica"] == replica.name and part["pid"]:
                    self._watches[replica.name] = ProcessWatch(part["pid"])
        except (TargetError, ValueError):
            return  # it stays "gone" in the samples, and is asked for again at the next tick
        finally:
            del self._asking[replica.name]


async def _sleep_until(due_s: float, stop: asyncio.Event) -> None:
    left_s = due_s - time.monotonic()
    if left_s <= 0:
        return
    try:
        await asyncio.wait_for(stop.wait(), left_s)
    except TimeoutError:
        return
