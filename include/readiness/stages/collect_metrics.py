"""Collect the metrics that the platform's Prometheus has of the time of the observation: from one of its replicas."""

import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from readiness.analysis.coverage import missing_s, usual_step_s
from readiness.clients.archive import ArchiveError
from readiness.clients.kubernetes.measuring import Measuring
from readiness.clients.prometheus import ClockReading, Prometheus, PrometheusError
from readiness.clients.tables import TableWriter
from readiness.model.dataset import METRICS, PhaseClock
from readiness.model.document import from_json
from readiness.model.evidence import StageRef
from readiness.model.holding import Holding, tenures
from readiness.stages.metric_rows import Rows, selector
from readiness.stages.prometheus_source import Asking, asking_of, replicas_there
from readiness.stages.recording import Recording
from readiness.stages.run import Run

FILE = "metrics.parquet"
_PATIENCE_S = 45.0
"""A Prometheus that starts again reads what it had before it answers."""
_BETWEEN_S = 1.0
_CLOCK_READINGS = 5
_STORED_AFTER_NS = 3_000_000_000
"""A scrape that began in the window is stored when it has ended; it may take its timeout."""


@dataclass(frozen=True)
class _Window:
    """``start_ns`` to ``end_ns``: of the observation; ``lives``: replica -> the part of the measured phase in which it
    was there, as far as the observer knows."""

    start_ns: int
    end_ns: int
    lives: dict[str, tuple[int, int]]
    holdings: tuple[Holding, ...]


@dataclass
class _Reading:
    """What one replica of Prometheus gave. ``problem``: why it is not whole; empty: it is. ``missing_s``: how long
    replicas are without samples for longer than the largest gap, all of them together."""

    pod: str
    path: Path
    problem: str = ""
    passing: bool = False
    count: int = 0
    missing_s: float = 0.0
    step_s: float | None = None
    clock: ClockReading | None = None
    unplaced: list[dict[str, Any]] = field(default_factory=list)


def collect_metrics(run: Run, name: str, record: Recording) -> tuple[dict[str, Any], list[str]]:
    """Write metrics.parquet; the facts of it, and why it is not whole. Where the target's metrics were scraped, neither
    is there."""
    asking = asking_of(run)
    if asking is None:
        return {}, []
    try:
        window = _window(run, name)
    except (ArchiveError, KeyError, TypeError, ValueError) as error:
        return _written(record, None, [], f"whose metrics are whose is not known without the observation: {error}")
    time.sleep(max(0.0, (window.end_ns + _STORED_AFTER_NS - time.time_ns()) / 1e9))
    with tempfile.TemporaryDirectory() as folder:
        tried, problem = _tried(asking, window, Path(folder))
        whole = [one for one in tried if not one.problem]
        best = (
            min(whole, key=lambda one: one.missing_s) if whole else max(tried, key=lambda one: one.count, default=None)
        )
        facts, problems = _written(record, best, tried, problem)
    facts["metrics"] |= {"finds_within_s": asking.source.finds_within}
    return facts, problems


def _window(run: Run, name: str) -> _Window:
    observed = run.read_facts(StageRef(name, "observe"), "observe.json")
    measured = from_json(PhaseClock, run.read(StageRef(name, "load"), "phases.json")).phase("measure")
    lives = {}
    for target in observed["targets"]:
        start_ns = max(measured.start_ns, int(target["joined_ns"] or 0))
        end_ns = min(measured.end_ns, int(target["left_ns"] or measured.end_ns))
        if target["metrics"] and start_ns < end_ns:
            lives[str(target["replica"])] = (start_ns, end_ns)
    holdings = tuple(Holding(**item) for item in observed["holdings"])
    return _Window(int(observed["started_ns"]), int(observed["finished_ns"]), lives, holdings)


def _tried(asking: Asking, window: _Window, folder: Path) -> tuple[list[_Reading], str]:
    """What was read, until a replica of Prometheus had everything; else of all of them, again and again as long as none
    gave a whole answer and that may pass. And why there is no whole one."""
    tried: list[_Reading] = []
    ends_s = time.monotonic() + _PATIENCE_S
    while True:
        there, problem = replicas_there(asking)
        this_round = []
        for one in there:
            tried.append(reading := _read(asking, window, one, folder / f"{len(tried)}.parquet"))
            if not reading.problem and not reading.missing_s:
                return tried, ""
            this_round.append(reading)
        if any(not reading.problem for reading in this_round):
            return tried, ""
        passing = not this_round or any(reading.passing for reading in this_round)
        if not passing or time.monotonic() > ends_s:
            said = [f"{reading.pod}: {reading.problem}" for reading in this_round]
            return tried, f"Prometheus gave no whole answer: {'; '.join(said) or problem}"
        time.sleep(_BETWEEN_S)  # between two rounds; the patience is the deadline


def _read(asking: Asking, window: _Window, one: Measuring, path: Path) -> _Reading:
    reading = _Reading(one.pod, path)
    rows = Rows(tenures(window.holdings), asking.environment.components)
    with TableWriter(path, METRICS) as table, Prometheus(one.url) as prometheus:
        try:
            reading.clock = _clock(prometheus)
            for page in prometheus.raw(selector(asking.source.job), window.start_ns, window.end_ns):
                table.extend(rows.of(page))
            reading.clock = _clock(prometheus, reading.clock)
        except PrometheusError as error:
            reading.problem, reading.passing = str(error), error.passing
    reading.count, reading.unplaced = table.count, rows.unplaced()
    times = rows.times_ns()
    gaps = [
        missing_s(times.get(name, ()), life, asking.environment.observation.max_gap)
        for name, life in window.lives.items()
    ]
    reading.missing_s, reading.step_s = sum(gaps), usual_step_s(times.values())
    return reading


def _clock(prometheus: Prometheus, *known: ClockReading) -> ClockReading:
    """The surest of some more readings and what is known: one may have been held up by whatever else was asked."""
    return min((*known, *(prometheus.clock() for _ in range(_CLOCK_READINGS))), key=lambda one: one.uncertainty_ns)


def _written(
    record: Recording, best: _Reading | None, tried: Iterable[_Reading], problem: str
) -> tuple[dict[str, Any], list[str]]:
    if best is None:
        with TableWriter(record.folder / FILE, METRICS):
            pass
    else:
        shutil.move(best.path, record.folder / FILE)
    count = best.count if best else 0
    record.rows[FILE] = count
    asked = [{"pod": one.pod, "problem": one.problem, "rows": one.count, "missing_s": one.missing_s} for one in tried]
    facts = {
        "source": "prometheus", "complete": not problem, "count": count, "asked": asked,
        "from": best.pod if best else None, "clock": best.clock if best else None,
        "interval_s": best.step_s if best else None, "unplaced": best.unplaced if best else [],
    }  # fmt: skip
    return {"metrics": facts}, [problem] if problem else []
