"""Observe: health and metrics of every replica at a fixed interval while the load runs. Where the target's Prometheus
has the metrics, health alone: they are collected afterwards.

Ticks are scheduled from a fixed start; each replica is read by a task of its own, so that one that hangs delays
neither the others nor the next tick.
"""

import asyncio
import json
import os
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from readiness.clients.platform_api import Sample, Scrape, Scraper
from readiness.clients.priority import give_way
from readiness.clients.process_use import process_use
from readiness.clients.tables import TableWriter
from readiness.clients.target_process import ProcessWatch, TargetError
from readiness.model.dataset import HEALTH, METRICS
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.stages.recording import Recording, recording
from readiness.stages.replica_discovery import Discovery, Replica, replicas_of
from readiness.stages.run import Run, Target

_QUEUE = "phantommesh_queue_depth"
_QUIET_TICKS = 3
_FLUSH_TICKS = 30
_USE_TICKS = 5  # reading a whole family of processes costs milliseconds; a trend does not need it each second
_LONGEST_ANSWER_S = 2.0
_WORD_S = 10.0  # a few questions to the target may be lost before its last word counts no more


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
        give_way()
        observation = run.plan.environment.observation
        with ExitStack() as tables:
            health = tables.enter_context(TableWriter(record.folder / "health.parquet", HEALTH))
            metrics = None
            if observation.source == "scrape":
                metrics = tables.enter_context(TableWriter(record.folder / "metrics.parquet", METRICS))
            observer = Observer(run.target, replicas_of(run), observation.interval, metrics, health)
            discovery = Discovery(run, observer) if run.most_replicas() or run.moves else None
            longest_s = profile.warmup + profile.measure + profile.drain + scenario.load.request_timeout + 60
            started_ns = time.time_ns()
            asyncio.run(_observe(observer, discovery, _Until(phases, profile.drain), longest_s))
            _look_once_more(run, discovery)
        record.rows |= {"health.parquet": health.count} | ({"metrics.parquet": metrics.count} if metrics else {})
        _write_facts(record, run, observer, discovery, started_ns)


async def _observe(observer: "Observer", discovery: Discovery | None, until: "_Until", longest_s: float) -> None:
    discovering = asyncio.create_task(discovery.run()) if discovery else None
    try:
        await observer.run(until, longest_s)
    finally:
        if discovering is not None:
            discovering.cancel()
            await asyncio.wait([discovering])
    if discovering is not None and not discovering.cancelled():
        discovering.result()  # it only ends by itself through a fault


def _look_once_more(run: Run, discovery: Discovery | None) -> None:
    """Which images run now that the load is over. A target that does not say is one that nobody looked at."""
    if discovery is not None and run.plan.follows_images:
        with suppress(TargetError, ValueError):
            discovery.history.note(run.target.status(), time.time_ns())


