"""The event ledger as people read it: a way in steps, what went wrong at each, and the ids."""

from dataclasses import dataclass

from readiness.model.ledger import SHOWN_IDS, Discrepancy, LedgerSet, LedgerSummary
from readiness.report.summary import Badge

WHOLE = "check/ledger.parquet"


@dataclass(frozen=True)
class LedgerStep:
    """One line of the ledger. ``wrong``: the discrepancies that can happen here, each (word, count, is a fault)."""

    name: str
    count: str
    note: str
    wrong: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class BadSet:
    """A discrepancy that happened. ``entries``: the first ids, with their channel where it is about one; ``note``:
    what is not shown."""

    badge: Badge
    title: str
    entries: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class LedgerView:
    """``balanced``: no discrepancy that is a fault."""

    badge: Badge
    sentence: str
    steps: tuple[LedgerStep, ...]
    sets: tuple[BadSet, ...]


_STEPS: tuple[tuple[str, str, tuple[Discrepancy, ...]], ...] = (
    ("attempted", "events sent by the generator or a probe", (Discrepancy.INDETERMINATE,)),
    ("acknowledged", "answered with success", (Discrepancy.ACKNOWLEDGED_EARLY,)),
    ("persisted", "durable, says the audit trail", (
        Discrepancy.LOST, Discrepancy.UNEXPECTED, Discrepancy.PERSISTED_TWICE,
    )),
    ("assessed", "have a risk and a level", (Discrepancy.UNASSESSED,)),
    ("alerted", "reached every channel that they were due to", (
        Discrepancy.UNDELIVERED, Discrepancy.DUPLICATED, Discrepancy.MISROUTED,
    )),
    ("remediated", "opened an incident whose address was quarantined", (Discrepancy.REMEDIATED_TWICE,)),
)  # fmt: skip


def ledger_view(found: LedgerSummary) -> LedgerView:
    """The ledger of a scenario in words."""
    counts = {item.discrepancy: item.count for item in found.sets}
    faults = sum(count for kind, count in counts.items() if kind.is_fault)
    return LedgerView(
        badge=Badge("fail", "DOES NOT BALANCE") if faults else Badge("pass", "BALANCES"),
        sentence=_sentence(found, faults),
        steps=tuple(_step(found, counts, *step) for step in _STEPS),
        sets=tuple(_bad_set(item) for item in found.sets),
    )


def _sentence(found: LedgerSummary, faults: int) -> str:
    sent = found.counts["attempted"]
    if faults:
        return f"{faults:,} discrepancies among {sent:,} events; each is named below."
    return f"Every one of {sent:,} events is accounted for, by its id."


def _step(
    found: LedgerSummary, counts: dict[Discrepancy, int], flag: str, meaning: str, kinds: tuple[Discrepancy, ...]
) -> LedgerStep:
    note = meaning
    if flag == "attempted" and found.probes:
        note += f"; {found.probes:,} of them probes"
    if flag == "alerted":
        note += f"; {found.due:,} alerts due, {found.delivered:,} delivered"
    wrong = tuple((kind.value, f"{counts.get(kind, 0):,}", kind.is_fault and counts.get(kind, 0) > 0) for kind in kinds)
    return LedgerStep(flag, f"{found.counts[flag]:,}", note, wrong)


def _bad_set(item: LedgerSet) -> BadSet:
    kind = item.discrepancy
    note = f"The first {len(item.first):,} of {item.count:,}; all of them are in {WHOLE}." if (
        item.count > len(item.first)
    ) else ""  # fmt: skip
    return BadSet(
        badge=Badge("fail" if kind.is_fault else "unknown", kind.value.upper()),
        title=f"{item.count:,} {kind.value}: {kind.meaning}",
        entries=tuple(f"{event} {channel}".strip() for event, channel in item.first[:SHOWN_IDS]),
        note=note,
    )
