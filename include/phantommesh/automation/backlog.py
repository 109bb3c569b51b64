"""How many events wait for their commit or for a delivery, and whether more may come."""

import uuid

from phantommesh.automation.metrics import Metrics


class Backlog:
    """This replica's own events exactly, those of the others as last counted in the database.

    The bound is per view: between two counts (0.5 s) the replicas together can pass it by what they take in that time.
    """

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self._limit = limit
        self._metrics = metrics
        self._own: dict[uuid.UUID, tuple[int, int]] = {}  # event -> deliveries that are still due, received (ns)
        self._waiting = 0
        self.of_others = 0
        metrics.depth_from(lambda: self.depth)

    @property
    def depth(self) -> int:
        """Durable and not fully handled, of all replicas as this one sees it."""
        return len(self._own) + self.of_others

    @property
    def own(self) -> int:
        """Durable, not fully handled, and this replica's to handle."""
        return len(self._own)

    def admits(self, count: int) -> bool:
        """Whether `count` more events fit, all of them."""
        return self.depth + self._waiting + count <= self._limit

    def wait(self, count: int) -> None:
        """Events wait for their commit (negative: no longer)."""
        self._waiting += count

    def begin(self, event_id: uuid.UUID, deliveries: int, received_at_ns: int) -> None:
        """An event is durable and this replica's; so many deliveries of it are due."""
        if deliveries:
            self._own[event_id] = (deliveries, received_at_ns)
        else:
            self._metrics.took("end_to_end", received_at_ns)

    def expect(self, event_id: uuid.UUID, received_at_ns: int) -> None:
        """A delivery of an event is this replica's now."""
        due, _ = self._own.get(event_id, (0, 0))
        self._own[event_id] = (due + 1, received_at_ns)

    def settle(self, event_id: uuid.UUID, at_ns: int) -> None:
        """One delivery of an event was over at that time."""
        due, received_at_ns = self._own.get(event_id, (0, 0))
        if due > 1:
            self._own[event_id] = (due - 1, received_at_ns)
        elif due:
            del self._own[event_id]
            self._metrics.took("end_to_end", received_at_ns, at_ns)

    def forget(self) -> None:
        """The hold on the database is lost: all own events are anyone's now."""
        self._own.clear()
