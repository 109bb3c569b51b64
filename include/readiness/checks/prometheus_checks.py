"""Whether what was collected from Prometheus is what its replicas served: series, pods and clock.

An observer that scrapes gets all that a replica serves or nothing. An answer to a query may lack one series, or a pod.
"""

from collections.abc import Iterable

import pandas as pd

from readiness.checks.completeness import LARGEST_CLOCK_STEP_MS, METRICS, Expected, S, verdict_of
from readiness.model.dataset import COUNTERS, JUDGED_METRICS, ScenarioEvidence
from readiness.model.result import DataCheck

MOST_UNCERTAIN_NS = round(LARGEST_CLOCK_STEP_MS * 1e6)
"""A clock that may be off by more bends times as one that was set does. In one cluster an answer takes milliseconds:
ten readings of which none took less than a tenth of a second are those of a Prometheus that is not well."""
_OF_PROCESSES = tuple(name for name in JUDGED_METRICS if name.startswith("process_"))


def series_whole(evidence: ScenarioEvidence, expected: Expected) -> Iterable[DataCheck]:
    """Each scrape of a replica has every metric that is judged: a series that stops while others go on was not read."""
    if "metrics" not in evidence.collect:
        return
    wrong = []
    rows = evidence.metrics
    for target in evidence.observe["targets"]:
        replica, component = str(target["replica"]), str(target["component"])
        if component not in expected.with_metrics:
            continue
        own = rows[rows["replica"] == replica]
        scrapes = own["time_ns"].nunique()
        wanted = JUDGED_METRICS if component == expected.under_load else _OF_PROCESSES
        there = own.drop_duplicates(["time_ns", "metric"])["metric"].astype("str").value_counts()
        short = {name: int(there.get(name, 0)) for name in wanted if there.get(name, 0) != scrapes}
        wrong += [f"{replica}: {name} in {n} of {scrapes} scrapes" for name, n in short.items()]
        if component == expected.under_load:
            wrong += _counters_that_stop(replica, own)
    words = "every metric that is judged in each scrape of a replica"
    yield verdict_of(METRICS, "series whole", words, wrong, f"{len(rows)} samples")


def _counters_that_stop(replica: str, own: pd.DataFrame) -> list[str]:
    """A counter that was served once is served in each scrape of that process from then on."""
    started = (
        own[own["metric"] == "process_start_time_seconds"].drop_duplicates("time_ns").set_index("time_ns")["value"]
    )
    counters = own[own["metric"].str.endswith(COUNTERS)]
    life = counters["time_ns"].map(started)
    found = []
    for (metric, labels, start), part in counters.groupby(
        [counters["metric"].astype("str"), counters["labels"].astype("str"), life], sort=True
    ):
        due = started[(started == start) & (started.index >= part["time_ns"].min())]
        if len(part) < len(due):
            found.append(f"{replica}: {metric}{{{labels}}} in {len(part)} of {len(due)} scrapes since its first")
    return found if len(counters) else [f"{replica}: no counter at all"]


def pods_known(evidence: ScenarioEvidence, expected: Expected) -> Iterable[DataCheck]:
    """No pod that Prometheus scraped for a while is one that nobody saw as a replica. (One that was being ended when
    the observation began is none unless it lived on under the load, and one that came and went between two looks was
    none yet.)"""
    facts = evidence.collect.get("metrics")
    if facts is None:
        return
    start_ns, wrong = int(evidence.observe["started_ns"]), []
    shortest_s = max(expected.max_gap_s, 2 * float(evidence.observe.get("discovery_s") or 0.0))
    for pod in facts["unplaced"]:
        lasted_s = (int(pod["last_ns"]) - int(pod["first_ns"])) / S
        came = int(pod["first_ns"]) > start_ns + expected.max_gap_s * S
        stayed = int(pod["last_ns"]) > evidence.clock.phase("measure").start_ns + expected.max_gap_s * S
        if pod["component"] in expected.with_metrics and (lasted_s > shortest_s if came else stayed):
            wrong.append(f"{pod['pod']} was scraped for {lasted_s:.1f} s, and nobody knows as which {pod['component']}")
    yield verdict_of(METRICS, "pods known", "every pod that was scraped is a replica", wrong, "each is")


def same_clock(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """The clock of Prometheus, by which its samples are timed, differs from ours at most as the environment says, as
    far as that was measured: an answer that was long in coming says next to nothing of it."""
    facts = evidence.collect.get("metrics")
    if facts is None:
        return
    allowed_ns, clock = int(evidence.collect["clock"]["uncertainty_ns"]), facts["clock"]
    words = f"a clock of Prometheus that differs by at most {allowed_ns / 1e6:g} ms (clock_uncertainty)"
    if clock is None:
        yield verdict_of(METRICS, "same clock", words, ["it was not read"], "")
        return
    offset_ns, uncertain_ns = int(clock["offset_ns"]), int(clock["uncertainty_ns"])
    most_ns = max(MOST_UNCERTAIN_NS, allowed_ns)
    measured = f"{offset_ns / 1e6:.1f} ms, give or take {uncertain_ns / 1e6:.1f} ms"
    wrong = [f"it differs by {measured}"] if abs(offset_ns) > allowed_ns + uncertain_ns else []
    if not 0 <= uncertain_ns <= most_ns:
        wrong.append(f"it was not read well enough ({measured}; at most {most_ns / 1e6:g} ms)")
    yield verdict_of(METRICS, "same clock", words, wrong, measured)
