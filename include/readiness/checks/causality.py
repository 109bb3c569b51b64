"""Whether effect follows cause: nothing is received, and nothing delivered, before it was sent."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.checks.event_places import first_places
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import DataCheck
from readiness.model.verdict import Verdict

_SLACK_NS = 1_000_000
"""Two readings of one clock by two processes may differ by this much."""


def effect_after_cause(evidence: ScenarioEvidence) -> Iterable[DataCheck]:
    """Each event was received and delivered after it was sent, within what the clocks are known to differ. A time
    before its cause would make a latency too small, or less than nothing."""
    clock = evidence.collect["clock"]
    drift_ns = abs(int(evidence.generator["wall_clock_drift_ns"]))
    slack_ns = _SLACK_NS + int(clock["uncertainty_ns"]) + drift_ns
    senders = [evidence.requests, *([] if evidence.probes is None else [evidence.probes])]
    sent = pd.concat([rows[["event_id", "sent_ns"]] for rows in senders], ignore_index=True)
    received = evidence.audit[["event_id", "at_ns"]][(evidence.audit["action"] == "received").to_numpy()]
    for dataset, rows, column in (
        ("collect/audit.parquet", received, "at_ns"),
        ("collect/deliveries.parquet", evidence.deliveries, "received_at_ns"),
    ):
        lead_ns = _lead_ns(sent, rows["event_id"], rows[column].to_numpy() - int(clock["offset_ns"]))
        early = int((lead_ns > slack_ns).sum())
        worst = f"{early} of {len(rows)} rows, by up to {lead_ns.max() / 1e6:.1f} ms" if early else ""
        yield DataCheck(
            dataset,
            "effect after cause",
            Verdict.FAIL if early else Verdict.PASS,
            "every time after the event was sent",
            worst or f"{len(rows)} rows",
        )


def _lead_ns(sent: pd.DataFrame, events: "pd.Series[Any]", at_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """How long before it was sent each event was there, of the events that somebody sent: the ledger names the others.
    The first of several requests of an event counts."""
    place = first_places(events, sent["event_id"])
    known = place >= 0
    return sent["sent_ns"].to_numpy()[place[known]] - at_ns[known]
