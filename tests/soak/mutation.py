"""Hypothesis strategies: recorded alerts spoiled in every way that JSON allows, spoiled bytes, spoiled requests."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

REQUIRED = ("timestamp", "event_type", "src_ip", "dest_ip", "proto", "alert")
ALERT_REQUIRED = ("signature_id", "signature", "category", "severity")
_FIELDS = (*REQUIRED, "event_id", "host", "flow_id", "src_port", "dest_port", "flow", "app_proto", "é", "")
_AWKWARD_TEXTS = (
    "", "\0", "\ud800", "null", "-1", "0", "1e999", "::", "::1%lo", "256.1.1.1", "1.2.3.4/8", "x" * 201, "\u202e", "{}",
    "2026-13-01T00:00:00+00:00", "2026-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59",
    "alert", "00000000-0000-0000-0000-000000000000", "'; DROP TABLE event; --", "%s%n", "\U0010ffff" * 50,
)  # fmt: skip
_numbers = st.one_of(
    st.integers(-3, 300), st.sampled_from([2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**40, 0.5, 1e300, -0.0])
)
_scalars = st.one_of(st.none(), st.booleans(), _numbers, st.sampled_from(_AWKWARD_TEXTS), st.text(max_size=30))
values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def events(draw: st.DrawFn, recorded: list[dict[str, Any]]) -> Any:
    """A recorded alert with one to three changes, or any JSON value at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(values)
    event = copy.deepcopy(draw(st.sampled_from(recorded)))
    for _ in range(draw(st.integers(1, 3))):
        inside = draw(st.booleans()) and isinstance(event.get("alert"), dict)
        target, names = (event["alert"], (*ALERT_REQUIRED, "action", "gid")) if inside else (event, _FIELDS)
        name = draw(st.sampled_from(names))
        if draw(st.integers(0, 4)) == 0:
            target.pop(name, None)
        else:
            target[name] = draw(values)
    return event


@st.composite
def spoiled_bytes(draw: st.DrawFn, recorded: list[dict[str, Any]]) -> bytes:
    """A JSON text with bytes changed, removed, put in or cut off."""
    alert = draw(st.sampled_from(recorded))
    text = bytearray(json.dumps([alert] * draw(st.integers(1, 3)) if draw(st.booleans()) else alert).encode())
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(text) - 1)))
        kind = draw(st.sampled_from(("change", "remove", "insert", "cut", "double")))
        if kind == "change" and text:
            text[place] = draw(st.integers(0, 255))
        elif kind == "remove":
            del text[place : place + draw(st.integers(1, 20))]
        elif kind == "insert":
            text[place:place] = draw(
                st.one_of(st.binary(max_size=8), st.sampled_from([b"[" * 2000, b"NaN", b"\\u0000"]))
            )
        elif kind == "cut":
            del text[place:]
        else:
            text[place:place] = text[place : place + 200]
    return bytes(text)


_METHODS = (b"POST", b"GET", b"PUT", b"HEAD", b"OPTIONS", b"BREW", b"", b"POST POST", b"\x16\x03\x01")
_PATHS = (
    b"/v1/events",
    b"/v1/audit?limit=3",
    b"/openapi.json",
    b"/",
    b"*",
    b"",
    b"/%00",
    b"/v1/../v1/events",
    b"/v1/audit?after=-1",
)
_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"", b"HTTP/1.1 HTTP/1.1")
_HEADERS = (
    b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 2\r\nContent-Length: 3",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"Expect: 100-continue",
    b"Connection: close", b"Connection: upgrade\r\nUpgrade: websocket", b"X: " + b"y" * 9000, b": empty", b"no colon",
    b"Content-Type: \xff", b" folded", b"Content-Encoding: gzip",
)  # fmt: skip


@st.composite
def raw_requests(draw: st.DrawFn) -> bytes:
    """What a client sends that does not know HTTP, or means harm."""
    body = draw(
        st.one_of(st.binary(max_size=60), st.just(b"{}"), st.just(b"5\r\nhello\r\n0\r\n\r\n"), st.just(b"ffffffff\r\n"))
    )
    head = [
        b" ".join((draw(st.sampled_from(_METHODS)), draw(st.sampled_from(_PATHS)), draw(st.sampled_from(_VERSIONS))))
    ]
    head += draw(st.lists(st.sampled_from(_HEADERS), max_size=3))
    if draw(st.booleans()):
        head.append(b"Host: x")
    if draw(st.booleans()):
        head.append(b"Content-Length: %d" % len(body))
    whole = b"\r\n".join(head) + b"\r\n\r\n" + body
    return whole[: draw(st.integers(1, len(whole)))] if draw(st.integers(0, 4)) == 0 else whole


_numbers_asked = st.one_of(
    st.sampled_from((0, 1, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63)), st.integers(-1, 2**64), st.integers(0, 50)
)
_asked = st.one_of(
    st.tuples(st.just("after"), _numbers_asked.map(str)),
    st.tuples(st.just("limit"), _numbers_asked.map(str)),
    st.tuples(
        st.sampled_from(("source", "after", "limit", "x")),
        st.one_of(
            st.sampled_from(("unknown", "-1", "1.5", "", "%00", "%ff", "%F0%9F%98%80", "a")),
            st.text("0123456789abc%&=+", max_size=12),
        ),
    ),
)
audit_queries = st.lists(_asked, max_size=3).map(
    lambda pairs: "&".join(["limit=5", *(f"{name}={value}" for name, value in pairs)])
)
