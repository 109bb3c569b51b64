"""Each metric of the catalogue as one function from the readings of a scenario to a measurement.

To add a metric: an entry in ``model.metric`` and a function here.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from readiness.analysis.answers import error_rate_outside_fault, wrong_answers_in_fault
from readiness.analysis.drill_times import degraded_rate, recovery_time
from readiness.analysis.interruption import interruption
from readiness.analysis.ledger import was_sent
from readiness.analysis.percentile import largest, percentile
from readiness.analysis.proportion import proportion
from readiness.analysis.queue import queue_depths, queue_recovery
from readiness.analysis.readings import Readings
from readiness.analysis.replica_health import replica_ready, replica_ready_outside_fault
from readiness.analysis.scale_out import scale_out_time
from readiness.analysis.trend import leak_slope
from readiness.analysis.verdicts import verdicts_changed
from readiness.model.dataset import ScenarioEvidence
from readiness.model.interval import Interval
from readiness.model.ledger import Discrepancy
from readiness.model.metric import CATALOGUE, PERCENTILES, VERDICTS_CHANGED
from readiness.model.result import Measurement

Method = Callable[[Readings, str | None, float], Measurement]


def measure(metric: str, statistic: str | None, confidence: float, evidence: ScenarioEvidence) -> Measurement:
    """Measure one metric. Raises KeyError for a name that is not in the catalogue."""
    return measure_from(Readings(evidence), metric, statistic, confidence)


def measure_from(readings: Readings, metric: str, statistic: str | None, confidence: float) -> Measurement:
    """As ``measure``; what was computed for one metric serves the next."""
    method = MEASURES.get(CATALOGUE[metric].name)
    if method is None:
        return Measurement(None, None, 0, f"this version cannot compute {metric}")
    return method(readings, statistic, confidence)


def _sample(values: NDArray[np.float64], statistic: str | None, confidence: float, endless: str) -> Measurement:
    if statistic == "max":
        return largest(values, endless=endless)
    return percentile(values, PERCENTILES[str(statistic)], confidence, endless=endless)


def _accept_latency(readings: Readings, statistic: str | None, confidence: float) -> Measurement:
    return _sample(readings.accept_s, statistic, confidence, "requests without success")


def _end_to_end_latency(readings: Readings, statistic: str | None, confidence: float) -> Measurement:
    """The uncertainty of the clock offset, and what the wall clock moved during the load, widen the interval; without
    an interval the value stands alone."""
    found = _sample(readings.end_to_end_s, statistic, confidence, "events whose due alerts did not all arrive")
    drift_ns = abs(float(readings.evidence.generator.get("wall_clock_drift_ns", 0)))
    by_s = (float(readings.evidence.collect["clock"]["uncertainty_ns"]) + drift_ns) / 1e9
    if by_s == 0 or found.value is None:
        return found
    ends = found.interval or Interval(found.value, found.value, confidence)
    if found.interval is None and statistic != "max":
        return found
    wide = Interval(ends.low - by_s, ends.high + by_s, confidence)
    return Measurement(found.value, wide, found.n, found.note)


def _error_rate(readings: Readings, _: str | None, confidence: float) -> Measurement:
    n = len(readings.measured)
    return proportion(n - readings.successes, n, confidence)


def _availability(readings: Readings, _: str | None, confidence: float) -> Measurement:
    return proportion(readings.successes, len(readings.measured), confidence)


def _request_errors(readings: Readings, _: str | None, __: float) -> Measurement:
    n = len(readings.measured)
    return _count(n - readings.successes, n, "no request in the measured phase")


def _achieved_rate(readings: Readings, _: str | None, __: float) -> Measurement:
    phase = readings.evidence.clock.phase("measure")
    sent = int(was_sent(readings.measured).sum())
    return Measurement(sent / ((phase.end_ns - phase.start_ns) / 1e9), None, sent)


def _achieved_load(readings: Readings, _: str | None, confidence: float) -> Measurement:
    """Of what was scheduled, not of what is recorded: an arrival of which nothing is known was not sent."""
    scheduled = int(readings.evidence.clock.arrivals_scheduled["measure"])
    return proportion(min(scheduled, int(was_sent(readings.measured).sum())), scheduled, confidence)


def _count(value: int, n: int, nothing: str) -> Measurement:
    """A count of n things; of nothing at all nothing can be said, least of all that 0 of it are wrong."""
    return Measurement(float(value), None, n) if n else Measurement(None, None, 0, nothing)


def _events_lost(readings: Readings, _: str | None, __: float) -> Measurement:
    found = readings.ledger
    return _count(len(found.sets[Discrepancy.LOST]), found.count("acknowledged"), "no event was acknowledged")


def _events_acknowledged_early(readings: Readings, _: str | None, __: float) -> Measurement:
    found = readings.ledger
    early = len(found.sets[Discrepancy.ACKNOWLEDGED_EARLY])
    return _count(early, found.count("acknowledged"), "no event was acknowledged")


def _events_unexpected(readings: Readings, _: str | None, __: float) -> Measurement:
    found = readings.ledger
    kinds = (Discrepancy.UNEXPECTED, Discrepancy.PERSISTED_TWICE)
    wrong = np.union1d(*(found.sets[kind].events for kind in kinds))
    return _count(len(wrong), found.count("persisted"), "no event was persisted")


def _alerts_undelivered(readings: Readings, _: str | None, __: float) -> Measurement:
    """An event that is durable and was never assessed counts too: nobody knows which channels should have heard of it,
    and none did."""
    found = readings.ledger
    silent = len(found.sets[Discrepancy.UNASSESSED])
    counted = _count(len(found.sets[Discrepancy.UNDELIVERED]) + silent, found.due + silent, "no alert was due")
    return replace(counted, note=f"{silent} events were never assessed") if silent else counted


def _alerts_duplicated(readings: Readings, _: str | None, __: float) -> Measurement:
    found = readings.ledger
    return _count(len(found.sets[Discrepancy.DUPLICATED]), found.delivered, "no alert was delivered")


def _alerts_misrouted(readings: Readings, _: str | None, __: float) -> Measurement:
    found = readings.ledger
    return _count(len(found.sets[Discrepancy.MISROUTED]), found.delivered, "no alert was delivered")


def _remediated_twice(readings: Readings, _: str | None, __: float) -> Measurement:
    """Of the incidents: one that needs no remediation was not remediated twice either. A target that keeps no
    incidents in its audit trail cannot be judged by it."""
    found = readings.ledger
    twice, once = len(found.sets[Discrepancy.REMEDIATED_TWICE]), found.count("remediated")
    counted = _count(twice, max(found.incidents, once), "the audit trail has no incident")
    return replace(counted, note=f"{once} incidents were remediated") if counted.n else counted


def _verdicts_changed(readings: Readings, _: str | None, __: float) -> Measurement:
    return verdicts_changed(readings.evidence.replay)


def _queue_depth(readings: Readings, statistic: str | None, confidence: float) -> Measurement:
    return _sample(queue_depths(readings.evidence), statistic, confidence, "samples without an end")


def _queue_recovery_time(readings: Readings, _: str | None, __: float) -> Measurement:
    return queue_recovery(readings.evidence)


def _memory_slope(readings: Readings, _: str | None, confidence: float) -> Measurement:
    return leak_slope(readings.evidence, "memory", confidence)


def _cpu_slope(readings: Readings, _: str | None, confidence: float) -> Measurement:
    return leak_slope(readings.evidence, "cpu", confidence)


def _interruption(readings: Readings, _: str | None, confidence: float) -> Measurement:
    return interruption(readings.evidence, confidence)


MEASURES: dict[str, Method] = {
    "accept_latency": _accept_latency,
    "end_to_end_latency": _end_to_end_latency,
    "error_rate": _error_rate,
    "request_errors": _request_errors,
    "availability": _availability,
    "achieved_rate": _achieved_rate,
    "achieved_load": _achieved_load,
    "events_lost": _events_lost,
    "events_acknowledged_early": _events_acknowledged_early,
    "events_unexpected": _events_unexpected,
    "alerts_undelivered": _alerts_undelivered,
    "alerts_duplicated": _alerts_duplicated,
    "alerts_misrouted": _alerts_misrouted,
    "remediated_twice": _remediated_twice,
    VERDICTS_CHANGED: _verdicts_changed,
    "recovery_time": recovery_time,
    "degraded_rate": degraded_rate,
    "replica_ready": replica_ready,
    "replica_ready_outside_fault": replica_ready_outside_fault,
    "scale_out_time": scale_out_time,
    "error_rate_outside_fault": error_rate_outside_fault,
    "wrong_answers_in_fault": wrong_answers_in_fault,
    "queue_depth": _queue_depth,
    "queue_recovery_time": _queue_recovery_time,
    "memory_slope": _memory_slope,
    "cpu_slope": _cpu_slope,
    "interruption": _interruption,
}
