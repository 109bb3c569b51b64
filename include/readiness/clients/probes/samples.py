"""The records of probes: columns of plain numbers while probing, a data set at the end.

Writing while probing would hold up the event loop, and a hundred thousand Python objects would be work for the
garbage collector: a probe costs 43 bytes here.
"""

import uuid
from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any

from readiness.model.probe_path import WRITES, Lane

_UNDER_WAY = -1
_ID_BYTES = 16


class Samples:
    """All probes in the order in which they were sent. ``lanes``: what the numbers of lanes mean."""

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        self._lanes = lanes
        self._lane = array("b")
        self._intended_ns, self._sent_ns, self._done_ns = array("q"), array("q"), array("q")
        self._status, self._error = array("h"), array("h")
        self._ids = bytearray()
        self._errors: dict[str, int] = {"": 0}
        self.worst_lag_ns = self.last_failure_ns = 0

    def __len__(self) -> int:
        return len(self._lane)

    def start(self, lane: int, intended_ns: int, sent_ns: int, event_id: bytes) -> int:
        """Note a probe that is being sent; its index."""
        self._lane.append(lane)
        self._intended_ns.append(intended_ns)
        self._sent_ns.append(sent_ns)
        self._done_ns.append(_UNDER_WAY)
        self._status.append(0)
        self._error.append(0)
        self._ids += event_id or bytes(_ID_BYTES)
        self.worst_lag_ns = max(self.worst_lag_ns, sent_ns - intended_ns)
        return len(self._lane) - 1

    def end(self, index: int, done_ns: int, status: int, error: str) -> None:
        """Note how it ended."""
        self._done_ns[index] = done_ns
        self._status[index] = status
        self._error[index] = self._errors.setdefault(error, len(self._errors))
        if not 200 <= status < 300:
            self.last_failure_ns = done_ns

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows in the order of model.dataset.PROBES. A probe that was still under way when the prober was stopped has
        no end, and its error says so."""
        errors = list(self._errors)
        for k, lane in enumerate(self._lane):
            path, connection = self._lanes[lane]
            done = self._done_ns[k]
            raw = bytes(self._ids[k * _ID_BYTES : (k + 1) * _ID_BYTES])
            yield (
                k, path, connection, self._intended_ns[k], self._sent_ns[k], None if done == _UNDER_WAY else done,
                self._status[k], "under way" if done == _UNDER_WAY else errors[self._error[k]],
                str(uuid.UUID(bytes=raw)) if path in WRITES else "",
            )  # fmt: skip

    def counts(self) -> list[dict[str, Any]]:
        """For each lane: probes sent, answered with success, failed, and the failures by kind."""
        errors = list(self._errors)
        found: list[Counter[str]] = [Counter() for _ in self._lanes]
        for k, lane in enumerate(self._lane):
            status = self._status[k]
            if self._done_ns[k] == _UNDER_WAY:
                kind = "under way"
            elif status:
                kind = "ok" if 200 <= status < 300 else f"HTTP {status}"
            else:
                kind = errors[self._error[k]]
            found[lane][kind] += 1
        return [
            {"path": path, "connection": connection, "sent": kinds.total(), "succeeded": kinds.pop("ok", 0),
             "failures": dict(sorted(kinds.items()))}
            for (path, connection), kinds in zip(self._lanes, found, strict=True)
        ]  # fmt: skip
