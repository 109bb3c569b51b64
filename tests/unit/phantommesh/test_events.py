"""What an event and a body may look like."""

import json
import uuid
from typing import Any

import pytest
from phantommesh.automation.body import TooLargeError, parse
from phantommesh.automation.events import EventError, Observation, observe
from phantommesh.config.model import Limits

LIMITS = Limits(max_event_bytes=256 * 1024, max_array=1_000, max_body_bytes=8 * 2**20, max_connections=100)
ALERT = {"signature_id": 7, "signature": "s", "category": "c", "severity": 2}
EVENT: dict[str, Any] = {
    "timestamp": "2015-03-29T11:01:38.221126-0600", "event_type": "alert", "src_ip": "192.0.2.1",
    "dest_ip": "2001:db8::1", "proto": "TCP", "alert": ALERT,
}  # fmt: skip


def read(event: dict[str, Any]) -> Observation:
    return observe(json.dumps(event).encode(), 5)


def test_a_minimal_event() -> None:
    event = read(EVENT)
    assert (event.source, event.src_ip, event.dest_ip, event.received_at_ns) == (
        "unknown", "192.0.2.1", "2001:db8::1", 5,
    )  # fmt: skip
    assert event.event_id.version == 5
    assert json.loads(event.body) == EVENT


@pytest.mark.parametrize(
    "timestamp", ["2026-01-31T23:59:59.000001+0000", "2026-01-31T23:59:59Z", "2026-01-31T23:59:59+05:30"]
)
def test_times_with_an_offset(timestamp: str) -> None:
    read(EVENT | {"timestamp": timestamp})


@pytest.mark.parametrize(
    ("change", "position"),
    [
        ({"timestamp": "2026-01-31T23:59:59"}, "timestamp"), ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": 5}, "timestamp"), ({"event_type": "flow"}, "event_type"), ({"src_ip": "localhost"}, "src_ip"),
        ({"src_ip": "fe80::1%eth0"}, "src_ip"), ({"dest_ip": "1.2.3"}, "dest_ip"), ({"proto": None}, "proto"),
        ({"host": "x" * 201}, "host"), ({"host": None}, "host"), ({"event_id": "7"}, "event_id"),
        ({"src_port": "80"}, "src_port"), ({"flow_id": 1.5}, "flow_id"), ({"alert": []}, "alert"),
        ({"alert": ALERT | {"severity": 0}}, "alert.severity"),
        ({"alert": ALERT | {"severity": 256}}, "alert.severity"),
        ({"alert": ALERT | {"signature_id": -1}}, "alert.signature_id"),
        ({"alert": ALERT | {"signature_id": 2**63}}, "alert.signature_id"), ({"alert": {}}, "alert.signature_id"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named(change: dict[str, Any], position: str) -> None:
    with pytest.raises(EventError) as caught:
        read(EVENT | change)
    assert (caught.value.position, caught.value.code) == (position, 400)


@pytest.mark.parametrize("missing", list(EVENT))
def test_a_missing_field_is_named(missing: str) -> None:
    with pytest.raises(EventError) as caught:
        read({key: value for key, value in EVENT.items() if key != missing})
    assert caught.value.position == missing


@pytest.mark.parametrize("change", [{"host": "\0"}, {"x": {"y": ["\0"]}}, {"\0": 1}, {"host": "\\\0"}])
def test_nul_is_refused_wherever_it_is(change: dict[str, Any]) -> None:
    with pytest.raises(EventError, match="NUL"):
        read(EVENT | change)


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert read(EVENT | {"host": "\\u0000"}).source == "\\u0000"


def test_the_content_decides_the_id_not_its_spelling() -> None:
    spelled = json.dumps(dict(reversed(EVENT.items())), indent=1).encode()
    assert observe(spelled, 1).event_id == read(EVENT).event_id
    assert read(EVENT | {"flow_id": 1}).event_id != read(EVENT).event_id
    given = str(uuid.uuid4())
    assert str(read(EVENT | {"event_id": given.upper()}).event_id) == given


def test_an_event_of_just_the_limit() -> None:
    room = LIMITS.max_event_bytes - len(json.dumps(EVENT | {"p": ""}))
    fits, too_large = (json.dumps([EVENT | {"p": "x" * size}]).encode() for size in (room, room + 1))
    raise_first(fits)
    with pytest.raises(EventError) as caught:
        raise_first(too_large)
    assert caught.value.code == 413


def raise_first(body: bytes) -> None:
    first = parse(body, 1, LIMITS).items[0]
    if isinstance(first, EventError):
        raise first


def test_bodies() -> None:
    one, many = json.dumps(EVENT).encode(), json.dumps([EVENT, {}, EVENT]).encode()
    assert parse(one, 1, LIMITS).single
    items = parse(b" \n" + many, 1, LIMITS).items
    assert [isinstance(item, Observation) for item in items] == [True, False, True]
    with pytest.raises(TooLargeError):
        parse(json.dumps([1] * 1001).encode(), 1, LIMITS)
    for bad in (b"", b"[", b"[1,", b"[]", b"[" * 50_000, b'["\xff"]'):
        with pytest.raises(EventError):
            raise_first(bad)
