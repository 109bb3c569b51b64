"""Events -> what a model is fitted to: values, labels, weights, in the order of time.

A label is what a person said of the event's incident, where one did: `true_positive` is a threat, `false_positive` is
none. All others get a weak label: the rule model's own word, a risk at or above the threshold of level medium. So a
model that saw no person's judgement learns the rules' opinion from other signs than the rules use (words, ports,
history), and carries it over to signatures that the rules do not list. It cannot know better than the rules until
people resolve incidents; each judged event weighs ANALYST_WEIGHT times a weak one.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantommesh.automation.assess import Assessor
from phantommesh.automation.events import Observation
from phantommesh.config.model import ThreatAssessment
from phantommesh.threat_model.features import FEATURES, features
from phantommesh.threat_model.history import AddressHour, Alerted, KnownHours, address_hours

ANALYST_WEIGHT = 5.0
_JUDGED = {"true_positive": 1.0, "false_positive": 0.0}


@dataclass(frozen=True)
class Samples:
    """Arrays of equal length n, ascending by time. values: n x len(FEATURES), float64. received_at_ns: epoch."""

    values: NDArray[np.float64]
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]
    received_at_ns: NDArray[np.int64]
    signature_ids: NDArray[np.int64]
    by_analyst: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, chosen: NDArray[np.bool_]) -> "Samples":
        """Those that a mask chooses."""
        return Samples(
            self.values[chosen], self.labels[chosen], self.weights[chosen], self.received_at_ns[chosen],
            self.signature_ids[chosen], self.by_analyst[chosen],
        )  # fmt: skip

    def digest(self) -> str:
        """sha256 over values, labels, weights and times, in order, little-endian."""
        digest = hashlib.sha256()
        for array in (self.values, self.labels, self.weights, self.received_at_ns):
            digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()


def make_samples(
    events: Iterable[Observation],
    resolutions: Iterable[str | None],
    settings: ThreatAssessment,
    hours: Sequence[AddressHour] | None = None,
) -> Samples:
    """Label the events and compute what a model sees of them. resolutions: in the order of the events. hours: as the
    platform closed them; None: computed from the events themselves, with the risk that the rules give them."""
    assessor = Assessor(settings)
    rows = [(event, assessor.assess(event).risk, resolution)
            for event, resolution in zip(events, resolutions, strict=True)]  # fmt: skip
    rows.sort(key=lambda row: (row[0].received_at_ns, row[0].event_id))
    if hours is None:
        hours = address_hours(
            Alerted(event.received_at_ns, event.src_ip, event.dest_ip, event.alert.signature_id, risk)
            for event, risk, _ in rows
        )
    known = KnownHours(hours)
    values = np.empty((len(rows), len(FEATURES)), dtype=np.float64)
    for position, (event, _, _) in enumerate(rows):
        history = known.of_event(event.received_at_ns, event.src_ip, event.dest_ip)
        values[position] = features(event, history)
    medium = settings.risk_thresholds.medium
    labels = [_JUDGED.get(resolution or "", float(risk >= medium)) for _, risk, resolution in rows]
    by_analyst = np.array([resolution in _JUDGED for _, _, resolution in rows], dtype=np.bool_)
    return Samples(
        values=values,
        labels=np.array(labels, dtype=np.float64),
        weights=np.where(by_analyst, ANALYST_WEIGHT, 1.0),
        received_at_ns=np.array([event.received_at_ns for event, _, _ in rows], dtype=np.int64),
        signature_ids=np.array([event.alert.signature_id for event, _, _ in rows], dtype=np.int64),
        by_analyst=by_analyst,
    )
