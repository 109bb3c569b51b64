"""Which incident an observation joins, as far as this replica knows it.

An incident takes what comes within the window after it was opened, so what the database once said stays true until
the window ends: a replica asks once for each incident, not once for each event. What is not known here is decided in
the database, whose row lock lets one replica only open it (see database.statements.ACCEPT_OPENING).
"""

import uuid
from dataclasses import dataclass

from phantommesh.automation.events import Observation

MAX_KNOWN = 65_536
Key = tuple[str, str, int]


@dataclass(slots=True)
class KnownIncident:
    """An open incident. remedied: a remediation was asked for."""

    incident_id: uuid.UUID
    opened_at_ns: int
    remedied: bool = False


def key_of(event: Observation) -> Key:
    """What makes observations the same matter: source, destination, signature."""
    return event.src_ip, event.dest_ip, event.alert.signature_id


class IncidentWindows:
    """The known ones, the oldest forgotten first."""

    def __init__(self, window_ns: int) -> None:
        self.window_ns = window_ns
        self._known: dict[Key, KnownIncident] = {}

    def find(self, event: Observation) -> KnownIncident | None:
        """The open incident of an observation, if it is known."""
        known = self._known.get(key_of(event))
        if known is not None and known.opened_at_ns >= event.received_at_ns - self.window_ns:
            return known
        return None

    def learn(self, event: Observation, incident_id: uuid.UUID, opened_at_ns: int, remedied: bool) -> None:
        """What the database said of an observation's incident."""
        key = key_of(event)
        before = self._known.pop(key, None)
        if before is not None and before.incident_id == incident_id:
            remedied = remedied or before.remedied
        elif before is None and len(self._known) >= MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[key] = KnownIncident(incident_id, opened_at_ns, remedied)

    def forget(self) -> None:
        """Another session with the database: it may be another database."""
        self._known.clear()
