"""Latencies of the measured phase, counted from the intended send time, so that a stall shows in every request that
fell into it.

What never came to its end is kept as infinite rather than left out: leaving out the failures of a platform under
strain would show the latency of the lucky ones.
"""

import numpy as np
from numpy.typing import NDArray

from readiness.analysis.events import Events
from readiness.analysis.ledger import succeeded
from readiness.model.dataset import ScenarioEvidence

_NEVER = np.iinfo(np.int64).max


def accept_latencies(evidence: ScenarioEvidence) -> NDArray[np.float64]:
    """Seconds from the intended time to the acknowledging answer, one for each request; infinite without success."""
    requests = evidence.requests[evidence.requests["phase"] == "measure"]
    done_ns = requests["done_ns"].fillna(0).to_numpy(np.int64)
    taken_s = (done_ns - requests["intended_ns"].to_numpy()) / 1e9
    return np.where(succeeded(requests), taken_s, np.inf)


def end_to_end_latencies(evidence: ScenarioEvidence, events: Events) -> NDArray[np.float64]:
    """Seconds from the intended time to the last due alert received by its channel, one for each event.

    Events: those of the measured phase that an assessment made due to a channel, and those acknowledged that were
    never assessed (nobody can tell whether they were due; they count as infinite). Of several deliveries to one
    channel the first counts; a due alert that no channel got is infinite. The sink's clock is brought to the
    generator's by ``collect.clock.offset_ns`` (theirs minus ours).
    """
    requests = evidence.requests
    measured = (requests["phase"] == "measure").to_numpy()
    # The first of several requests of an event counts: a retry makes nobody wait less.
    intended_ns = np.full(len(events.ids), _NEVER)
    np.minimum.at(intended_ns, events.requests, requests["intended_ns"].to_numpy())
    in_phase = events.mask(events.requests[measured])
    unassessed = events.mask(events.requests[succeeded(requests)]) & ~events.mask(events.assessed) & in_phase
    pairs, first_ns = _first_received(evidence, events)
    received_ns = np.full(len(events.due), _NEVER, dtype=np.int64)
    if len(pairs):
        place = np.clip(np.searchsorted(pairs, events.due), 0, len(pairs) - 1)
        there = pairs[place] == events.due
        received_ns[there] = first_ns[place[there]]
    due_events = events.due // max(1, len(events.channels))
    starts = np.flatnonzero(np.diff(due_events, prepend=-1))
    last_ns = np.maximum.reduceat(received_ns, starts) if len(starts) else received_ns
    event = due_events[starts]
    kept = in_phase[event]
    taken_s = np.where(last_ns == _NEVER, np.inf, (last_ns - intended_ns[event]) / 1e9)[kept]
    return np.concatenate([taken_s, np.full(int(unassessed.sum()), np.inf)])


def _first_received(evidence: ScenarioEvidence, events: Events) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each delivered pair once, ascending, and when its channel first got it (epoch ns of the generator's clock)."""
    at_ns = evidence.deliveries["received_at_ns"].to_numpy() - int(evidence.collect["clock"]["offset_ns"])
    order = np.lexsort((at_ns, events.delivered_pairs))
    pairs = events.delivered_pairs[order]
    starts = np.flatnonzero(np.diff(pairs, prepend=-1))
    return pairs[starts], at_ns[order][starts]
