"""HTTP as clients really speak it: the short way of an event and the long one give the same answers."""

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from .conftest import Platform, until


@pytest.fixture(scope="module")
def alert(recorded: list[dict[str, Any]]) -> dict[str, Any]:
    return recorded[0] | {"host": "edge"}


@pytest.fixture
def connection(platform: Platform) -> Iterator[socket.socket]:
    host, port = platform.base_url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as connected:
        yield connected


def request(body: bytes, *headers: str, target: str = "/v1/events", version: str = "1.1") -> bytes:
    lines = [f"POST {target} HTTP/{version}", "Host: test", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def event(alert: dict[str, Any]) -> tuple[str, bytes]:
    event_id = str(uuid.uuid4())
    return event_id, json.dumps(alert | {"event_id": event_id}).encode()


class Reader:
    """Answers, one after another, from one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rb")

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self._stream.readline().split()[1])
        headers = {}
        while line := self._stream.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._stream.read(int(headers.get("content-length", 0)))

    def ended(self) -> bool:
        return self._stream.read(1) == b""


def accepted(answer: tuple[int, dict[str, str], bytes], event_id: str) -> bool:
    status, headers, body = answer
    return (status, headers["content-type"], json.loads(body)) == (
        202, "application/json", {"event_id": event_id, "status": "accepted"},
    )  # fmt: skip


def test_a_connection_serves_one_request_after_another(connection: socket.socket, alert: dict[str, Any]) -> None:
    reader = Reader(connection)
    for _ in range(5):
        event_id, body = event(alert)
        connection.sendall(request(body))
        assert accepted(reader.answer(), event_id)


def test_pipelined_requests_are_answered_in_their_order(connection: socket.socket, alert: dict[str, Any]) -> None:
    events = [event(alert) for _ in range(20)]
    unknown = b"GET /v1/nothing HTTP/1.1\r\nHost: test\r\n\r\n"
    connection.sendall(b"".join(request(body) for _, body in events[:10]) + unknown)
    connection.sendall(b"".join(request(body) for _, body in events[10:]))
    reader = Reader(connection)
    assert all(accepted(reader.answer(), event_id) for event_id, _ in events[:10])
    assert reader.answer()[0] == 404
    assert all(accepted(reader.answer(), event_id) for event_id, _ in events[10:])


def test_a_body_may_come_in_pieces_and_in_chunks(connection: socket.socket, alert: dict[str, Any]) -> None:
    reader = Reader(connection)
    event_id, body = event(alert)
    whole = request(body)
    for start in range(0, len(whole), 97):
        connection.sendall(whole[start : start + 97])
    assert accepted(reader.answer(), event_id)
    event_id, body = event(alert)
    connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(body), 100):
        part = body[start : start + 100]
        connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
    connection.sendall(b"0\r\n\r\n")
    assert accepted(reader.answer(), event_id)


def test_who_asks_before_sending_is_told_to_go_on(connection: socket.socket, alert: dict[str, Any]) -> None:
    event_id, body = event(alert)
    head, _, _ = request(body, "Expect: 100-continue").partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")
    reader = Reader(connection)
    assert reader.answer()[0] == 100
    connection.sendall(body)
    assert accepted(reader.answer(), event_id)


@pytest.mark.parametrize(
    ("version", "headers"), [("1.0", ()), ("1.1", ("Connection: close",))], ids=["HTTP/1.0", "close"]
)
def test_the_connection_ends_when_that_is_asked(
    connection: socket.socket, alert: dict[str, Any], version: str, headers: tuple[str, ...]
) -> None:
    event_id, body = event(alert)
    connection.sendall(request(body, *headers, version=version))
    reader = Reader(connection)
    answer = reader.answer()
    assert accepted(answer, event_id)
    assert answer[1]["connection"] == "close"
    assert reader.ended()


@pytest.mark.parametrize("target", ["/v1/events?x=1", "http://test/v1/events", "/v1/%65vents"])
def test_an_unusual_address_goes_the_long_way_to_the_same_answer(
    connection: socket.socket, alert: dict[str, Any], target: str
) -> None:
    event_id, body = event(alert)
    connection.sendall(request(body, target=target))
    assert accepted(Reader(connection).answer(), event_id)


def test_no_http_is_400_and_the_end(connection: socket.socket) -> None:
    connection.sendall(b"nonsense\r\n\r\n")
    reader = Reader(connection)
    assert reader.answer()[0] == 400
    assert reader.ended()


def test_who_leaves_before_the_answer_harms_nobody(
    platform: Platform, connection: socket.socket, alert: dict[str, Any]
) -> None:
    event_id, body = event(alert)
    connection.sendall(request(body))
    connection.close()
    until(lambda: platform.all_handled("edge", {event_id}) and event_id in platform.handled("edge"))
    assert platform.status()["state"] == "ready"
