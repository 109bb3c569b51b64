"""What became of each request of a sending, as arrays, and how it is kept in a file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

NO_ANSWER = 0


@dataclass(frozen=True)
class Outcome:
    """Arrays with one entry for each request that was due; times are epoch ns, 0 when it did not happen.

    status: of the last answer, NO_ANSWER when there was none; first_status: of the first attempt. ids: of all events,
    shape (events, 2), halves of the id. facts: the sender's own CPU, bytes, connections.
    """

    ids: NDArray[np.uint64]
    intended_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    done_ns: NDArray[np.int64]
    status: NDArray[np.uint16]
    first_status: NDArray[np.uint16]
    attempts: NDArray[np.uint16]
    facts: dict[str, Any]

    @property
    def events_per_request(self) -> int:
        """Events in each request."""
        return len(self.ids) // len(self.intended_ns)

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Requests whose every event was acknowledged."""
        return np.asarray(self.status == 202)

    @property
    def acknowledged(self) -> NDArray[np.bool_]:
        """For each event whether it was acknowledged."""
        return np.repeat(self.accepted, self.events_per_request)

    @property
    def events_intended_ns(self) -> NDArray[np.int64]:
        """For each event when it was due to be sent."""
        return np.repeat(self.intended_ns, self.events_per_request)

    def latency_ms(self, *percents: float) -> list[float]:
        """Percentiles of the time from the due time to the answer, of accepted requests."""
        taken = (self.done_ns - self.intended_ns)[self.accepted]
        return percentiles_ms(taken, percents)

    def lag_ms(self, percent: float) -> float:
        """Percentile of how late requests left; one that never left counts until the end of the sending."""
        left = np.where(self.sent_ns > 0, self.sent_ns, self.facts["ended_ns"])
        return float(np.percentile(left - self.intended_ns, percent)) / 1e6

    def statuses(self) -> dict[int, int]:
        """How many requests ended with each status."""
        found, counts = np.unique(self.status, return_counts=True)
        return {int(status): int(count) for status, count in zip(found, counts, strict=True)}

    def write(self, path: Path) -> None:
        """Save, at once or not at all."""
        draft = path.with_suffix(".draft.npz")
        arrays = {name: value for name, value in vars(self).items() if name != "facts"}
        np.savez(draft, facts=np.frombuffer(json.dumps(self.facts).encode(), dtype=np.uint8), **arrays)
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` saved."""
        with np.load(path) as saved:
            facts = json.loads(saved["facts"].tobytes())
            return cls(**{name: saved[name] for name in saved.files if name != "facts"}, facts=facts)


def percentiles_ms(taken_ns: NDArray[np.int64], percents: Sequence[float]) -> list[float]:
    """Percentiles of durations in ms; NaN when there are none."""
    if not len(taken_ns):
        return [np.nan] * len(percents)
    return [float(value) / 1e6 for value in np.percentile(taken_ns, percents)]
