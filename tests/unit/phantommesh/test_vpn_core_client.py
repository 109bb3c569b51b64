"""How auto-remediation asks vpn-core: what it sends, and what it makes of each answer."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable

import pytest
from phantommesh.automation.remediation.vpn_core_client import AwayError, Quarantined, RefusedError, VpnCoreClient

INCIDENT = uuid.UUID("6f1dd1f0-35dc-4d0b-a7a5-a4d1a9b8e3c1")
DONE = {"key": str(INCIDENT), "address": "198.18.0.9", "peer_id": "p", "state": "quarantined", "new": True}
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
    return head.partition("\r\n")[0], json.loads(await reader.readexactly(length))


def _answer(status: int, document: object, *headers: str) -> bytes:
    body = json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def _ask(talk: Talk, times: int = 1, timeout_s: float = 5.0) -> list[Quarantined]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        client = VpnCoreClient("127.0.0.1", server.sockets[0].getsockname()[1], timeout_s)
        try:
            return [await client.quarantine(INCIDENT, "198.18.0.9", "why") for _ in range(times)]
        finally:
            client.close()


def test_the_incident_is_the_key_and_the_connection_is_kept() -> None:
    asked: list[tuple[str, dict[str, str]]] = []
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            asked.append(await _request(reader))
            writer.write(_answer(200, DONE))
        writer.close()

    assert asyncio.run(_ask(talk, times=2)) == [Quarantined("p", True)] * 2
    line = f"PUT /v1/quarantines/{INCIDENT} HTTP/1.1"
    assert asked == [(line, {"address": "198.18.0.9", "reason": "why"})] * 2
    assert connections == 1


@pytest.mark.parametrize("says_so", [True, False])
def test_a_connection_that_was_closed_meanwhile_costs_no_attempt(says_so: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(_answer(200, DONE, *(["Connection: close"] if says_so else [])))
        writer.close()

    assert len(asyncio.run(_ask(talk, times=3))) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError),
        (404, RefusedError),
        (409, RefusedError),
        (429, AwayError),
        (503, AwayError),
        (500, AwayError),
    ],
)
def test_answers_that_are_none(status: int, error: type[Exception]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(_answer(status, {"error": "because"}))
        writer.close()

    with pytest.raises(error, match=str(status)):
        asyncio.run(_ask(talk))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"nonsense\r\n\r\n",
        _answer(200, []),
        b"HTTP/1.1 200 x\r\nContent-Length: 9\r\n\r\nx",
    ],
)
def test_what_is_no_answer_is_tried_again(raw: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(raw)
        writer.close()

    with pytest.raises(AwayError):
        asyncio.run(_ask(talk))


def test_silence_and_absence_are_away() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    with pytest.raises(AwayError, match=r"no answer within 0\.05 s"):
        asyncio.run(_ask(silent, timeout_s=0.05))

    async def absent() -> None:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        await VpnCoreClient("127.0.0.1", port, 1).quarantine(INCIDENT, "198.18.0.9", "why")

    with pytest.raises(AwayError, match="connection refused"):
        asyncio.run(absent())
