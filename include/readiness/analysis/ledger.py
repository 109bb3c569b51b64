"""The event ledger: what was attempted, acknowledged, persisted, assessed, alerted and remediated, and every
discrepancy, as sets of events."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from readiness.analysis.event_ids import EventIds
from readiness.analysis.events import Codes, Events, number_events, write_probes
from readiness.model.dataset import ScenarioEvidence
from readiness.model.ledger import FLAGS, SHOWN_IDS, Discrepancy, LedgerSet, LedgerSummary

NOT_SENT: tuple[str, ...] = ("stopped", "no_connection")
"""Error classes of arrivals that the generator itself did not carry through."""
CLOCK_SLACK_NS = 1_000_000
"""Two readings of one clock by two processes may differ by this much."""
Mask = NDArray[np.bool_]
_NO_CHANNEL = -1
_ROWS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Entries:
    """The events of one discrepancy, ascending, and the number of the channel of each (_NO_CHANNEL: about none)."""

    events: Codes
    channels: Codes

    def __len__(self) -> int:
        return len(self.events)


@dataclass(frozen=True, eq=False)
class Ledger:
    """Over both phases, probes included. ``flags``: for each of FLAGS, which events have it; ``sets``: the events of
    each discrepancy; ``due`` and ``delivered``: how many alerts, (event, channel); ``incidents``: how many events
    opened or joined one.

    Several requests of one event (retries) are one event: acknowledged if one of them was. ``alerted``: the event was
    due to a channel, and every channel that it was due to got it. An event that no assessment is kept of is due to
    none. An escalation's alert is due beside the event's own.
    """

    ids: EventIds
    channels: tuple[str, ...]
    flags: Mapping[str, Mask]
    sets: Mapping[Discrepancy, Entries]
    due: int
    delivered: int
    probes: int
    incidents: int

    def count(self, flag: str) -> int:
        """How many events have the flag."""
        return int(self.flags[flag].sum())

    def entries(self, kind: Discrepancy) -> tuple[tuple[str, str], ...]:
        """(event id, channel) of the whole set, ascending; the channel is empty where it is about none."""
        return self._named(self.sets[kind])

    def names(self, kind: Discrepancy) -> tuple[str, ...]:
        """The event ids of the whole set, ascending."""
        return tuple(name for name, _ in self.entries(kind))

    def summary(self) -> LedgerSummary:
        """The ledger in numbers, with the first ids of each set."""
        kinds = [kind for kind in Discrepancy if len(self.sets[kind])]
        firsts = {kind: Entries(self.sets[kind].events[:SHOWN_IDS], self.sets[kind].channels[:SHOWN_IDS])
                  for kind in kinds}  # fmt: skip
        return LedgerSummary(
            counts={flag: self.count(flag) for flag in FLAGS},
            due=self.due,
            delivered=self.delivered,
            probes=self.probes,
            sets=tuple(LedgerSet(kind, len(self.sets[kind]), self._named(firsts[kind])) for kind in kinds),
            digest=self.digest(),
        )

    def pieces(self) -> Iterator[pa.Table]:
        """The whole ledger, ascending by event, some rows at a time: one for each event without a discrepancy (an empty
        word), and one for each discrepancy of an event."""
        kinds = list(Discrepancy)
        found = [np.full(len(self.sets[kind]), number, dtype=np.int8) for number, kind in enumerate(kinds)]
        events, numbers = np.concatenate([self.sets[kind].events for kind in kinds]), np.concatenate(found)
        channels = np.concatenate([self.sets[kind].channels for kind in kinds])
        clean = np.flatnonzero(~self._mask(events))
        events = np.concatenate([events, clean])
        numbers = np.concatenate([numbers, np.full(len(clean), len(kinds), dtype=np.int8)])
        channels = np.concatenate([channels, np.full(len(clean), _NO_CHANNEL)])
        order = np.lexsort((channels, numbers, events))
        for at in range(0, len(order), _ROWS_AT_ONCE):
            rows = order[at : at + _ROWS_AT_ONCE]
            columns = {"event_id": self.ids.names(events[rows])}
            columns |= {flag: pa.array(self.flags[flag][events[rows]]) for flag in FLAGS}
            columns["discrepancy"] = _words(numbers[rows], [*kinds, ""])
            columns["channel"] = _words(channels[rows], [*self.channels, ""])
            yield pa.table(columns)

    def table(self) -> pa.Table:
        """All of ``pieces``."""
        pieces = list(self.pieces())
        return pa.concat_tables(pieces).unify_dictionaries() if pieces else pa.table({})

    def digest(self) -> str:
        """sha256 over ids, flags and sets: equal for equal ledgers, whatever order the records came in."""
        flags = np.packbits(np.array([self.flags[flag] for flag in FLAGS]), axis=1)
        counts = [self.due, self.delivered, self.probes, self.incidents, *self.channels]
        total = hashlib.sha256(json.dumps(counts).encode())
        total.update(np.ascontiguousarray(self.ids.bytes_of).data)
        total.update(np.ascontiguousarray(flags).data)
        for kind in Discrepancy:
            total.update(f"{kind} {len(self.sets[kind])}".encode())
            total.update(np.ascontiguousarray(self.sets[kind].events).data)
            total.update(np.ascontiguousarray(self.sets[kind].channels).data)
        return total.hexdigest()

    def _mask(self, codes: Codes) -> Mask:
        found = np.zeros(len(self.ids), dtype=np.bool_)
        found[codes] = True
        return found

    def _named(self, entries: Entries) -> tuple[tuple[str, str], ...]:
        words = [*self.channels, ""]
        channels = [words[number] for number in entries.channels.tolist()]
        return tuple(sorted(zip(self.ids.names(entries.events).to_pylist(), channels, strict=True)))


def succeeded(requests: pd.DataFrame) -> Mask:
    """For each request whether it was answered with success: a 2xx answer that came."""
    status = requests["status"].to_numpy()
    return (
        (status >= 200) & (status < 300) & requests["done_ns"].notna().to_numpy() & (requests["error"] == "").to_numpy()
    )


def was_sent(requests: pd.DataFrame) -> Mask:
    """For each request whether the generator carried it through; a target that refuses or is silent was still asked."""
    return ~requests["error"].isin(NOT_SENT).to_numpy()


def ledger(evidence: ScenarioEvidence, events: Events | None = None) -> Ledger:
    """The ledger of the evidence; ``events`` saves numbering them again."""
    events = events or number_events(evidence)
    asked = _Asked.of(evidence, events)
    persisted, assessed = events.mask(events.received), events.mask(events.assessed)
    pairs, times = np.unique(events.delivered_pairs, return_counts=True)
    due, allowed = np.isin(pairs, events.due), np.isin(pairs, events.escalated).astype(np.int64)
    undelivered = np.setdiff1d(events.due, pairs, assume_unique=True)
    width = max(1, len(events.channels))
    alerted = events.mask(events.due // width) & ~events.mask(undelivered // width)
    flags = {
        "attempted": asked.attempted, "acknowledged": asked.acknowledged, "persisted": persisted, "assessed": assessed,
        "alerted": alerted, "remediated": events.mask(events.remediated),
    }  # fmt: skip
    sets = {
        Discrepancy.LOST: _events(asked.acknowledged & ~persisted),
        Discrepancy.UNEXPECTED: _events(persisted & ~asked.attempted),
        Discrepancy.PERSISTED_TWICE: _events(np.bincount(events.received, minlength=len(persisted)) > 1),
        Discrepancy.ACKNOWLEDGED_EARLY: _events(_early(evidence, events, asked)),
        Discrepancy.UNASSESSED: _events(persisted & ~assessed),
        Discrepancy.UNDELIVERED: _alerts(undelivered, width),
        Discrepancy.DUPLICATED: _alerts(pairs[(times > due + allowed) & (due | (allowed > 0))], width),
        Discrepancy.MISROUTED: _alerts(pairs[~due & (allowed == 0)], width),
        Discrepancy.REMEDIATED_TWICE: _remediated_twice(evidence, events),
        Discrepancy.INDETERMINATE: _events(asked.attempted & asked.silent & ~asked.acknowledged),
    }
    incidents = int(evidence.audit["action"].isin(["incident_opened", "incident_joined"]).sum())
    probes = len(np.unique(events.probes))
    return Ledger(events.ids, events.channels, flags, sets, len(events.due), len(pairs), probes, incidents)


@dataclass(frozen=True)
class _Asked:
    """What the senders know of each event. ``silent``: one of its requests was not answered; ``done_ns``: the first
    acknowledging answer, the largest number without one."""

    attempted: Mask
    acknowledged: Mask
    silent: Mask
    done_ns: Codes

    @classmethod
    def of(cls, evidence: ScenarioEvidence, events: Events) -> "_Asked":
        n = len(events.ids)
        attempted, acknowledged, silent = (np.zeros(n, dtype=np.bool_) for _ in range(3))
        found = cls(attempted, acknowledged, silent, np.full(n, np.iinfo(np.int64).max))
        found._add(evidence.requests, events.requests)
        probes = write_probes(evidence)
        if probes is not None:
            found._add(probes, events.probes)
        return found

    def _add(self, requests: pd.DataFrame, codes: Codes) -> None:
        connected, success = (requests["error"] != "no_connection").to_numpy(), succeeded(requests)
        self.attempted[codes[connected]] = True
        self.acknowledged[codes[success]] = True
        self.silent[codes[connected & requests["done_ns"].isna().to_numpy()]] = True
        done_ns = requests["done_ns"].fillna(0).to_numpy(np.int64)[success]
        np.minimum.at(self.done_ns, codes[success], done_ns)


def _early(evidence: ScenarioEvidence, events: Events, asked: _Asked) -> Mask:
    """Acknowledged by a time at which it was not yet durable, beyond what the clocks may differ by."""
    clock, drift_ns = evidence.collect["clock"], abs(int(evidence.generator.get("wall_clock_drift_ns", 0)))
    slack_ns = CLOCK_SLACK_NS + int(clock["uncertainty_ns"]) + drift_ns
    kept_ns = np.full(len(events.ids), np.iinfo(np.int64).max)
    np.minimum.at(kept_ns, events.received, events.received_ns - int(clock["offset_ns"]) - slack_ns)
    return events.mask(events.received) & asked.acknowledged & (kept_ns > asked.done_ns)


def _remediated_twice(evidence: ScenarioEvidence, events: Events) -> Entries:
    """The events whose incident the audit trail says was remediated more than once. Lines that name no incident are
    taken by their event."""
    if not len(events.remediated):
        return _events(np.zeros(0, dtype=np.bool_))
    audit = evidence.audit
    details = audit["detail"][(audit["action"] == "remediated").to_numpy()]
    incidents = [json.loads(text).get("incident_id") for text in details]
    named = [name or f"event {code}" for name, code in zip(incidents, events.remediated.tolist(), strict=True)]
    twice = pd.Series(named).duplicated(keep=False).to_numpy()
    return _events(events.mask(events.remediated[twice]))


def _events(mask: Mask) -> Entries:
    codes = np.flatnonzero(mask)
    return Entries(codes, np.full(len(codes), _NO_CHANNEL))


def _alerts(pairs: Codes, width: int) -> Entries:
    return Entries(pairs // width, pairs % width)


def _words(numbers: NDArray[np.integer], words: list[str]) -> pa.DictionaryArray:
    """Each number as a word; _NO_CHANNEL is the last."""
    places = np.where(numbers < 0, len(words) - 1, numbers).astype(np.int8)
    return pa.DictionaryArray.from_arrays(pa.array(places), pa.array([str(word) for word in words]))
