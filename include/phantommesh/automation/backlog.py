"""How many events are durable and not yet fully handled, and whether more may come."""

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

    def begin(self, event_id: uuid.UUID, received_at_ns: int) -> None:
        """An event is durable and this replica's."""
        self._own[event_id] = (0, received_at_ns)

    def expect(self, event_id: uuid.UUID, deliveries: int, received_at_ns: int) -> None:
        """An event is assessed and so many more deliveries are due."""
        due, _ = self._own.get(event_id, (0, 0))
        self._own[event_id] = (due + deliveries, received_at_ns)
        if not due + deliveries:
            self._done(event_id)

    def settle(self, event_id: uuid.UUID) -> None:
        """One delivery of an event is over."""
        if event_id not in self._own:
            return
        due, received_at_ns = self._own[event_id]
        self._own[event_id] = (due - 1, received_at_ns)
        if due <= 1:
            self._done(event_id)

    def drop(self, event_id: uuid.UUID) -> None:
        """An event is another replica's."""
        self._own.pop(event_id, None)

    def forget(self) -> None:
        """The hold on the database is lost: all own events are anyone's now."""
        self._own.clear()

    def _done(self, event_id: uuid.UUID) -> None:
        _, received_at_ns = self._own.pop(event_id)
        self._metrics.took("end_to_end", received_at_ns)
