"""Alerts from files: what Suricata wrote."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from phantommesh.automation.events import EventError, Observation, observe
from phantommesh.threat_model.training.failure import TrainingError

MAX_FILE_BYTES = 4 * 1024**3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Head(msgspec.Struct):
    event_type: str
    timestamp: str = ""


def read_recordings(paths: Sequence[Path]) -> list[Observation]:
    """The alerts of files of EVE records, a JSON array or one record a line; each event once; records of other types
    are left out. The time of an alert counts as the time of its receipt. Raises TrainingError: file, place, reason."""
    found: dict[uuid.UUID, Observation] = {}
    for path in paths:
        for where, raw in _records(path):
            event = _alert(where, raw)
            if event is not None:
                event.body = b""  # only its checked part is needed from here on
                found.setdefault(event.event_id, event)
    return list(found.values())


def _records(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise TrainingError(f"{path}: larger than {MAX_FILE_BYTES} bytes; split it and name several")
        raw = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}); name a file of Suricata alerts") from error
    if raw.lstrip()[:1] != b"[":
        lines = enumerate(raw.splitlines(), start=1)
        yield from ((f"{path}: line {number}", line) for number, line in lines if line.strip())
        return
    try:
        items = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        raise TrainingError(f"{path}: not JSON ({error}); legal is an array of alerts, or one alert a line") from error
    yield from ((f"{path}: record {position}", bytes(item)) for position, item in enumerate(items))


def _alert(where: str, raw: bytes) -> Observation | None:
    try:
        head = msgspec.json.decode(raw, type=_Head)
        if head.event_type != "alert":
            return None
        return observe(raw, _epoch_ns(head.timestamp))
    except EventError as error:
        raise TrainingError(f"{where}: {error.position}: {error.reason}; correct or remove it") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise TrainingError(f"{where}: not an EVE record ({error}); correct or remove it") from error


def _epoch_ns(timestamp: str) -> int:
    """0 for what is no time: observe refuses it with the reason."""
    try:
        time = datetime.fromisoformat(timestamp)
    except ValueError:
        return 0
    if time.tzinfo is None:
        return 0
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
