"""Whether effect follows cause: nothing is received, and nothing delivered, before it was sent."""

from collections.abc import Iterable

import pandas as pd

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
    sent_ns = pd.concat([rows.set_index("event_id")["sent_ns"] for rows in senders])
    sent_ns = sent_ns[~sent_ns.index.duplicated()]
    received = evidence.audit[evidence.audit["action"] == "received"]
    for dataset, rows, column in (
        ("collect/audit.parquet", received, "at_ns"),
        ("collect/deliveries.parquet", evidence.deliveries, "received_at_ns"),
    ):
        lead_ns = _sent(sent_ns, rows) - (rows[column].to_numpy() - int(clock["offset_ns"]))
        early = int((lead_ns > slack_ns).sum())
        worst = f"{early} of {len(rows)} rows, by up to {lead_ns.max() / 1e6:.1f} ms" if early else ""
        yield DataCheck(
            dataset,
            "effect after cause",
            Verdict.FAIL if early else Verdict.PASS,
            "every time after the event was sent",
            worst or f"{len(rows)} rows",
        )


def _sent(sent_ns: "pd.Series[int]", rows: pd.DataFrame) -> pd.Series:
    """When the event of each row was sent; NaN (which is never early) for events that nobody sent: the ledger names
    those."""
    found: pd.Series = sent_ns.reindex(rows["event_id"]).reset_index(drop=True)
    return found
