"""What the fake platform keeps of each event, as the lines that its audit trail and its deliveries answer.

Lines go to files of a folder, one pair for each source, so that memory stays flat however many events come.
"""

import json
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from readiness.self_test.planted_faults import Sound

LEVELS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("critical", 9.5, ("slack", "pagerduty", "email")),
    ("high", 7.5, ("slack", "pagerduty")),
    ("medium", 5.0, ("slack",)),
    ("low", 1.0, ()),
)
"""Level, risk and the channels that are due."""
Event = dict[str, Any]


class Store:
    """``folder``: of the files. ``totals``: what /metrics counts."""

    def __init__(self, folder: Path, fault: Sound) -> None:
        self._folder, self._fault, self._seq, self._files = folder, fault, 0, dict[tuple[str, str], BinaryIO]()
        self.totals: dict[str, float] = {}

    def keep(self, event: Event, number: int, at_ns: int) -> None:
        """Make the event durable together with its verdict, and deliver its alerts."""
        source, event_id = str(event.get("host", "unknown")), str(event["event_id"])
        level, risk, due = LEVELS[level_of(event)]
        shown = {"event_id": event_id, "source": source}
        self._count('phantommesh_events_received_total{status="accepted"}')
        self._audit(shown, at_ns, "received", {"signature_id": event["alert"]["signature_id"]})
        assessment = {"risk": risk, "level": level, "confidence": 0.9, "due": list(due), "took_us": 100}
        self._audit(shown, at_ns, "assessed", assessment)
        if level in ("critical", "high"):
            self._handle_incident(event, shown, number, at_ns)
        self.deliver(shown, level, self._fault.channels(number, due), at_ns)

    def deliver(self, shown: Event, level: str, channels: tuple[str, ...], at_ns: int) -> None:
        for channel in channels:
            delivery = {"delivery_id": f"{shown['event_id']}/{channel}", "channel": channel}
            self._line("deliveries", shown | delivery | {"level": level, "received_at_ns": at_ns})
            self._audit(shown, at_ns, "delivered", delivery | {"attempts": 1})
            self._count(f'phantommesh_deliveries_total{{channel="{channel}",outcome="delivered"}}')

    def _handle_incident(self, event: Event, shown: Event, number: int, at_ns: int) -> None:
        incident = {"incident_id": f"{shown['event_id']}"}
        self._audit(shown, at_ns, "incident_opened", incident)
        done = incident | {"address": event["src_ip"], "attempts": 1, "took_ms": 1.0, "peer_id": None}
        for _ in range(self._fault.remediations(number)):
            self._audit(shown, at_ns, "remediated", done)

    def lines(self, kind: str, source: str, share: float = 1.0) -> list[bytes]:
        """The lines of a source as they were kept; ``share``: the first part of them only."""
        path = self._path(kind, source)
        if (opened := self._files.get((kind, source))) is not None:
            opened.flush()
        kept = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
        return kept[: round(len(kept) * share)]

    def _audit(self, shown: Event, at_ns: int, action: str, detail: Event) -> None:
        self._seq += 1
        row = {"seq": self._seq, "at_ns": at_ns, "action": action, "replica": "fake-0", "detail": detail}
        self._line("audit", shown | row)

    def _line(self, kind: str, row: Event) -> None:
        key = (kind, row["source"])
        if key not in self._files:
            self._files[key] = self._path(*key).open("ab")
        self._files[key].write(json.dumps(row, separators=(",", ":")).encode() + b"\n")

    def _path(self, kind: str, source: str) -> Path:
        return self._folder / f"{kind}-{zlib.crc32(source.encode()):08x}.ndjson"

    def _count(self, series: str) -> None:
        self.totals[series] = self.totals.get(series, 0.0) + 1


def level_of(event: Event) -> int:
    """Place in LEVELS: the same for the same signature, whatever the load."""
    share = zlib.crc32(str(event["alert"]["signature_id"]).encode()) % 20
    return 0 if share < 1 else 1 if share < 4 else 2 if share < 12 else 3
