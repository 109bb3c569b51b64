"""Whether every replica was healthy all the time: readiness in every sample, and no restart."""

import numpy as np
import pandas as pd

from readiness.analysis.answers import NO_FAULT
from readiness.analysis.fault_window import FaultWindow, fault_window
from readiness.analysis.metrics_clock import metrics_off_ns
from readiness.analysis.proportion import proportion
from readiness.analysis.readings import Readings
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import Measurement


def replica_ready(readings: Readings, _: str | None, confidence: float) -> Measurement:
    """The worst replica's share of ready samples; ties go to the first name. A tick without a sample was not ready,
    nor was one since whose predecessor the process started anew: a replica can be back before the next look.

    A replica that the platform added under load counts from the time it was first ready, and no longer once it was
    taken away: starting is no failure, and scale_out_time judges how long it took.
    """
    return _worst(readings.evidence, confidence, None)


def replica_ready_outside_fault(readings: Readings, _: str | None, confidence: float) -> Measurement:
    """As replica_ready, over the ticks of the measured phase that the fault cannot have met."""
    window = fault_window(readings.evidence)
    if window is None:
        return Measurement(None, None, 0, NO_FAULT)
    return _worst(readings.evidence, confidence, window)


def _worst(evidence: ScenarioEvidence, confidence: float, without: FaultWindow | None) -> Measurement:
    phase, health = evidence.clock.phase("measure"), evidence.health
    rows = health[(health["time_ns"] >= phase.start_ns) & (health["time_ns"] < phase.end_ns)]
    if without is not None:
        rows = rows[~_touched(rows, without, float(evidence.observe["worst_lag_ms"]))]
    ticks_ns = np.unique(rows["time_ns"].to_numpy(np.int64))
    by_replica = {str(name): part for name, part in rows.groupby("replica")}
    targets = sorted(evidence.observe["targets"], key=lambda target: str(target["replica"]))
    missing = [str(t["replica"]) for t in targets if t.get("joined_ns") is None and str(t["replica"]) not in by_replica]
    if missing or not targets:
        return Measurement(None, None, 0, f"no health sample of {', '.join(missing) or 'any replica'}")
    restarts = _restarts(evidence, without)
    counts: dict[str, tuple[int, int]] = {}
    for target in targets:
        name = str(target["replica"])
        found = _of_replica(by_replica.get(name), target, ticks_ns)
        if found is not None:
            counts[name] = (max(0, found[0] - restarts.get(name, 0)), found[1])
    worst = min(counts, key=lambda name: (counts[name][0] / counts[name][1], name))
    ready, ticks = counts[worst]
    note = "" if ready == ticks else f"worst replica {worst}: {ticks - ready} of {ticks} samples not ready"
    if restarts:
        note += f"; restarted: {', '.join(f'{name} {times} times' for name, times in sorted(restarts.items()))}"
    return proportion(ready, ticks, confidence, note)


def _touched(
    rows: pd.DataFrame, window: FaultWindow, worst_lag_ms: float
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """For each sample whether the fault may have met its tick: that lies in the window, or before it with a question
    that may still have been without its answer then. Whole ticks, since one that lacks a sample was not ready."""
    times_ns = rows["time_ns"].to_numpy(np.int64)
    longest_ms = rows["took_ms"].fillna(0.0).groupby(rows["time_ns"]).transform("max").to_numpy(np.float64)
    until_fault_ms = (window.start_ns - times_ns) / 1e6
    under_way = (until_fault_ms > 0) & (until_fault_ms <= longest_ms + worst_lag_ms)
    return np.asarray(window.holds(times_ns) | under_way)


def _of_replica(
    rows: pd.DataFrame | None, target: dict[str, object], ticks_ns: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> tuple[int, int] | None:
    """Ready samples and ticks of one replica; None for one that joined and was never ready before the phase ended."""
    if target.get("joined_ns") is None:
        return (0 if rows is None else int(rows["ready"].sum())), len(ticks_ns)
    if rows is None or not rows["ready"].any():
        return None
    first_ns = int(rows.loc[rows["ready"], "time_ns"].min())
    due = ticks_ns[ticks_ns >= first_ns]
    left_ns = target.get("left_ns")
    if isinstance(left_ns, int):
        due = due[due < left_ns]
    counted = rows[rows["time_ns"].isin(due)]
    return (int(counted["ready"].sum()), len(due)) if len(due) else None


def _restarts(evidence: ScenarioEvidence, without: FaultWindow | None) -> dict[str, int]:
    """How often each replica's process started anew during the load; those that did."""
    first, last = evidence.clock.phases[0].start_ns, evidence.clock.phases[-1].end_ns
    rows = evidence.metrics[evidence.metrics["metric"] == "process_start_time_seconds"]
    rows = rows[(rows["time_ns"] >= first) & (rows["time_ns"] < last)].sort_values("time_ns")
    # Samples of Prometheus are timed by its clock, those of the observer by the drill's.
    off_ns = metrics_off_ns(evidence)
    found: dict[str, int] = {}
    for name, part in rows.groupby("replica"):
        times_ns = part["time_ns"].to_numpy(np.int64)
        new = np.flatnonzero(np.diff(part["value"].to_numpy(np.float64)) != 0) + 1
        if without is not None:
            # By when it was seen: a start time is counted from the boot time, which is known to a second only.
            in_fault = (times_ns[new] + off_ns >= without.start_ns) & (times_ns[new - 1] - off_ns <= without.end_ns)
            new = new[~in_fault]
        if len(new):
            found[str(name)] = len(new)
    return found
