"""Requests made ahead, a few at a time: recorded alerts with fresh ids, times and flows, as whole HTTP/1.1 bytes.

The alerts, their order in bursts and the templates are the load generator's own (scenarios/locust); here they are
filled with less work, because one process has to offer thousands a second beside the platform that it measures.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from suricata_traffic import Recording, bursts, draw, eve_time, read_recording, template

from instruments.address import measurable
from instruments.plan import SendPlan

TRAFFIC = Path(__file__).parents[2] / "scenarios" / "traffic" / "suricata"
_STREAM_IDS, _STREAM_FLOWS = 12, 13
# Sixteen decimal digits, always: then every event of a template has the same length.
_FLOW_FROM, _FLOW_TO = 10**15, 2**51
_SOURCE_MARK = "@own source address@"


class Request:
    """One request until it is answered. sent_ns: of the latest attempt."""

    __slots__ = ("attempts", "content", "first_id", "number", "sent_ns")

    def __init__(self, number: int, content: bytes, first_id: bytes) -> None:
        self.number = number
        self.content = content
        self.first_id = first_id
        self.attempts = 0
        self.sent_ns = 0


def recordings() -> list[Recording]:
    """The recorded alerts that come with the product."""
    return [read_recording(path) for path in sorted(TRAFFIC.glob("*.json"))]


def event_ids(plan: SendPlan) -> NDArray[np.uint64]:
    """The ids of all events of a plan in the order of sending: shape (events, 2), the id's halves as big-endian
    numbers. Random UUIDs (RFC 9562, version 4) from the seed and the source."""
    rng = np.random.Generator(np.random.PCG64([_STREAM_IDS, plan.seed, *plan.source.encode()]))
    raw = np.frombuffer(rng.bytes(plan.events * 16), dtype=np.uint8).reshape(-1, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    return raw.view(">u8").astype(np.uint64)


class RequestMaker:
    """Makes a plan's requests in order."""

    def __init__(self, plan: SendPlan, ids: NDArray[np.uint64], recorded: Sequence[Recording]) -> None:
        address = measurable(plan.url)
        self._head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        )
        self._net = zlib.crc32(plan.source.encode()) & 0xFFFF
        self._own_source = {"src_ip": _SOURCE_MARK} if plan.distinct else {}
        alerts = [dict(alert) | self._own_source for recording in recorded for alert in recording.alerts]
        found = [template(alert, plan.source) for alert in alerts]
        self._per_request = plan.events_per_request
        self._ages_us = [item.flow_age_us for item in found]
        self._bodies = [_positional(item.body) for item in found]
        if self._per_request == 1:
            self._bodies = [self._with_head(body, age) for body, age in zip(self._bodies, self._ages_us, strict=True)]
        self._ids = ids
        self._observed_from_us = None if plan.observed_from_ns is None else plan.observed_from_ns // 1000
        self._step_us = plan.observed_step_ns / 1000
        self._drawn = draw(bursts(recorded), plan.events, plan.seed)
        rng = np.random.Generator(np.random.PCG64([_STREAM_FLOWS, plan.seed]))
        self._flows = rng.integers(_FLOW_FROM, _FLOW_TO, plan.events)

    def make(self, first: int, intended_ns: Sequence[int]) -> list[Request]:
        """Requests number `first` and following, one for each of the times (epoch) that they are due at."""
        size = self._per_request
        events = self._events(first * size, [due_ns for due_ns in intended_ns for _ in range(size)])
        if size == 1:
            return [Request(first + i, body, event_id) for i, (body, event_id) in enumerate(events)]
        return [self._joined(first + i, events[i * size : (i + 1) * size]) for i in range(len(intended_ns))]

    def _joined(self, number: int, events: list[tuple[bytes, bytes]]) -> Request:
        body = b"[%b]" % b",".join([text for text, _ in events])
        return Request(number, (self._head % len(body)).encode() + body, events[0][1])

    def _events(self, first: int, due_ns: list[int]) -> list[tuple[bytes, bytes]]:
        last = first + len(due_ns)
        texts = self._ids[first:last].astype(">u8").tobytes().hex().encode()
        made = []
        for i, drawn in enumerate(self._drawn[first:last].tolist()):
            text = texts[32 * i : 32 * i + 32]
            event_id = b"%b-%b-%b-%b-%b" % (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
            if self._observed_from_us is None:
                at_us = due_ns[i] // 1000
            else:
                at_us = self._observed_from_us + int((first + i) * self._step_us)
            values = (eve_time(at_us).encode(), event_id, self._flows[first + i])
            if self._own_source:
                values += (_address(self._net, first + i),)
            age_us = self._ages_us[drawn]
            if age_us is not None:
                values += (eve_time(at_us - age_us).encode(),)
            made.append((self._bodies[drawn] % values, event_id))
        return made

    def _with_head(self, body: bytes, age_us: int | None) -> bytes:
        values = (eve_time(0).encode(), b"-" * 36, _FLOW_FROM)
        values += (_address(0, 0),) if self._own_source else ()
        values += () if age_us is None else (eve_time(0).encode(),)
        return (self._head % len(body % values)).replace("%", "%%").encode() + body


def _positional(body: bytes) -> bytes:
    """A template whose slots are filled in their order: time, id, flow, source, start of the flow."""
    source = _SOURCE_MARK.encode()
    slots = (b"%(timestamp)s", b"%(event_id)s", b"%(flow_id)d", source, b"%(flow_start)s")
    places = [body.find(slot) for slot in slots]
    present = [place for place in places if place >= 0]
    if present != sorted(present) or min(places[:3]) < 0:
        raise ValueError("a template's slots are not in the order time, id, flow, source, start of the flow")
    found = body
    for slot in slots:
        found = found.replace(slot, b"%d" if slot.endswith(b"d") else b"%b")
    return found


def _address(net: int, number: int) -> bytes:
    """One of 2**32 unique local addresses (RFC 4193) in one of 2**16 nets, all of one length."""
    return b"fd00:%04x::%04x:%04x" % (net, number >> 16, number & 0xFFFF)