def _write_facts(
    record: Recording, run: Run, observer: "Observer", discovery: Discovery | None, started_ns: int
) -> None:
    pulse = observer.pulse
    targets = [
        {
            "component": item.component, "replica": item.name, "admin_url": item.admin_url, "metrics": item.metrics,
            "memory": item.metrics or (item.admin_url is None and item.pid is not None), "joined_ns": item.joined_ns,
            "left_ns": observer.left_ns.get(item.name),
        }
        for item in observer.replicas
    ]  # fmt: skip
    record.write("observe.json", {
        "interval_s": run.plan.environment.observation.interval,
        "discovery_s": run.plan.environment.observation.discovery if discovery else None,
        "started_ns": started_ns, "finished_ns": time.time_ns(), "targets": targets, "ticks": pulse.ticks,
        "late_ticks": pulse.late, "worst_lag_ms": pulse.worst_lag_s * 1e3,
        "holdings": discovery.history.holdings if discovery else [],
        "looked_ns": discovery.history.looked_ns if discovery else None,
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
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
    """Samples replicas every ``interval_s`` into the tables. ``metrics`` None: somebody else measures them."""

    def __init__(
        self,
        target: Target,
        replicas: tuple[Replica, ...],
        interval_s: float,
        metrics: TableWriter | None,
        health: TableWriter,
    ) -> None:
        self._target, self._interval_s = target, interval_s
        self.replicas = list(replicas)
        self.left_ns: dict[str, int] = {}
        self.said: dict[str, tuple[bool, float]] = {}
        """Replica -> whether the target says that it is ready, and when it said so (monotonic, s)."""
        self._metrics, self._health, self._after_load = metrics, health, False
        self._watches = {item.name: ProcessWatch(item.pid) for item in replicas if item.admin_url is None}
        self._latest_ns: dict[str, int] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self.pulse = _Pulse()

    def join(self, replica: Replica) -> None:
        """Sample one more replica from the next tick on; one that had left is back."""
        self.left_ns.pop(replica.name, None)
        if replica.admin_url is None:
            self._watches[replica.name] = ProcessWatch(replica.pid)
        self.replicas = [item for item in self.replicas if item.name != replica.name] + [replica]

    def leave(self, name: str, at_ns: int) -> None:
        """Sample this replica no longer: the target has taken it away."""
        self.left_ns.setdefault(name, at_ns)
        self.pulse.queue.pop(name, None)

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
                for replica in (item for item in self.replicas if item.name not in self.left_ns):
                    task = asyncio.create_task(self._sample(scraper, replica, tick_ns, tick))
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
            for table in (self._metrics, self._health):
                if table is not None:
                    table.flush()
        return tick + 1 + int(max(0.0, lag_s) / self._interval_s)

    def _judge_quiet(self, until: _Until, now_ns: int) -> None:
        depths = self.pulse.queue.values()
        self._after_load = not until.loading(now_ns)
        quiet = bool(depths) and max(depths) == 0 and self._after_load
        self.pulse.quiet = self.pulse.quiet + 1 if quiet else 0

    async def _sample(self, scraper: Scraper, replica: Replica, tick_ns: int, tick: int) -> None:
        if replica.admin_url is None and replica.pid is None:
            told = self._told(replica)
            if told is None:
                return  # a gap makes the evidence incomplete; it says nothing against the target
            scrape = told
        elif replica.admin_url is None:
            scrape = self._watched(replica, with_use=tick % _USE_TICKS == 0)
        elif replica.metrics and (self._metrics is not None or self._after_load):
            scrape = await scraper.metrics(replica.admin_url)  # after the load at least for the depth of the queue
        elif replica.metrics:
            scrape = await scraper.ready(replica.admin_url)
        else:
            scrape = await scraper.health(replica.admin_url)
        who = (tick_ns, replica.component, replica.name)
        self._health.extend([(*who, scrape.answered, scrape.ready, scrape.took_ms, scrape.error)])
        if tick_ns < self._latest_ns.get(replica.name, 0):
            return  # counted later than what a later tick has already: a counter would seem to have fallen
        self._latest_ns[replica.name] = tick_ns
        if self._metrics is not None:
            self._metrics.extend((*who, item.metric, item.labels, item.value) for item in scrape.samples)
        for item in scrape.samples:
            if item.metric == _QUEUE and replica.name not in self.left_ns:
                self.pulse.queue[replica.name] = item.value

    def _told(self, replica: Replica) -> Scrape | None:
        """What the target said of it last; None before its first word, and once that is old."""
        ready, at_s = self.said.get(replica.name, (False, -_WORD_S))
        if time.monotonic() - at_s >= _WORD_S:
            return None
        return Scrape(ready, ready, 0.0, "" if ready else "the target says that it is not ready", ())

    def _watched(self, replica: Replica, *, with_use: bool) -> Scrape:
        watch = self._watches[replica.name]
        alive = watch.alive()
        if not alive and replica.name not in self._asking:
            self._asking[replica.name] = asyncio.create_task(self._find_again(replica))
        use = process_use(watch.pid) if alive and with_use else None
        samples = () if use is None else (
            Sample("process_tree_private_bytes", "", float(use.private_bytes)),
            Sample("process_tree_cpu_seconds_total", "", use.cpu_s),
            Sample("process_start_time_seconds", "", use.started_s),
        )  # fmt: skip
        return Scrape(alive, alive, 0.0, "" if alive else "the process is gone", samples)

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
