"""When the target is healthy again: every replica of every component ready, and the queue back at its level."""

from collections.abc import Callable, Mapping

from readiness.clients import platform_api
from readiness.clients.target_process import TargetError
from readiness.drills.victims import Status

_QUEUE = "phantommesh_queue_depth"
_ANSWER_S = 0.5


class Health:
    """``replicas``: component -> how many there must be; ``probed``: the components with /readyz; ``queue_of``: the
    component whose replicas have the queue; ``moves``: whether a replica may be at another address after it was
    replaced."""

    def __init__(
        self,
        status: Callable[[], Status],
        replicas: Mapping[str, int],
        probed: frozenset[str],
        queue_of: str,
        *,
        moves: bool = False,
    ) -> None:
        self._status, self._replicas, self._probed, self._queue_of = status, replicas, probed, queue_of
        self._moves = moves
        self._reader = platform_api.AdminReader(_ANSWER_S)
        self._urls: dict[str, str] = {}
        self._queues: list[str] = []
        self.level = 0.0
        """The deepest that the queue was seen before any fault."""

    def know(self, status: Status) -> None:
        """Remember where the replicas answer; raises nothing, changes nothing."""
        parts = [part for part in status["components"] if part["admin_url"] and part["component"] in self._probed]
        self._urls = {part["replica"]: part["admin_url"] for part in parts}
        self._queues = [part["admin_url"] for part in parts if part["component"] == self._queue_of]

    def note_level(self) -> None:
        """Look at the queue before any fault. A replica that gives no answer tells no level."""
        try:
            self.level = max(self.level, self._depth())
        except platform_api.ApiError:
            return  # the level stays as it was, which makes "back" harder to reach, not easier

    def look(self) -> str:
        """Why the target is not healthy now; empty if it is. The replicas' own word and the target's status, which
        counts processes, too, must both say so. The replicas' word comes first, since it is quick, except where
        replicas move: the status says where.
        """
        status: Status | None = None
        if self._moves:
            try:
                status = self._status()
            except (TargetError, ValueError) as error:
                return str(error)
            self.know(status)
            if reason := self._counted(status):
                return reason
        for replica, url in self._urls.items():
            if (answer := self._reader.ready(url)) != 200:
                return f"{replica}: /readyz {'gives no answer' if answer == 0 else f'HTTP {answer}'}"
        try:
            depth = self._depth()
            status = status or self._status()
        except (platform_api.ApiError, TargetError, ValueError) as error:
            return str(error)
        if depth > self.level:
            return f"the queue holds {depth:g} events, {self.level:g} before the fault"
        return self._counted(status)

    def _counted(self, status: Status) -> str:
        """Why the target is not healthy by its status; empty if it is."""
        for component, wanted in self._replicas.items():
            ready = [bool(part["ready"]) for part in status["components"] if part["component"] == component]
            if not all(ready) or len(ready) < wanted:  # one that scales may have more
                return f"{sum(ready)} of {max(wanted, len(ready))} {component} are ready"
        return "" if status["state"] == "ready" else f"the target says {status['state']}"

    def _depth(self) -> float:
        return max((self._reader.metric(url, _QUEUE) for url in self._queues), default=0.0)
