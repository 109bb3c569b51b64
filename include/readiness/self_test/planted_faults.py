"""The faults of a platform that can be planted into the fake one: one small class each.

Events are numbered from 0 in the order of their arrival, warm-up included; ``at_s`` counts from the first of them.
"""

import time

HOUR_NS = 3600 * 1_000_000_000


class Sound:
    """No fault: what a platform does that keeps its contract. Every fault overrides one or two of these."""

    first_to_lose_s = 0.0
    """At a kill everything that was acknowledged within so many seconds before it is forgotten."""
    stores_later_s = 0.0
    """How long after its answer an event becomes durable."""
    recovers = True
    """Whether it takes events again after a kill without being repaired by hand."""

    def status(self, number: int, at_s: float) -> int:  # noqa: ARG002
        """HTTP status of the answer; anything but 202 stores nothing."""
        return 202

    def waits_s(self, number: int, at_s: float) -> float:  # noqa: ARG002
        """How long the answer is held back."""
        return 0.0

    def refuses_new(self, at_s: float) -> bool:  # noqa: ARG002
        """Whether a new connection is closed at once."""
        return False

    def keeps(self, number: int) -> bool:  # noqa: ARG002
        """Whether an acknowledged event is stored."""
        return True

    def channels(self, number: int, due: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG002
        """The channels that get an alert, given those that are due."""
        return due

    def remediations(self, number: int) -> int:  # noqa: ARG002
        """How often the address of an incident is quarantined."""
        return 1

    def leaks_bytes(self) -> int:
        """Memory that each event leaves behind."""
        return 0

    def ready(self, at_s: float, serving: bool) -> bool:  # noqa: ARG002
        """What /readyz says."""
        return serving

    def metrics(self, values: dict[str, float], at_s: float) -> dict[str, float]:  # noqa: ARG002
        """What /metrics shows of the true values."""
        return values

    def clock_ns(self, at_s: float) -> int:  # noqa: ARG002
        """The wall clock that events are stamped with."""
        return time.time_ns()

    def audit_share(self) -> float:
        """The share of the audit trail that is answered."""
        return 1.0

    def ends_audit(self, rows: int) -> bool:  # noqa: ARG002
        """Whether an audit trail of so many rows has its last line, which counts them."""
        return True


class LosesOne(Sound):
    """One event of all is acknowledged and forgotten."""

    def keeps(self, number: int) -> bool:
        return number != 6_000


class LosesInFlight(Sound):
    """What came just before a kill is gone, though it was acknowledged."""

    first_to_lose_s = 0.2


class AcknowledgesFirst(Sound):
    """The answer comes before the event is durable."""

    stores_later_s = 0.2


class RecoversByHand(Sound):
    """After a kill it is there again and takes nothing."""

    recovers = False


class DuplicatesAlert(Sound):
    """One alert comes twice."""

    _done = False

    def channels(self, number: int, due: tuple[str, ...]) -> tuple[str, ...]:
        if number < 40 or self._done or not due:
            return due
        self._done = True
        return (*due, due[0])


class WrongChannel(Sound):
    """One alert goes to a channel that it is not due to."""

    _done = False

    def channels(self, number: int, due: tuple[str, ...]) -> tuple[str, ...]:
        if number < 40 or self._done or due != ("slack",):
            return due
        self._done = True
        return ("email",)


class RemediatesTwice(Sound):
    """One incident's address is quarantined twice."""

    _done = False

    def remediations(self, number: int) -> int:
        if number < 40 or self._done:
            return 1
        self._done = True
        return 2


class RefusesNewConnections(Sound):
    """For 1.2 s nobody new is let in; who is in, is served."""

    def refuses_new(self, at_s: float) -> bool:
        return 4.0 <= at_s < 5.2


class TenOutages(Sound):
    """Ten times 80 ms of refusals."""

    def status(self, number: int, at_s: float) -> int:  # noqa: ARG002
        return 503 if at_s >= 1.5 and at_s % 0.4 < 0.08 and at_s < 5.5 else 202


class FewErrors(Sound):
    """One request in 500 fails."""

    def status(self, number: int, at_s: float) -> int:  # noqa: ARG002
        return 500 if number % 500 == 499 else 202


class SlowTail(Sound):
    """One answer in twelve takes 55 ms."""

    def waits_s(self, number: int, at_s: float) -> float:  # noqa: ARG002
        return 0.055 if number % 12 == 0 else 0.0


class Stalls(Sound):
    """Every 30 s it stands still for one."""

    def waits_s(self, number: int, at_s: float) -> float:  # noqa: ARG002
        return max(0.0, 1.0 - at_s % 30.0) if at_s >= 30.0 else 0.0


class Leaks(Sound):
    """Each event leaves 2 KB behind."""

    def leaks_bytes(self) -> int:
        return 2_048


class HealthLies(Sound):
    """It refuses everything and says that it is ready."""

    def status(self, number: int, at_s: float) -> int:  # noqa: ARG002
        return 503 if at_s >= 3.0 else 202

    def ready(self, at_s: float, serving: bool) -> bool:  # noqa: ARG002
        return True


class FrozenMetrics(Sound):
    """Its metrics stay what they once were."""

    _seen: dict[str, float] | None = None

    def metrics(self, values: dict[str, float], at_s: float) -> dict[str, float]:
        if at_s < 1.5:
            return values
        self._seen = self._seen or values
        return {**self._seen, "phantommesh_queue_depth": 0.0}


class NotANumber(Sound):
    """For two seconds its memory is not a number."""

    def metrics(self, values: dict[str, float], at_s: float) -> dict[str, float]:
        return {**values, "process_resident_memory_bytes": float("nan")} if 2.0 <= at_s < 4.0 else values


class HiddenReset(Sound):
    """Its counters begin anew, and its start time does not say so."""

    _before: dict[str, float] | None = None

    def metrics(self, values: dict[str, float], at_s: float) -> dict[str, float]:
        if at_s < 3.0:
            return values
        self._before = self._before or values
        counters = {name: value - self._before[name] for name, value in values.items() if "_total" in name}
        return values | counters


class ClockJumps(Sound):
    """Its clock is set forward by an hour."""

    def clock_ns(self, at_s: float) -> int:
        return time.time_ns() + (HOUR_NS if at_s >= 3.0 else 0)


class HalfAudit(Sound):
    """Half of the audit trail is answered as if it were all."""

    def audit_share(self) -> float:
        return 0.5


class AuditBreaksOff(HalfAudit):
    """Half of it is answered, and then nothing."""

    def ends_audit(self, rows: int) -> bool:
        return rows == 0


PLANTED: dict[str, type[Sound]] = {
    "none": Sound,
    "loses-one": LosesOne,
    "loses-in-flight": LosesInFlight,
    "acknowledges-first": AcknowledgesFirst,
    "recovers-by-hand": RecoversByHand,
    "duplicates-alert": DuplicatesAlert,
    "wrong-channel": WrongChannel,
    "remediates-twice": RemediatesTwice,
    "refuses-new-connections": RefusesNewConnections,
    "ten-outages": TenOutages,
    "few-errors": FewErrors,
    "slow-tail": SlowTail,
    "stalls": Stalls,
    "leaks": Leaks,
    "health-lies": HealthLies,
    "frozen-metrics": FrozenMetrics,
    "not-a-number": NotANumber,
    "hidden-reset": HiddenReset,
    "clock-jumps": ClockJumps,
    "half-audit": HalfAudit,
    "audit-breaks-off": AuditBreaksOff,
}
"""Name -> fault, for ``python -m readiness.self_test.fake_platform --fault NAME``."""
