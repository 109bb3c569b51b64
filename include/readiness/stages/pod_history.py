"""Which pod is which replica while the load runs, and of which image, as the target's status says again and again."""

from dataclasses import replace
from typing import Any

from readiness.model.holding import Holding

_UNKNOWN = "unknown"
"""The image of a container that runs, and of which no node says what it is: as good as another image."""


class PodHistory:
    """``status``: the target's when it had been deployed; what it says holds from the beginning. ``looked_ns``: when
    the status was last noted; None: never since."""

    def __init__(self, status: dict[str, Any]) -> None:
        self.holdings = [_holding(part, 0) for part in _with_pods(status)]
        self._place = {item.replica: number for number, item in enumerate(self.holdings)}
        self.looked_ns: int | None = None

    def note(self, status: dict[str, Any], now_ns: int) -> None:
        """Take down each replica that is another pod, or runs another image, than at the last look. It has been since
        its container was started, if that was after that look; a pod that changed its place may have done so right
        after it."""
        for part in _with_pods(status):
            started_ns = part.get("started_ns")
            since_ns = now_ns if started_ns is None else min(now_ns, max(int(started_ns), self.looked_ns or 0))
            self._take_down(_holding(part, since_ns))
        self.looked_ns = now_ns

    def _take_down(self, seen: Holding) -> None:
        number = self._place.get(seen.replica)
        known = None if number is None else self.holdings[number]
        if known is not None and number is not None and known.pod == seen.pod:
            if seen.image_id in ("", known.image_id):
                return
            if not known.image_id:  # its container was still to be started when the pod took the place
                self.holdings[number] = replace(known, image_id=seen.image_id)
                return
        self._place = {name: at for name, at in self._place.items() if self.holdings[at].pod != seen.pod}
        self._place[seen.replica] = len(self.holdings)
        self.holdings.append(seen)


def _holding(part: dict[str, Any], since_ns: int) -> Holding:
    image_id = str(part.get("image_id") or "") or (_UNKNOWN if part.get("running") else "")
    return Holding(str(part["component"]), str(part["replica"]), str(part["pod"]), since_ns, image_id)


def _with_pods(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in status["components"] if part.get("pod")]
