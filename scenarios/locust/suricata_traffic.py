"""Events for the load: real Suricata alerts, drawn again with a seed.

Whole alerts are drawn, so what belongs together (signature, hosts, ports, protocol, application data) stays
together. They are drawn in whole bursts: alerts that one recording holds within BURST_GAP_S of one another come
out together and in their order, as a sensor under attack sends them. Every burst is equally likely and every
alert is in exactly one burst, so each alert keeps its share of the recordings' mix. Bursts shape the order of
the alerts, not the arrival times: these are what the plan declares.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BURST_GAP_S = 1.0
MAX_EVENT_BYTES = 256 * 1024
MAX_FILE_BYTES = 64 * 1024 * 1024
EVENT_ID_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:phantommesh:load-event")
_STREAM_DRAW, _STREAM_FLOW = 2, 3
_FLOW_ID_BITS = 51  # the recordings' own flow ids are below 2**51
_SLOTS = ("timestamp", "event_id", "flow_id", "flow_start")
_TEXT_FIELDS = ("timestamp", "src_ip", "dest_ip", "proto")
_EVE_TIME = "%Y-%m-%dT%H:%M:%S.%f%z"


class TrafficError(ValueError):
    """A traffic file cannot be used; the message names the file, the place and the reason."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One traffic file: its name, the sha256 of its bytes, and its alerts in order of their time."""

    file: str
    sha256: str
    alerts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Template:
    """An alert ready to be sent: a bytes format with slots for what is fresh in each event.

    flow_age_us: how long before the alert its flow began, kept from the recording; None without a flow.
    """

    body: bytes
    signature_id: int
    flow_age_us: int | None


def read_recording(path: Path) -> Recording:
    """Read one file of EVE alerts: a JSON array, or one JSON object a line as Suricata writes eve.json.

    Records of other event types are left out. Raises TrafficError with the file, the position and the reason.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise TrafficError(f"{path.name}: larger than {MAX_FILE_BYTES} bytes; cut the recording to fewer alerts")
        raw = path.read_bytes()
    except OSError as error:
        raise TrafficError(f"{path}: cannot be read ({error.strerror})") from error
    alerts = []
    for position, record in enumerate(_records(path.name, raw)):
        if not isinstance(record, dict):
            raise TrafficError(f"{path.name}: record {position} is not a JSON object")
        if record.get("event_type") == "alert":
            _check_alert(f"{path.name}: record {position}", record)
            alerts.append(record)
    if not alerts:
        raise TrafficError(f'{path.name}: holds no record with event_type "alert"')
    alerts.sort(key=lambda alert: _parse_time(alert["timestamp"]))
    return Recording(path.name, hashlib.sha256(raw).hexdigest(), tuple(alerts))


def _records(name: str, raw: bytes) -> Iterable[Any]:
    lines = [raw] if raw.lstrip()[:1] == b"[" else raw.splitlines()
    records: list[Any] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            line_number = number + getattr(error, "lineno", 1) - 1
            reason = getattr(error, "msg", "not UTF-8, or nested too deeply")
            raise TrafficError(f"{name}: line {line_number}: not JSON ({reason})") from error
        records.extend(value if isinstance(value, list) else [value])
    return records


def _check_alert(where: str, record: Mapping[str, Any]) -> None:
    for field in _TEXT_FIELDS:
        if not isinstance(record.get(field), str):
            raise TrafficError(f"{where}: {field} must be a string")
    alert = record.get("alert")
    signature_id = alert.get("signature_id") if isinstance(alert, dict) else None
    if type(signature_id) is not int or signature_id < 0:
        raise TrafficError(f"{where}: alert.signature_id must be an integer, 0 or more")
    flow = record.get("flow")
    times = [record["timestamp"]] + ([flow["start"]] if isinstance(flow, dict) and "start" in flow else [])
    for text in times:
        try:
            _parse_time(text)
        except (TypeError, ValueError) as error:
            raise TrafficError(f"{where}: {text!r} is not a time as Suricata writes it") from error
    if len(json.dumps(record)) > MAX_EVENT_BYTES - 1024:
        raise TrafficError(f"{where}: larger than an event may be ({MAX_EVENT_BYTES} bytes)")


def _parse_time(text: str) -> datetime:
    return datetime.strptime(text, _EVE_TIME)  # noqa: DTZ007  the format has %z


def bursts(recordings: Sequence[Recording]) -> list[int]:
    """Sizes of the bursts, in the order of the recordings' alerts: runs with gaps of BURST_GAP_S at most."""
    sizes: list[int] = []
    for recording in recordings:
        times = [_parse_time(alert["timestamp"]) for alert in recording.alerts]
        sizes.append(1)
        for earlier, later in pairwise(times):
            if (later - earlier).total_seconds() <= BURST_GAP_S:
                sizes[-1] += 1
            else:
                sizes.append(1)
    return sizes


