"""The words of the event ledger: what may have happened to an event, and what must not."""

from dataclasses import dataclass
from enum import StrEnum

SHOWN_IDS = 1_000
"""So many ids of each set go into the result and the report; the archive has them all (check/ledger.parquet)."""

FLAGS: tuple[str, ...] = ("attempted", "acknowledged", "persisted", "assessed", "alerted", "remediated")
"""What is known of each event, in the order of its way. ``alerted``: every channel that it was due to got it."""


class Discrepancy(StrEnum):
    """A way in which the records of sender, platform and channels disagree about an event."""

    LOST = "lost"
    UNEXPECTED = "unexpected"
    PERSISTED_TWICE = "persisted twice"
    ACKNOWLEDGED_EARLY = "acknowledged early"
    UNASSESSED = "unassessed"
    UNDELIVERED = "undelivered"
    DUPLICATED = "duplicated"
    MISROUTED = "misrouted"
    REMEDIATED_TWICE = "remediated twice"
    INDETERMINATE = "indeterminate"

    @property
    def meaning(self) -> str:
        """For people."""
        return _MEANING[self]

    @property
    def is_fault(self) -> bool:
        """Whether one of it is one too many: an event without an answer may or may not be there."""
        return self is not Discrepancy.INDETERMINATE


_MEANING = {
    Discrepancy.LOST: "acknowledged, and not persisted",
    Discrepancy.UNEXPECTED: "persisted, and never attempted",
    Discrepancy.PERSISTED_TWICE: "persisted more than once",
    Discrepancy.ACKNOWLEDGED_EARLY: "acknowledged before it was persisted",
    Discrepancy.UNASSESSED: "persisted, and never assessed",
    Discrepancy.UNDELIVERED: "due to a channel that did not receive it",
    Discrepancy.DUPLICATED: "received by a channel more often than it was due",
    Discrepancy.MISROUTED: "received by a channel that it was not due to",
    Discrepancy.REMEDIATED_TWICE: "opened an incident that was remediated more than once",
    Discrepancy.INDETERMINATE: "sent without an answer: it may be there or not, and neither is a fault",
}


@dataclass(frozen=True)
class LedgerSet:
    """All events of one discrepancy. ``first``: at most SHOWN_IDS of them, ascending, each (event id, channel); the
    channel is empty where the discrepancy is not about one."""

    discrepancy: Discrepancy
    count: int
    first: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LedgerSummary:
    """The ledger in numbers, over both phases, probes included. ``counts``: events with each of FLAGS; ``due`` and
    ``delivered``: alerts, (event, channel); ``probes``: how many of the attempted events were probes; ``digest``: of
    the whole ledger, which lies in check/ledger.parquet."""

    counts: dict[str, int]
    due: int
    delivered: int
    probes: int
    sets: tuple[LedgerSet, ...]
    digest: str
