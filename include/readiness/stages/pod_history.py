"""Which pod is which replica while the load runs, as the target's status says it again and again."""

from typing import Any

from readiness.model.holding import Holding


class PodHistory:
    """``status``: the target's when it had been deployed; what it says holds from the beginning."""

    def __init__(self, status: dict[str, Any]) -> None:
        self._pods = {str(part["replica"]): str(part["pod"]) for part in _with_pods(status)}
        self.holdings = [
            Holding(str(part["component"]), str(part["replica"]), str(part["pod"]), 0) for part in _with_pods(status)
        ]
        self._looked_ns = 0

    def note(self, status: dict[str, Any], now_ns: int) -> None:
        """Take down each replica that is another pod than at the last look. It has been since its container was
        started, if that was after that look; a pod that changed its place may have done so right after it."""
        for part in _with_pods(status):
            replica, pod = str(part["replica"]), str(part["pod"])
            if self._pods.get(replica) == pod:
                continue
            started_ns = part.get("started_ns")
            since_ns = now_ns if started_ns is None else min(now_ns, max(int(started_ns), self._looked_ns))
            self._pods = {place: name for place, name in self._pods.items() if name != pod} | {replica: pod}
            self.holdings.append(Holding(str(part["component"]), replica, pod, since_ns))
        self._looked_ns = now_ns


def _with_pods(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in status["components"] if part.get("pod")]
