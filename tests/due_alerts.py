"""Alerts as an adapter gets them, for tests."""

import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that is due."""

    delivery_id: uuid.UUID = field(default_factory=uuid.uuid4)
    event_id: uuid.UUID = field(default_factory=uuid.uuid4)
    incident_id: uuid.UUID = field(default_factory=uuid.uuid4)
    source: str = "sensor-1"
    level: str = "high"
    risk: float = 7.25
    signature: str = "ET EXPLOIT Possible <CMD> & Shell"
    kind: int = 0


def several(source: str, count: int, incidents: int = 70) -> list[Alert]:
    """Alerts of a source, dealt out over so many incidents; levels in turn, a text that needs quoting."""
    opened = [uuid.uuid4() for _ in range(incidents)]
    levels = ("critical", "high", "medium")
    return [
        Alert(incident_id=opened[n % incidents], source=source, level=levels[n % 3], signature=f"é&<{n}>\n")
        for n in range(count)
    ]
