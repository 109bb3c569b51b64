"""What one sending is asked for."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from instruments.address import measurable

MAX_EVENTS = 6_000_000
MAX_DURATION_S = 7_200.0
MAX_EVENTS_PER_REQUEST = 1_000


@dataclass(frozen=True)
class SendPlan:
    """A bounded sending of fresh events to one address, open loop.

    rate_per_s counts events; each request carries events_per_request of them. retry_first_ms: None, or how long after
    a failure the same request (the same event ids) is sent again; each further wait doubles up to retry_longest_ms.
    answer_timeout_s: how long a request is tried in all; attempt_timeout_s: None for as long, or how long one attempt
    may stay without an answer. observed_from_ns: None, or the time that the first event says it was observed at, each
    further one observed_step_ns later, so that sendings of one seed hold the same events byte for byte, whatever their
    rate. distinct: each event has a source address of its own, so that no two are of one incident.
    """

    url: str
    source: str
    rate_per_s: float
    duration_s: float
    seed: int
    events_per_request: int = 1
    arrivals: Literal["constant", "poisson"] = "poisson"
    connections: int = 96
    max_connections: int = 256
    pipeline: int = 8
    retry_first_ms: float | None = None
    retry_longest_ms: float = 50.0
    answer_timeout_s: float = 10.0
    attempt_timeout_s: float | None = None
    observed_from_ns: int | None = None
    observed_step_ns: int = 0
    distinct: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for what is out of bounds."""
        measurable(self.url)
        if self.arrivals not in ("constant", "poisson"):
            raise ValueError(f"arrivals {self.arrivals!r}: constant or poisson")
        if not 1 <= self.events_per_request <= MAX_EVENTS_PER_REQUEST:
            raise ValueError(f"{self.events_per_request} events a request; 1 to {MAX_EVENTS_PER_REQUEST} are legal")
        if not 0 < self.duration_s <= MAX_DURATION_S or not 0 < self.rate_per_s * self.duration_s <= MAX_EVENTS:
            raise ValueError(f"at most {MAX_EVENTS} events in at most {MAX_DURATION_S:.0f} s")
        if not 1 <= self.connections <= self.max_connections <= 1024 or self.pipeline < 1:
            raise ValueError("1 <= connections <= max_connections <= 1024 and pipeline >= 1 must hold")

    @property
    def requests(self) -> int:
        """How many requests will be sent."""
        return max(1, round(self.rate_per_s * self.duration_s / self.events_per_request))

    @property
    def events(self) -> int:
        """How many events will be sent."""
        return self.requests * self.events_per_request

    def write(self, path: Path) -> None:
        """Save as JSON."""
        path.write_text(json.dumps(asdict(self)))


def read_plan(path: Path) -> SendPlan:
    """What `write` saved. Raises ValueError for what is out of bounds."""
    return SendPlan(**json.loads(path.read_text()))
