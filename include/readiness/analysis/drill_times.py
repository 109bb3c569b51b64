"""What the drill's own record says of its faults, and what was measured while they were in place and after them."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import chi2

from readiness.analysis.bound import AtLeast
from readiness.analysis.ledger import succeeded
from readiness.analysis.readings import Readings
from readiness.model.dataset import ScenarioEvidence
from readiness.model.interval import Interval
from readiness.model.result import Measurement

S = 1_000_000_000
Step = dict[str, Any]


def recovery_time(readings: Readings, _: str | None, __: float) -> Measurement:
    """Seconds from the end of a fault (its injection, if it does not last) until the target was healthy again, for the
    step that took longest. The interval reaches back to the last look that found it not healthy. Never seen healthy:
    AtLeast the time that was watched. A replica that the observer saw not ready after the drill thought all was well,
    ends the recovery only when it is ready again: the later of the two counts."""
    evidence = readings.evidence
    steps = _injected(evidence)
    if not steps:
        return Measurement(None, None, 0, "no fault was injected")
    found = [_recovery(evidence, step, start_ns) for step, start_ns in zip(steps, _ends(steps), strict=True)]
    never = [item for item in found if item.value is None]
    if never:
        return max(never, key=lambda item: item.bound if isinstance(item, AtLeast) else 0.0)
    return max(found, key=lambda item: item.value or 0.0)


def _recovery(evidence: ScenarioEvidence, step: Step, start_ns: int) -> Measurement:
    if step["healthy_ns"] is None:
        watched_s = max(0.0, (int((evidence.drill or {})["finished_ns"]) - start_ns) / S)
        note = f"{step['describe']}: not healthy when the watch ended"
        return AtLeast(None, None, 1, note, bound=watched_s)
    later_ns = _not_ready_until(evidence, int(step["healthy_ns"]))
    if later_ns is not None:
        healthy_s = (later_ns - start_ns) / S
        return Measurement(healthy_s, None, 1, f"{step['describe']}: a replica was not ready again after it")
    high_s = max(0.0, (int(step["healthy_ns"]) - start_ns) / S)
    seen_ns = step["unhealthy_ns"]
    low_s = min(high_s, max(0.0, (int(seen_ns) - start_ns) / S)) if seen_ns is not None else 0.0
    # The bounds hold for certain, whatever the confidence asked for.
    return Measurement(high_s, Interval(low_s, high_s, 1.0), 1, step["describe"])


def _not_ready_until(evidence: ScenarioEvidence, healthy_ns: int) -> int | None:
    """When the last replica that relapsed within the measured phase was ready again; None if none did."""
    end_ns = evidence.clock.phase("measure").end_ns
    faults = [(int(step["injected_ns"]), step["healthy_ns"]) for step in _injected(evidence)]
    rows = evidence.health[(evidence.health["time_ns"] > healthy_ns) & (evidence.health["time_ns"] < end_ns)]
    bad = rows[~rows["ready"]]
    outside = [at for at in bad["time_ns"].tolist() if not any(a <= at and (b is None or at <= b) for a, b in faults)]
    if not outside:
        return None
    after = rows[rows["time_ns"] > max(outside)]["time_ns"]
    return int(after.min()) if len(after) else end_ns


def degraded_rate(readings: Readings, _: str | None, confidence: float) -> Measurement:
    """Events acknowledged per second while at least one fault was in place and at least one replica under load was
    left, with the exact interval of a Poisson rate: chi-square quantiles of the count (Garwood, Biometrika 28 (1936)
    437-442)."""
    evidence = readings.evidence
    spans = list(_degraded(evidence))
    seconds = sum(end - start for start, end in spans) / S
    if seconds <= 0:
        return Measurement(None, None, 0, "no time with a fault in place and a replica left")
    requests = evidence.requests
    done = requests["done_ns"][succeeded(requests)].to_numpy(np.int64)
    count = int(sum(((done >= start) & (done < end)).sum() for start, end in spans))
    tail = (1 - confidence) / 2
    low = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    high = float(chi2.ppf(1 - tail, 2 * count + 2)) / 2
    note = f"{count} events in {seconds:.1f} s"
    return Measurement(count / seconds, Interval(low / seconds, high / seconds, confidence), count, note)


def _degraded(evidence: ScenarioEvidence) -> Iterator[tuple[int, int]]:
    """The spans (epoch ns) with a fault in place and a replica under load left."""
    facts, steps = evidence.drill or {}, _injected(evidence)
    last_ns = evidence.clock.phase("measure").end_ns
    spans = []
    for step in steps:
        end = step["restored_ns"] if step["for_s"] is not None else step["healthy_ns"]
        spans.append((int(step["in_place_ns"] or step["injected_ns"]), min(last_ns, int(end or last_ns))))
    edges = sorted({edge for span in spans for edge in span})
    for start, end in pairwise(edges):
        there = [step for step, (a, b) in zip(steps, spans, strict=True) if a <= start and end <= b]
        if there and not _all_gone(facts, there):
            yield start, end


def _all_gone(facts: dict[str, Any], steps: list[Step]) -> bool:
    """Whether these faults together leave no replica of the component under load."""
    under_load = facts["under_load"]
    if any(step["action"] == "dependency_down" and under_load in step["components"] for step in steps):
        return True
    gone = {v["replica"] for step in steps for v in step["victims"] if v["component"] == under_load}
    return len(gone) >= int(facts["replicas"][under_load])


def _injected(evidence: ScenarioEvidence) -> list[Step]:
    return [step for step in (evidence.drill or {}).get("steps", []) if step["injected_ns"] is not None]


def _ends(steps: list[Step]) -> list[int]:
    """From when on each step's recovery counts: its own end, or that of a later fault which came before it could
    recover, since nothing recovers while one is in place."""
    lasting = [(int(step["injected_ns"]), int(step["restored_ns"])) for step in steps if _lasted(step)]
    found = []
    for step in steps:
        start = int(step["restored_ns"] if _lasted(step) else step["injected_ns"])
        healthy = step["healthy_ns"]
        while later := [end for begin, end in lasting if start < end and (healthy is None or begin < healthy)]:
            start = max(later)
        found.append(start)
    return found


def _lasted(step: Step) -> bool:
    return step["for_s"] is not None and step["restored_ns"] is not None
