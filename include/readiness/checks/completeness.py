"""Whether the evidence is whole: every replica seen all the time, every row that was announced, one clock, one source.

Each check returns its data checks; a fact that a stage did not write raises KeyError, which the caller reports.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.checks.event_places import distinct, first_places
from readiness.checks.fault_gaps import with_drill, with_new_pods
from readiness.model.dataset import METRICS_AT, ScenarioEvidence
from readiness.model.evidence import PROBE_SUFFIX
from readiness.model.result import DataCheck
from readiness.model.verdict import Verdict

Times = NDArray[np.int64]
S = 1_000_000_000
LARGEST_CLOCK_STEP_MS = 50.0
"""A wall clock that was set by more than this during the load bends every time that another process took."""
LARGEST_UNKNOWN = 0.1
"""An audit trail that lacks a larger share of the events that were delivered is no record of them."""
METRICS, HEALTH = METRICS_AT, "observe/health.parquet"
OBSERVE, COLLECT, LOAD = "observe/observe.json", "collect/collect.json", "load/phases.json"


@dataclass(frozen=True)
class Expected:
    """What the plan of the run lets expect. ``components``: component -> replicas; ``with_metrics``: the components
    whose replicas serve metrics; ``source``: the source of every row, None if it is not known; ``most``: component ->
    replicas that it may scale out to; ``under_load``: the component that takes the load, None if it is not known;
    ``absent``: data sets that the target does not offer."""

    max_gap_s: float
    components: Mapping[str, int]
    with_metrics: frozenset[str]
    source: str | None = None
    most: Mapping[str, int] = field(default_factory=dict)
    under_load: str | None = None
    absent: frozenset[str] = frozenset()


def replicas_present(evidence: ScenarioEvidence, expected: Expected) -> Iterable[DataCheck]:
    """The observation had as many replicas of each component as the plan says, each by a name of its own, and those
    that appeared later belong to a component that scales."""
    targets = evidence.observe["targets"]
    named = [(str(item["component"]), str(item["replica"])) for item in targets]
    at_start = [str(item["component"]) for item in targets if item.get("joined_ns") is None]
    counts = {component: at_start.count(component) for component in dict(named)}
    wrong = [
        f"{counts.get(component, 0)} of {n} {component}"
        for component, n in expected.components.items()
        if counts.get(component, 0) != n
    ]
    wrong += [f"unexpected {component}" for component in counts if component not in expected.components]
    twice = sorted({name for _, name in named if [other for _, other in named].count(name) > 1})
    wrong += [f"{name} named twice" for name in twice]
    for component in counts:
        there, most = len({name for one, name in named if one == component}), expected.most.get(component)
        if there > counts[component] and (most is None or there > most):
            wrong.append(f"{there - counts[component]} more {component} appeared, {most or 'none'} may be there")
    words = ", ".join(
        f"{n}{f' to {expected.most[component]}' if component in expected.most else ''} {component}"
        for component, n in expected.components.items()
    )
    yield verdict_of(OBSERVE, "replicas as planned", words, wrong, f"{len(named)} replicas")


def metrics_as_declared(evidence: ScenarioEvidence, expected: Expected) -> Iterable[DataCheck]:
    """Every replica of a component that serves metrics was observed as one that does: any other is asked whether it
    lives and not whether it is ready, and its memory is not judged."""
    targets = [item for item in evidence.observe["targets"] if str(item["component"]) in expected.with_metrics]
    wrong = [f"{item['replica']} was observed as one without" for item in targets if item["metrics"] is not True]
    words = "metrics of every replica whose component serves them"
    yield verdict_of(OBSERVE, "metrics as declared", words, wrong, f"{len(targets)} replicas")


def no_gaps(evidence: ScenarioEvidence, expected: Expected) -> Iterable[DataCheck]:
    """No replica is without samples for longer than max_gap_s anywhere in the measured phase, its edges included; of
    one that appeared or was taken away meanwhile, anywhere in its time."""
    for dataset, rows, components in (
        (METRICS, evidence.metrics, expected.with_metrics),
        (HEALTH, evidence.health, frozenset(expected.components)),
    ):
        lives = _lives(evidence, components)
        times = {str(name): np.unique(part.to_numpy()) for name, part in rows.groupby("replica")["time_ns"]}
        times = with_drill(evidence, times)
        if dataset == METRICS:
            times = with_new_pods(evidence, times)
        empty = np.empty(0, dtype=np.int64)
        gaps = [
            text
            for name, life in lives.items()
            if not _too_short(evidence, life, times.get(name, empty), expected.max_gap_s)
            for text in _gaps(name, life, times.get(name, empty), expected.max_gap_s)
        ]
        gaps = gaps if lives else ["no replica was observed"]
        words = f"no replica without samples for over {expected.max_gap_s:g} s of the measured phase"
        yield verdict_of(dataset, "no gaps", words, gaps, f"{len(lives)} replicas without a gap")


def _lives(evidence: ScenarioEvidence, components: frozenset[str]) -> dict[str, tuple[int, int]]:
    """Replica -> the part of the measured phase that it was there (epoch ns); those that were there in none of it are
    left out. One that appeared is there from the time that it was first ready: until then it has nothing to answer."""
    phase, lives, health = evidence.clock.phase("measure"), {}, evidence.health
    first_ready_ns = health[health["ready"]].groupby("replica")["time_ns"].min().to_dict()
    for target in evidence.observe["targets"]:
        start_ns = phase.start_ns
        if target.get("joined_ns") is not None:
            start_ns = max(start_ns, int(first_ready_ns.get(target["replica"], phase.end_ns)))
        end_ns = min(phase.end_ns, int(target.get("left_ns") or phase.end_ns))
        if target["component"] in components and start_ns < end_ns:
            lives[str(target["replica"])] = (start_ns, end_ns)
    return dict(sorted(lives.items()))


def _too_short(evidence: ScenarioEvidence, life: tuple[int, int], times_ns: Times, max_gap_s: float) -> bool:
    """Whether a replica that came or went was there too briefly for a sample to be due."""
    phase = evidence.clock.phase("measure")
    whole = life == (phase.start_ns, phase.end_ns)
    return not whole and life[1] - life[0] <= max_gap_s * S and not ((times_ns > life[0]) & (times_ns < life[1])).any()


def _gaps(replica: str, life: tuple[int, int], times_ns: Times, max_gap_s: float) -> list[str]:
    start_ns, end_ns = life
    inside = times_ns[(times_ns > start_ns) & (times_ns < end_ns)]
    if not len(inside):
        return [f"{replica}: no sample in the whole of its measured phase ({(end_ns - start_ns) / S:.1f} s)"]
    edges = np.concatenate([[start_ns], inside, [end_ns]])
    long = np.flatnonzero(np.diff(edges) > max_gap_s * S)
    return [
        f"{replica}: {(edges[k + 1] - edges[k]) / S:.1f} s from {_utc(edges[k])} to {_utc(edges[k + 1])}" for k in long
    ]


def announced_rows(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """The answers of the platform, of the sink and of Prometheus were read to their end, and what is stored is as much
    as came."""
    data_sets = {"audit": evidence.audit, "deliveries": evidence.deliveries, "metrics": evidence.metrics}
    for name, rows in ((name, len(data_set)) for name, data_set in data_sets.items()):
        if name == "metrics" and name not in evidence.collect:
            continue  # the observer scraped them
        fact = evidence.collect[name]
        wrong = [] if fact["complete"] is True else ["the answer broke off before its end"]
        if fact["count"] != rows:
            wrong.append(f"{rows} rows are stored, {fact['count']} were announced")
        yield verdict_of(
            f"collect/{name}.parquet", "read to the end", "every row that was announced", wrong, f"{rows} rows"
        )


def sampler_awake(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """No tick of the observation started a whole interval late."""
    interval_ms, worst_ms = float(evidence.observe["interval_s"]) * 1000, float(evidence.observe["worst_lag_ms"])
    # Written so that a lag that is no number fails, too.
    wrong = [] if worst_ms < interval_ms else [f"the sampler stalled: a tick was {worst_ms:.0f} ms late"]
    yield verdict_of(OBSERVE, "sampler awake", f"every tick under {interval_ms:g} ms late", wrong, f"{worst_ms:.0f} ms")


def one_clock(evidence: ScenarioEvidence, expected: Expected) -> Iterable[DataCheck]:
    """Times run forwards, stages cover the load, and nobody set the wall clock meanwhile."""
    clock, observe, collect = evidence.clock, evidence.observe, evidence.collect
    ends = [(f"the {phase.name} phase", phase.start_ns, phase.end_ns) for phase in clock.phases]
    ends += [
        (name, int(facts["started_ns"]), int(facts["finished_ns"]))
        for name, facts in (("the observation", observe), ("the collection", collect))
    ]
    wrong = [f"{name} ended before it started" for name, start_ns, end_ns in ends if end_ns < start_ns]
    wrong += [
        f"the {after.name} phase started before the {before.name} phase ended"
        for before, after in zip(clock.phases, clock.phases[1:], strict=False)
        if after.start_ns < before.end_ns
    ]
    by_seq = evidence.requests[["seq", "intended_ns"]].sort_values("seq")["intended_ns"]
    if not by_seq.is_monotonic_increasing:
        wrong.append("arrivals are not due in the order of their numbers")
    phase, gap_ns = clock.phase("measure"), expected.max_gap_s * S
    if observe["started_ns"] > phase.start_ns + gap_ns or observe["finished_ns"] < phase.end_ns - gap_ns:
        wrong.append("the observation did not cover the measured phase")
    if collect["finished_ns"] < phase.end_ns:
        wrong.append("the collection ended before the load")
    drift_ms = float(evidence.generator["wall_clock_drift_ns"]) / 1e6
    if not abs(drift_ms) <= LARGEST_CLOCK_STEP_MS:
        wrong.append(f"the wall clock was set by {drift_ms:.0f} ms during the load")
    words = f"times that run forwards, and a wall clock set by at most {LARGEST_CLOCK_STEP_MS:g} ms"
    yield verdict_of(LOAD, "one clock", words, wrong, f"set by {drift_ms:.3f} ms")


def trail_knows_deliveries(evidence: ScenarioEvidence, expected: Expected) -> Iterable[DataCheck]:
    """The audit trail knows the events whose alerts came out at the channels.

    One that a faulty platform lost is the ledger's to name. A trail that lacks more than LARGEST_UNKNOWN of what the
    channels prove was handled is no record of it, and what it lacks convicts nobody.
    """
    if "collect/audit.parquet" in expected.absent:
        return
    audit = evidence.audit
    delivered = distinct(evidence.deliveries["event_id"])
    received = audit["event_id"][(audit["action"] == "received").to_numpy()]
    unknown = int((first_places(delivered, received) < 0).sum())
    share = unknown / len(delivered) if len(delivered) else 0.0
    wrong = [f"it lacks {unknown} of {len(delivered)} ({share:.1%}): it was not read whole, or is not kept whole"]
    words = f"an audit trail that lacks at most {LARGEST_UNKNOWN:.0%} of the events delivered"
    yield verdict_of(
        "collect/audit.parquet", "knows what was delivered", words, wrong if share > LARGEST_UNKNOWN else [],
        f"{len(delivered) - unknown} of {len(delivered)} events",
    )  # fmt: skip


def one_source(evidence: ScenarioEvidence, expected: Expected) -> Iterable[DataCheck]:
    """Every row belongs to this scenario of this run."""
    frames = {"collect/audit.parquet": evidence.audit, "collect/deliveries.parquet": evidence.deliveries}
    found = {dataset: sorted(map(str, rows["source"].unique())) for dataset, rows in frames.items()}
    wanted = (
        expected.source if expected.source is not None else next((names[0] for names in found.values() if names), "")
    )
    for dataset, names in found.items():
        legal = {wanted, *([wanted + PROBE_SUFFIX] if evidence.probes is not None else [])}
        wrong = [f"rows of {name!r}" for name in names if name not in legal]
        words = f"rows of {' and '.join(map(repr, sorted(legal)))} only"
        yield verdict_of(dataset, "one source", words, wrong, f"{len(frames[dataset])} rows")


def finite_values(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """Every metric is a number, and the series that are not are named."""
    rows: pd.DataFrame = evidence.metrics[~np.isfinite(evidence.metrics["value"])]
    series = (rows["replica"].astype("str") + " " + rows["metric"].astype("str")).value_counts().sort_index()
    wrong = [f"{name}: {n} samples" for name, n in series.items()]
    yield verdict_of(METRICS, "finite values", "no NaN and no infinity", wrong, f"{len(evidence.metrics)} samples")


CHECKS: tuple[Callable[[ScenarioEvidence, Expected], Iterable[DataCheck]], ...] = (
    replicas_present,
    metrics_as_declared,
    no_gaps,
    announced_rows,
    sampler_awake,
    one_clock,
    trail_knows_deliveries,
    one_source,
    finite_values,
)
_SHOWN = 5


def verdict_of(dataset: str, check: str, expected: str, wrong: list[str], good: str) -> DataCheck:
    """PASS with what is good, or FAIL with the first few of what is wrong."""
    if not wrong:
        return DataCheck(dataset, check, Verdict.PASS, expected, good)
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return DataCheck(dataset, check, Verdict.FAIL, expected, "; ".join(wrong[:_SHOWN]) + more)


def _utc(at_ns: int) -> str:
    return datetime.fromtimestamp(int(at_ns) / S, tz=UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-5] + " UTC"
