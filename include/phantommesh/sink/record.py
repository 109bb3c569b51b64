"""The record of deliveries: a file with one line each, appended before the answer.

A line is the answer's own line with `source` first, so that reading one source compares a prefix and parses nothing.
The ids of all deliveries are in memory, too, about 140 bytes each: who asks for one is answered from there.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

CHANNELS = frozenset({"slack", "pagerduty", "email", "sms"})
_READ_BYTES = 256 * 1024


class Taken(msgspec.Struct, frozen=True):
    """One alert as a channel got it: what the record holds of it."""

    delivery_id: str
    event_id: str
    source: str
    level: str


class Delivery(Taken, frozen=True):
    """One alert in the plain form."""

    risk: float
    signature: str
    incident_id: str


class _Line(msgspec.Struct, frozen=True):
    source: str
    delivery_id: str
    event_id: str
    channel: str
    level: str
    received_at_ns: int


class _Id(msgspec.Struct):
    delivery_id: str


_delivery_id = msgspec.json.Decoder(_Id)


class Record:
    """The file. One process writes it."""

    def __init__(self, path: Path) -> None:
        """Opens the file and removes a last line that a crash cut short."""
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._encoder = msgspec.json.Encoder()
        os.ftruncate(self._fd, _whole_lines(self._fd))
        with path.open("rb") as lines:
            self._ids = {_delivery_id.decode(line).delivery_id for line in lines}

    def add(self, channel: str, deliveries: Sequence[Taken], received_at_ns: int) -> None:
        """Append; the lines survive the end of this process. Raises OSError when the file system refuses."""
        if not deliveries:
            return
        text = self._encoder.encode_lines([
            _Line(item.source, item.delivery_id, item.event_id, channel, item.level, received_at_ns)
            for item in deliveries
        ])  # fmt: skip
        before = os.fstat(self._fd).st_size
        if os.write(self._fd, text) != len(text):
            os.ftruncate(self._fd, before)
            raise OSError(28, "no space for the record", str(self._path))
        self._ids.update([item.delivery_id for item in deliveries])

    def has(self, delivery_id: str) -> bool:
        """Whether a delivery came, at any time since the record was begun."""
        return delivery_id in self._ids

    def read(self, source: str | None) -> Iterator[tuple[bytes, int]]:
        """The lines of a source (None: all) in pieces: bytes, and how many lines they are."""
        prefix = b'{"source":' + (self._encoder.encode(source) if source is not None else b"")
        end = os.fstat(self._fd).st_size
        with self._path.open("rb") as lines:
            while lines.tell() < end:
                wanted = [line for line in lines.readlines(_READ_BYTES) if line.startswith(prefix)]
                yield b"".join(wanted), len(wanted)


def _whole_lines(fd: int) -> int:
    size = os.fstat(fd).st_size
    while size:
        start = max(0, size - 4096)
        found = os.pread(fd, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0
