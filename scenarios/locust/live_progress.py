"""The progress file: a small JSON document that others read while the load runs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from arrivals import NS_PER_S, Schedule
from open_loop import OpenLoop

RECENT_S = 5


def write_json(path: Path, document: Mapping[str, object]) -> None:
    """Put a JSON document in place at once: a reader sees the old one or the new one, never a part."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    os.replace(part, path)


class Progress:
    """Measures the recent rate and latency of a loop between two reports."""

    def __init__(self, loop: OpenLoop, schedule: Schedule) -> None:
        self._loop, self._schedule = loop, schedule
        self._sent_before: list[tuple[int, int]] = []

    def report(self, now_ns: int) -> dict[str, object]:
        """The document: rate over the last second, percentiles of the answers of the last RECENT_S seconds."""
        tally = self._loop.tally
        recent = [ms for done_ns, ms in tally.latest if done_ns >= now_ns - RECENT_S * NS_PER_S]
        p50, p95 = np.percentile(recent, (50, 95)).tolist() if recent else (None, None)
        return {
            "phase": self._loop.phase_now(),
            "elapsed_s": round(max(0, now_ns - self._loop.start_ns) / NS_PER_S, 3),
            "planned_s": self._schedule.total_ns / NS_PER_S,
            "sent": tally.sent,
            "answered": tally.answered,
            "errors": tally.errors,
            "rate_per_s": self._rate(now_ns, tally.sent),
            "latency_p50_ms": p50,
            "latency_p95_ms": p95,
        }

    def _rate(self, now_ns: int, sent: int) -> float:
        """Sent per second since the newest report that is a second old, or the oldest one there is."""
        earlier = self._sent_before
        while len(earlier) > 1 and earlier[1][0] <= now_ns - NS_PER_S:
            earlier.pop(0)
        then_ns, then_sent = earlier[0] if earlier else (self._loop.start_ns, 0)
        earlier.append((now_ns, sent))
        return round((sent - then_sent) * NS_PER_S / max(1, now_ns - then_ns), 1)
