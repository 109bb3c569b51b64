"""What is decided about an event before it is written: assessment, due channels, incident, remediation."""

import uuid
from collections import Counter
from collections.abc import Callable

from phantommesh.automation.accepted import Accepted
from phantommesh.automation.assess import LEVELS, Assessor
from phantommesh.automation.events import Observation
from phantommesh.automation.incident_windows import IncidentWindows
from phantommesh.automation.metrics import Metrics
from phantommesh.config.model import CHANNELS, Config


class Judge:
    """Decides, and counts what became durable. remedy: told when a remediation was asked for."""

    def __init__(self, config: Config, metrics: Metrics, remedy: Callable[[], None]) -> None:
        self._assessor = Assessor(config.threat_assessment)
        self._due = {level: due_mask(config.alert_routing.due(level)) for level in LEVELS}
        self._windows = IncidentWindows(int(config.system.dedup_window_s * 1e9))
        self._metrics = metrics
        self._remedy = remedy

    @property
    def window_ns(self) -> int:
        """How long after it was opened an incident takes what is alike."""
        return self._windows.window_ns

    def begin(self) -> None:
        """A new session with the database."""
        self._windows.forget()

    def judge(self, event: Observation) -> Accepted:
        """Everything that is to be written of an event."""
        found = self._assessor.assess(event)
        due = self._due[found.level]
        known = self._windows.find(event)
        if known is None:
            return Accepted(event, found, due, uuid.uuid4(), True, found.remedy)
        return Accepted(event, found, due, known.incident_id, False, found.remedy and not known.remedied)

    def placed(self, accepted: Accepted, incident_id: uuid.UUID, opened_at_ns: int | None, opened: bool) -> None:
        """The database said which incident an event belongs to. opened_at_ns: None where it was known before."""
        accepted.incident_id = incident_id
        accepted.opened = opened
        if opened_at_ns is None:
            known = self._windows.find(accepted.event)
            opened_at_ns = None if known is None else known.opened_at_ns
        if opened_at_ns is not None:
            self._windows.learn(accepted.event, incident_id, opened_at_ns, accepted.remedy)

    def durable(self, fresh: list[Accepted]) -> None:
        """Count events that became durable just now."""
        metrics = self._metrics
        received = [one.event.received_at_ns for one in fresh]
        metrics.took_each("threat_assessment", received)
        metrics.took_each("incident_response", received)
        for level, count in Counter(one.assessment.level for one in fresh).items():
            metrics.assessed[level].inc(count)
        opened = sum(one.opened for one in fresh)
        metrics.incidents["opened"].inc(opened)
        metrics.incidents["joined"].inc(len(fresh) - opened)
        if any(one.remedy for one in fresh):
            self._remedy()


def due_mask(channels: tuple[str, ...]) -> int:
    """Channels as a bit mask over CHANNELS."""
    return sum(1 << CHANNELS.index(channel) for channel in channels)


def due_channels(mask: int) -> tuple[str, ...]:
    """The channels of a bit mask, in their order."""
    return _DUE[mask]


_DUE = tuple(
    tuple(channel for bit, channel in enumerate(CHANNELS) if mask >> bit & 1) for mask in range(1 << len(CHANNELS))
)
