"""The event ledger: what was attempted, acknowledged, persisted, assessed and delivered, and every discrepancy."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.analysis.events import Events, number_events
from readiness.model.dataset import ScenarioEvidence

NOT_SENT: tuple[str, ...] = ("stopped", "no_connection")
"""Error classes of arrivals that the generator itself did not carry through."""


@dataclass(frozen=True)
class Ledger:
    """Over both phases. The first six fields count events, ``due`` and ``delivered`` alerts, (event, channel).

    ``lost``: acknowledged, not persisted. ``unexpected``: persisted, never attempted. ``unassessed``: persisted,
    never assessed. ``indeterminate``: no answer, so the event may or may not be there: neither is a fault.
    ``undelivered``: due to a channel that did not get it. ``duplicated``: got by a channel more than once, or without
    being due to it (an event of which no assessment is kept is due to none). All in ascending order.
    """

    attempted: int
    acknowledged: int
    persisted: int
    assessed: int
    due: int
    delivered: int
    lost: tuple[str, ...]
    unexpected: tuple[str, ...]
    unassessed: tuple[str, ...]
    indeterminate: tuple[str, ...]
    undelivered: tuple[tuple[str, str], ...]
    duplicated: tuple[tuple[str, str], ...]


def succeeded(requests: pd.DataFrame) -> NDArray[np.bool_]:
    """For each request whether it was answered with success: a 2xx answer that came."""
    status = requests["status"].to_numpy()
    return (
        (status >= 200) & (status < 300) & requests["done_ns"].notna().to_numpy() & (requests["error"] == "").to_numpy()
    )


def was_sent(requests: pd.DataFrame) -> NDArray[np.bool_]:
    """For each request whether the generator carried it through; a target that refuses or is silent was still asked."""
    return ~requests["error"].isin(NOT_SENT).to_numpy()


def ledger(evidence: ScenarioEvidence, events: Events | None = None) -> Ledger:
    """The ledger of the evidence; ``events`` saves numbering them again."""
    events = events or number_events(evidence)
    requests = evidence.requests
    connected = (requests["error"] != "no_connection").to_numpy()
    attempted = events.mask(events.requests[connected])
    acknowledged = events.mask(events.requests[succeeded(requests)])
    answered = events.mask(events.requests[requests["done_ns"].notna().to_numpy()])
    persisted, assessed = events.mask(events.received), events.mask(events.assessed)
    twice = np.bincount(events.received, minlength=len(persisted)) > 1
    pairs, times = np.unique(events.delivered_pairs, return_counts=True)
    not_due = ~np.isin(pairs, events.due, assume_unique=True)
    return Ledger(
        attempted=int(attempted.sum()),
        acknowledged=int(acknowledged.sum()),
        persisted=int(persisted.sum()),
        assessed=int(assessed.sum()),
        due=len(events.due),
        delivered=len(pairs),
        lost=events.names(acknowledged & ~persisted),
        unexpected=events.names((persisted & ~attempted) | twice),
        unassessed=events.names(persisted & ~assessed),
        indeterminate=events.names(attempted & ~answered),
        undelivered=events.pair_names(np.setdiff1d(events.due, pairs, assume_unique=True)),
        duplicated=events.pair_names(pairs[(times > 1) | not_due]),
    )
