"""What an address has been seen doing in closed hours: the history that an event is assessed with.

A history must not depend on how busy a replica is or on what has arrived so far; so it is made of whole hours only, by
the time at which events were received. An hour is aggregated once, some seconds after its end, and published under its
number (hours since the epoch). A version is that number: it stands for the DAY_HOURS hours that end with it. Which
version an event sees follows from its own time of receipt (``wanted_version``), whenever and wherever it is assessed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

HOUR_NS = 3_600_000_000_000
DAY_HOURS = 24
# An hour is closed this long after its end: what was received in it is committed by then, or stays uncounted.
CLOSE_AFTER_NS = 10_000_000_000
# Events use it later still, so that every replica knows of it by then.
USE_AFTER_NS = 60_000_000_000
NO_VERSION = 0


class AddressHistory(NamedTuple):
    """One address in the hours of a version. Alerts in its last hour and in all its hours, as source (sent) and as
    destination (received); the most distinct signatures in one hour; the worst risk (0 to 10) of any of its alerts."""

    sent_hour: int = 0
    sent_day: int = 0
    received_hour: int = 0
    received_day: int = 0
    signatures: int = 0
    worst_risk: float = 0.0


NOTHING = AddressHistory()


class History(NamedTuple):
    """What an event is assessed with. version: NO_VERSION when no hour has been published yet."""

    version: int = NO_VERSION
    source: AddressHistory = NOTHING
    destination: AddressHistory = NOTHING


NO_HISTORY = History()


def wanted_version(received_at_ns: int) -> int:
    """The last hour whose end lies USE_AFTER_NS or more before an event's receipt (epoch, ns)."""
    return (received_at_ns - USE_AFTER_NS) // HOUR_NS - 1


def last_ended_hour(now_ns: int) -> int:
    """The last hour that may be closed at a time (epoch, ns)."""
    return (now_ns - CLOSE_AFTER_NS) // HOUR_NS - 1


def version_for(received_at_ns: int, published: Sequence[int]) -> int:
    """The newest of the published versions (ascending) that an event of this time may see, else NO_VERSION.

    Normally it is the wanted one. It is older only when nobody was there to close the hour; the verdict names it."""
    place = bisect_right(published, wanted_version(received_at_ns))
    return published[place - 1] if place else NO_VERSION


class AddressHour(NamedTuple):
    """What was seen of an address in one hour (number since the epoch). signatures: distinct ones."""

    address: str
    hour: int
    sent: int
    received: int
    signatures: int
    worst_risk: float


class Alerted(NamedTuple):
    """An alert as far as histories count it. received_at_ns: epoch; risk: 0 to 10."""

    received_at_ns: int
    src_ip: str
    dest_ip: str
    signature_id: int
    risk: float


def address_hours(alerts: Iterable[Alerted]) -> list[AddressHour]:
    """What the database makes of these alerts when it closes their hours."""
    seen: dict[tuple[str, int], list[tuple[int, int, int, float]]] = {}
    for alert in alerts:
        hour = alert.received_at_ns // HOUR_NS
        seen.setdefault((alert.src_ip, hour), []).append((1, 0, alert.signature_id, alert.risk))
        seen.setdefault((alert.dest_ip, hour), []).append((0, 1, alert.signature_id, alert.risk))
    return [
        AddressHour(
            address, hour, sum(item[0] for item in items), sum(item[1] for item in items),
            len({item[2] for item in items}), max(item[3] for item in items),
        )
        for (address, hour), items in seen.items()
    ]  # fmt: skip


class KnownHours:
    """Histories in memory, as the database would read them, from all hours of a time; for training."""

    def __init__(self, hours: Iterable[AddressHour]) -> None:
        self._hours: dict[str, dict[int, AddressHour]] = {}
        for item in hours:
            self._hours.setdefault(item.address, {})[item.hour] = item

    def of_event(self, received_at_ns: int, src_ip: str, dest_ip: str) -> History:
        """What an event of this time is assessed with when every hour is published in time."""
        version = wanted_version(received_at_ns)
        return History(version, self._at(src_ip, version), self._at(dest_ip, version))

    def _at(self, address: str, version: int) -> AddressHistory:
        hours = self._hours.get(address, {})
        day = [hours[hour] for hour in range(version - DAY_HOURS + 1, version + 1) if hour in hours]
        if not day:
            return NOTHING
        last = hours.get(version)
        return AddressHistory(
            sent_hour=last.sent if last else 0,
            sent_day=sum(item.sent for item in day),
            received_hour=last.received if last else 0,
            received_day=sum(item.received for item in day),
            signatures=max(item.signatures for item in day),
            worst_risk=round(max(item.worst_risk for item in day), 2),
        )