def draw(burst_sizes: Sequence[int], count: int, seed: int) -> NDArray[np.int32]:
    """Which alert each arrival sends: `count` indices into the recordings' alerts, drawn burst by burst."""
    rng = np.random.Generator(np.random.PCG64([_STREAM_DRAW, seed]))
    sizes = np.asarray(burst_sizes, dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    picks = np.minimum((rng.random(count) * len(sizes)).astype(np.int64), len(sizes) - 1)
    ends = np.cumsum(sizes[picks])
    needed = int(np.searchsorted(ends, count)) + 1
    picks, ends = picks[:needed], ends[:needed]
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes[picks], sizes[picks])
    drawn: NDArray[np.int32] = (np.repeat(starts[picks], sizes[picks]) + inside)[:count].astype(np.int32)
    return drawn


def template(alert: Mapping[str, Any], source: str) -> Template:
    """Serialise one alert once; only what is fresh in each event stays a slot. `source` becomes its `host`."""
    marks = {slot: f"@{slot}@{uuid.uuid4().hex}@" for slot in _SLOTS}
    event: dict[str, Any] = {name: marks[name] for name in ("timestamp", "event_id", "flow_id")}
    event |= {name: value for name, value in alert.items() if name not in event} | {"host": source}
    flow, flow_age_us = alert.get("flow"), None
    if isinstance(flow, dict) and "start" in flow:
        age = _parse_time(alert["timestamp"]) - _parse_time(flow["start"])
        flow_age_us = age // timedelta(microseconds=1)
        event["flow"] = flow | {"start": marks["flow_start"]}
    body = json.dumps(event, separators=(",", ":")).replace("%", "%%")
    for slot, mark in marks.items():
        quoted, filled = f'"{mark}"', f"%({slot})d" if slot == "flow_id" else f'"%({slot})s"'
        body = body.replace(quoted, filled)
    return Template(body.encode("ascii"), alert["alert"]["signature_id"], flow_age_us)


def event_ids(source: str, seed: int) -> Callable[[int], str]:
    """The event id of each arrival, from the plan alone, so that the attempted set can be computed again.

    UUID version 5 (RFC 9562) of "<seed>/<seq>" in a namespace that is itself the version 5 UUID of the source.
    The source is in it because two runs with one seed must not send the same ids to one target.
    """
    begun = hashlib.sha1(uuid.uuid5(EVENT_ID_NAMESPACE, source).bytes, usedforsecurity=False)

    def event_id(seq: int) -> str:
        # What uuid.uuid5 does, without an object in between: it is done for every event of a load.
        digest = begun.copy()
        digest.update(b"%d/%d" % (seed, seq))
        text = digest.hexdigest()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"

    return event_id


@lru_cache(maxsize=64)
def _second(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")


def eve_time(epoch_us: int) -> str:
    """A time as Suricata writes it, in UTC: 2026-01-31T23:59:59.000001+0000."""
    second, microsecond = divmod(epoch_us, 1_000_000)
    return f"{_second(second)}.{microsecond:06d}+0000"


class Traffic:
    """The events of a run, by arrival number; the same recordings, source and seed give the same events."""

    def __init__(self, recordings: Sequence[Recording], source: str, seed: int, count: int) -> None:
        alerts = [alert for recording in recordings for alert in recording.alerts]
        self._templates: list[Template] = [template(alert, source) for alert in alerts]
        self._drawn = draw(bursts(recordings), count, seed)
        flow_rng = np.random.Generator(np.random.PCG64([_STREAM_FLOW, seed]))
        self._flow_ids = (flow_rng.random(count) * 2**_FLOW_ID_BITS).astype(np.int64)
        self.event_id = event_ids(source, seed)

    def signature_id(self, seq: int) -> int:
        """Signature of the alert that arrival `seq` sends."""
        return self._templates[int(self._drawn[seq])].signature_id

    def body(self, seq: int, event_id: str, intended_ns: int) -> bytes:
        """The JSON body of arrival `seq`, observed at `intended_ns` (epoch, UTC)."""
        chosen = self._templates[int(self._drawn[seq])]
        intended_us = intended_ns // 1000
        slots: dict[bytes, object] = {
            b"timestamp": eve_time(intended_us).encode("ascii"),
            b"event_id": event_id.encode("ascii"),
            b"flow_id": int(self._flow_ids[seq]),
        }
        if chosen.flow_age_us is not None:
            slots[b"flow_start"] = eve_time(intended_us - chosen.flow_age_us).encode("ascii")
        return chosen.body % slots
