"""The account of every event of a sending: acknowledged, persisted, assessed, due, delivered - by its id.

Ids are kept as sorted numbers and all that is known of an event in arrays, so that millions take tens of bytes each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from instruments.lines import read_lines
from instruments.outcome import Outcome, percentiles_ms

CHANNELS = ("slack", "pagerduty", "email", "sms")
_BIT = {channel: 1 << place for place, channel in enumerate(CHANNELS)}
_PLACE = {channel: place for place, channel in enumerate(CHANNELS)}
NEVER = np.iinfo(np.int64).max


class _Detail(msgspec.Struct, gc=False):
    due: list[str] = []
    channel: str = ""


class _AuditRow(msgspec.Struct, gc=False):
    event_id: str
    action: str
    at_ns: int
    replica: str
    detail: _Detail


class _DeliveryRow(msgspec.Struct, gc=False):
    event_id: str
    channel: str
    received_at_ns: int


@dataclass(frozen=True)
class Account:
    """Counts over a sending. lost: acknowledged, and not persisted, not assessed or not delivered on a due channel."""

    sent: int
    acknowledged: int
    lost: int
    handled_twice: int
    repeated_deliveries: int
    given_up: int
    unexpected: int
    due_nowhere: int
    lost_ids: tuple[str, ...]


class Ledger:
    """What audit trail and deliveries say of the events of one sending; one entry each, in the order of sending.

    received, assessed: how often. due: bit mask over CHANNELS. delivered_ns: shape (events, channels), the first
    arrival at the sink, NEVER when there is none. repeats: further arrivals on a channel. received_by: place of the
    replica in `replicas`, -1 when not received.
    """

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        count = len(outcome.ids)
        self._order = np.argsort(outcome.ids[:, 0], kind="stable")
        self._sorted = outcome.ids[self._order]
        if (self._sorted[1:, 0] == self._sorted[:-1, 0]).any():
            raise ValueError("two ids begin with the same 8 bytes; choose another seed")
        self.received, self.assessed = np.zeros(count, np.uint16), np.zeros(count, np.uint16)
        self.due, self.given_up = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
        self.received_at_ns, self.assessed_at_ns = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.received_by = np.full(count, -1, np.int16)
        self.delivered_ns = np.full((count, len(CHANNELS)), NEVER, np.int64)
        self.arrivals = np.zeros((count, len(CHANNELS)), np.uint16)
        self.replicas: list[str] = []
        self.unexpected: set[str] = set()
        self.incidents_opened = 0

    def read(self, base_url: str, sink_url: str, source: str) -> None:
        """Read audit trail and deliveries to their ends. Raises CutShortError."""
        for rows in read_lines(f"{base_url}/v1/audit", source, _AuditRow):
            self._take_audit(rows)
        self.read_deliveries(sink_url, source)

    def read_deliveries(self, sink_url: str, source: str) -> None:
        """Read the deliveries to their end. Raises CutShortError."""
        for deliveries in read_lines(f"{sink_url}/deliveries", source, _DeliveryRow):
            self._take_deliveries(deliveries)

    def _take_audit(self, rows: Sequence[_AuditRow]) -> None:
        received = [row for row in rows if row.action == "received"]
        at = self._find([row.event_id for row in received])
        np.add.at(self.received, at[at >= 0], 1)
        self._put(self.received_at_ns, at, [row.at_ns for row in received])
        self._put(self.received_by, at, [self._replica(row.replica) for row in received])
        assessed = [row for row in rows if row.action == "assessed"]
        at = self._find([row.event_id for row in assessed])
        np.add.at(self.assessed, at[at >= 0], 1)
        self._put(self.assessed_at_ns, at, [row.at_ns for row in assessed])
        self._put(self.due, at, [sum(_BIT[channel] for channel in row.detail.due) for row in assessed])
        failed = [row for row in rows if row.action == "delivery_failed"]
        at = self._find([row.event_id for row in failed])
        bits = np.array([_BIT[row.detail.channel] for row in failed], np.uint8)
        np.bitwise_or.at(self.given_up, at[at >= 0], bits[at >= 0])
        self.incidents_opened += sum(row.action == "incident_opened" for row in rows)

    def _take_deliveries(self, rows: Sequence[_DeliveryRow]) -> None:
        at = self._find([row.event_id for row in rows])
        channels = np.array([_PLACE[row.channel] for row in rows], np.int64)
        times = np.array([row.received_at_ns for row in rows], np.int64)
        known = at >= 0
        np.minimum.at(self.delivered_ns, (at[known], channels[known]), times[known])
        np.add.at(self.arrivals, (at[known], channels[known]), 1)

    def _replica(self, name: str) -> int:
        if name not in self.replicas:
            self.replicas.append(name)
        return self.replicas.index(name)

    def _find(self, texts: list[str]) -> NDArray[np.int64]:
        """The places of ids in the order of sending; -1 for what was never sent, which is remembered."""
        if not texts:
            return np.zeros(0, np.int64)
        halves = np.frombuffer(bytes.fromhex("".join(texts).replace("-", "")), ">u8").astype(np.uint64).reshape(-1, 2)
        near = np.minimum(np.searchsorted(self._sorted[:, 0], halves[:, 0]), len(self._sorted) - 1)
        known = (self._sorted[near] == halves).all(axis=1)
        self.unexpected.update(text for text, is_known in zip(texts, known.tolist(), strict=True) if not is_known)
        return np.where(known, self._order[near], -1)

    @staticmethod
    def _put(target: NDArray[np.generic], at: NDArray[np.int64], values: list[int]) -> None:
        target[at[at >= 0]] = np.array(values, target.dtype)[at >= 0]

    @property
    def delivered(self) -> NDArray[np.uint8]:
        """Bit mask of the channels that took each event."""
        taken = (self.delivered_ns < NEVER) @ np.array([_BIT[channel] for channel in CHANNELS])
        return taken.astype(np.uint8)

    @property
    def last_delivery_ns(self) -> NDArray[np.int64]:
        """When the last channel took each event; 0 for events that no channel took."""
        return np.where(self.delivered_ns < NEVER, self.delivered_ns, 0).max(axis=1)

    @property
    def handled_ns(self) -> NDArray[np.int64]:
        """When each event was fully handled: its last delivery, or its assessment when it is due nowhere."""
        return np.maximum(self.last_delivery_ns, self.assessed_at_ns)

    def end_to_end_ms(self, *percents: float) -> list[float]:
        """Percentiles of the time from the due time of an event's sending to its last due delivery."""
        whole = (self.due > 0) & (self.due & ~self.delivered == 0)
        taken = (self.last_delivery_ns - self._outcome.events_intended_ns)[whole]
        return percentiles_ms(taken, percents)

    def account(self) -> Account:
        """The counts."""
        acknowledged = self._outcome.acknowledged
        missing = (self.received == 0) | (self.assessed == 0) | (self.due & ~self.delivered != 0)
        lost = np.flatnonzero(acknowledged & missing)
        return Account(
            sent=len(acknowledged),
            acknowledged=int(acknowledged.sum()),
            lost=len(lost),
            handled_twice=int(((self.received > 1) | (self.assessed > 1)).sum()),
            repeated_deliveries=int(np.maximum(self.arrivals.astype(np.int64) - 1, 0).sum()),
            given_up=int((self.given_up > 0).sum()),
            unexpected=len(self.unexpected),
            due_nowhere=int(((self.assessed > 0) & (self.due == 0)).sum()),
            lost_ids=tuple(id_text(self._outcome.ids[place]) for place in lost[:5]),
        )


def id_text(halves: NDArray[np.uint64]) -> str:
    """An id as text."""
    text = f"{int(halves[0]):016x}{int(halves[1]):016x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
