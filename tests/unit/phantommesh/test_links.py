"""A link relays every byte in its order, and does what its fault says, no longer than it says."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from phantommesh.links.endpoint import Endpoint
from phantommesh.links.fault import Fault, read_fault
from phantommesh.links.relay import Relay
from phantommesh.supervision.state import LINKS, Link, Run

LONG_S = 60.0
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def relayed(folder: Path) -> AsyncIterator[tuple[Relay, Connect]]:
    """An echo behind a link, both on unix sockets."""
    server = await asyncio.start_unix_server(echo, folder / "echo")
    relay = Relay(((Endpoint(path=str(folder / "entry")), Endpoint(path=str(folder / "echo"))),))
    await relay.open()
    yield relay, lambda: asyncio.open_unix_connection(folder / "entry")
    await relay.inject(Fault("refuse", LONG_S))  # ends what is open
    server.close()


async def heard(reader: asyncio.StreamReader, size: int, within_s: float) -> bytes:
    """What came within the time, at most ``size`` bytes."""
    try:
        return await asyncio.wait_for(reader.readexactly(size), within_s)
    except TimeoutError:
        return b""


def test_every_byte_comes_through_in_its_order(tmp_path: Path) -> None:
    async def go() -> None:
        async with relayed(tmp_path) as (_, connect):
            reader, writer = await connect()
            sent = bytes(range(256)) * 8192  # 2 MiB: more than what is held
            writing = asyncio.create_task(_send(writer, sent))
            assert await heard(reader, len(sent), 20) == sent
            await writing
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 5) == b""

    asyncio.run(go())


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def test_refuse_breaks_what_is_open_and_takes_nothing_new_until_it_is_lifted(tmp_path: Path) -> None:
    async def go() -> None:
        async with relayed(tmp_path) as (relay, connect):
            reader, writer = await connect()
            writer.write(b"a")
            assert await heard(reader, 1, 5) == b"a"
            await relay.inject(Fault("refuse", LONG_S))
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
            with pytest.raises(OSError):
                await connect()
            await relay.lift()
            reader, writer = await connect()
            writer.write(b"b")
            assert await heard(reader, 1, 5) == b"b"

    asyncio.run(go())


def test_drop_lets_nothing_through_and_all_of_it_after(tmp_path: Path) -> None:
    async def go() -> None:
        async with relayed(tmp_path) as (relay, connect):
            old_reader, old_writer = await connect()
            old_writer.write(b"1")
            assert await heard(old_reader, 1, 5) == b"1"
            await relay.inject(Fault("drop", LONG_S))
            old_writer.write(b"2")
            new_reader, new_writer = await connect()
            new_writer.write(b"3")
            assert await heard(old_reader, 1, 0.3) == b""
            assert await heard(new_reader, 1, 0.1) == b""
            await relay.lift()
            assert await heard(old_reader, 1, 5) == b"2"
            assert await heard(new_reader, 1, 5) == b"3"

    asyncio.run(go())


def test_slow_adds_its_latency_each_way_and_keeps_the_order(tmp_path: Path) -> None:
    async def go() -> None:
        async with relayed(tmp_path) as (relay, connect):
            reader, writer = await connect()
            await relay.inject(Fault("slow", LONG_S, latency_s=0.15))
            began_s = time.monotonic()
            for letter in b"abcdef":
                writer.write(bytes([letter]))
                await asyncio.sleep(0.01)  # so that they are several pieces
            assert await heard(reader, 6, 5) == b"abcdef"
            assert time.monotonic() - began_s >= 0.3
            await relay.inject(Fault("slow", LONG_S, latency_s=30))
            writer.write(b"gh")
            await asyncio.sleep(0.05)  # so that the link has taken it
            await relay.lift()  # what waits comes at once, in front of what comes later
            writer.write(b"ij")
            assert await heard(reader, 4, 5) == b"ghij"

    asyncio.run(go())


def test_slow_holds_its_bandwidth(tmp_path: Path) -> None:
    async def go() -> None:
        async with relayed(tmp_path) as (relay, connect):
            reader, writer = await connect()
            await relay.inject(Fault("slow", LONG_S, bandwidth_bytes_per_s=100_000))
            began_s = time.monotonic()
            writer.write(bytes(50_000))
            assert len(await heard(reader, 50_000, 10)) == 50_000
            assert time.monotonic() - began_s >= 0.5

    asyncio.run(go())


def test_a_fault_is_over_by_itself_after_its_time(tmp_path: Path) -> None:
    async def go() -> None:
        async with relayed(tmp_path) as (relay, connect):
            reader, writer = await connect()
            await relay.inject(Fault("drop", 0.2))
            writer.write(b"x")
            assert await heard(reader, 1, 5) == b"x"
            assert relay.fault is None

    asyncio.run(go())


def test_without_a_target_a_connection_ends(tmp_path: Path) -> None:
    async def go() -> None:
        relay = Relay(((Endpoint(path=str(tmp_path / "entry")), Endpoint(path=str(tmp_path / "nobody"))),))
        await relay.open()
        reader, _ = await asyncio.open_unix_connection(tmp_path / "entry")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        await relay.inject(Fault("refuse", LONG_S))

    asyncio.run(go())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"kind": "rude", "for_s": 1}',
        b'{"kind": "drop", "for_s": 0}',
        b'{"kind": "drop", "for_s": 301}',
        b'{"kind": "drop", "for_s": 1, "x": 1}',
    ],
)
def test_what_is_no_fault_is_refused(body: bytes) -> None:
    with pytest.raises((msgspec.ValidationError, msgspec.DecodeError)):
        read_fault(body)


def test_only_who_has_the_link_sees_its_addresses() -> None:
    links = tuple(Link(name, 100 + n, tuple(range(200 + 10 * n, 200 + 10 * n + LINKS[name]))) for n, name in
                  enumerate(LINKS))  # fmt: skip
    run = Run("/run", "/data", False, False, 1, 2, 3, (4,), 5, (6,), links=links)
    seen = run.seen_by("automation")
    assert (seen.vpn_port, seen.sink_port, seen.sink_smtp_port) == (200, 210, 211)
    assert (seen.database_socket_dir, run.database_socket_dir) == ("/run/link-automation", "/run/db")
    assert run.seen_by("vpn-core").database_socket_dir == "/run/link-vpn-core"
    assert run.seen_by("sink") == run
    assert (seen.port, seen.admin_ports, seen.vpn_admin_ports) == (1, (4,), (6,))
