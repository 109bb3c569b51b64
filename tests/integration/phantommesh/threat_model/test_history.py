"""Histories in the database: closed once, read as they are computed, the same for every replica."""

import asyncio
from typing import Any

import asyncpg
import pytest
from phantommesh.automation.assess import Assessor
from phantommesh.automation.events import Observation, observe
from phantommesh.config.load import PRODUCTION, load
from phantommesh.threat_model import history_tables
from phantommesh.threat_model.history import (
    CLOSE_AFTER_NS,
    HOUR_NS,
    NO_HISTORY,
    USE_AFTER_NS,
    Alerted,
    KnownHours,
    address_hours,
)
from phantommesh.threat_model.history_reader import HistoryReader
from phantommesh.threat_model.history_tables import close_hours, published_versions
from recorded_alerts import MINUTE_NS, START_NS, drawn_alerts

from .conftest import Database, insert_events

COUNT = 1800  # 30 hours
FIRST = START_NS // HOUR_NS
END_NS = START_NS + COUNT * MINUTE_NS
NOW_NS = END_NS + CLOSE_AFTER_NS
ASSESSOR = Assessor(load(PRODUCTION, {}).threat_assessment)


@pytest.fixture(scope="module")
def events() -> list[Observation]:
    return [observe(body, START_NS + seq * MINUTE_NS) for seq, body in enumerate(drawn_alerts(COUNT))]


@pytest.fixture(scope="module")
def risks(events: list[Observation]) -> list[float]:
    return [ASSESSOR.assess(event).risk for event in events]


async def fill(connection: asyncpg.Connection, events: list[Observation], risks: list[float]) -> None:
    await insert_events(connection, events, risks)


def test_the_database_computes_what_training_computes(
    database: Database, events: list[Observation], risks: list[float]
) -> None:
    known = KnownHours(address_hours(
        Alerted(event.received_at_ns, event.src_ip, event.dest_ip, event.alert.signature_id, risk)
        for event, risk in zip(events, risks, strict=True)
    ))  # fmt: skip

    async def use(connection: asyncpg.Connection) -> list[Any]:
        await fill(connection, events, risks)
        assert await close_hours(connection, "a", NOW_NS) == list(range(FIRST, FIRST + 30))
        reader = HistoryReader()
        await reader.tend(connection, "a", NOW_NS)
        return await reader.of_events(connection, events)

    found = database.run(use)
    in_first_hour = [event.received_at_ns < START_NS + HOUR_NS + USE_AFTER_NS for event in events]
    assert found[: sum(in_first_hour)] == [NO_HISTORY] * 61
    later = [known.of_event(event.received_at_ns, event.src_ip, event.dest_ip) for event in events[61:]]
    assert found[61:] == later
    assert len(set(later)) > 1000


def test_an_hour_is_closed_some_seconds_after_its_end_and_then_stays(
    database: Database, events: list[Observation], risks: list[float]
) -> None:
    async def use(connection: asyncpg.Connection) -> None:
        await fill(connection, events[:60], risks[:60])
        end_ns = START_NS + HOUR_NS
        assert FIRST not in await close_hours(connection, "a", end_ns + CLOSE_AFTER_NS - 1)
        assert await close_hours(connection, "a", end_ns + CLOSE_AFTER_NS) == [FIRST]
        before = await connection.fetch("SELECT * FROM history_hour ORDER BY address")
        assert before
        late = observe(drawn_alerts(1, seed=2)[0], START_NS)
        await insert_events(connection, [late], [10.0])
        assert await close_hours(connection, "b", end_ns + CLOSE_AFTER_NS) == []
        assert await connection.fetch("SELECT * FROM history_hour ORDER BY address") == before

    database.run(use)


def test_three_replicas_at_once_close_each_hour_once(
    database: Database, events: list[Observation], risks: list[float]
) -> None:
    async def replica(name: str) -> list[int]:
        connection = await database.connect()
        try:
            closed: list[int] = []
            async with asyncio.timeout(30):
                while (await published_versions(connection))[-1:] != (FIRST + 29,):
                    closed += await close_hours(connection, name, NOW_NS)
            return closed
        finally:
            await connection.close()

    async def together() -> list[list[int]]:
        return await asyncio.gather(*(replica(name) for name in "abc"))

    database.run(lambda connection: fill(connection, events, risks))
    closed = asyncio.run(together())
    assert sorted(version for each in closed for version in each) == list(range(FIRST, FIRST + 30))
    sums = database.run(lambda connection: connection.fetchrow("SELECT sum(sent), sum(received) FROM history_hour"))
    assert tuple(sums) == (COUNT, COUNT)


def test_the_key_keeps_an_hour_from_being_closed_twice_even_without_the_lock(
    database: Database, events: list[Observation], risks: list[float]
) -> None:
    async def use(connection: asyncpg.Connection) -> None:
        await fill(connection, events[:60], risks[:60])
        other = await database.connect()
        arguments = FIRST, START_NS, START_NS + HOUR_NS, NOW_NS
        transaction = connection.transaction()
        await transaction.start()
        assert await connection.fetchval(history_tables._CLOSE, *arguments, "a") == FIRST
        waiting = asyncio.ensure_future(other.fetchval(history_tables._CLOSE, *arguments, "b"))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        await transaction.commit()
        assert await waiting is None
        await other.close()
        assert await connection.fetchval("SELECT sum(sent) FROM history_hour") == 60

    database.run(use)


def test_a_replica_that_dies_while_it_closes_leaves_nothing_half_done(
    database: Database, events: list[Observation], risks: list[float]
) -> None:
    async def use(connection: asyncpg.Connection) -> None:
        await fill(connection, events[:60], risks[:60])
        transaction = connection.transaction()
        await transaction.start()
        await close_hours(connection, "a", START_NS + HOUR_NS + CLOSE_AFTER_NS)
        connection.terminate()
        other = await database.connect()
        async with asyncio.timeout(10):
            while await close_hours(other, "b", START_NS + HOUR_NS + CLOSE_AFTER_NS) != [FIRST]:
                pass
        assert await other.fetchval("SELECT sum(sent) FROM history_hour") == 60
        await other.close()

    database.run(use)


def test_a_platform_without_events_publishes_empty_hours_and_goes_on(database: Database) -> None:
    async def use(connection: asyncpg.Connection) -> None:
        assert len(await close_hours(connection, "a", NOW_NS)) == 1
        assert len(await close_hours(connection, "a", NOW_NS + 100 * HOUR_NS)) == history_tables.MAX_HOURS_A_CALL
        reader = HistoryReader()
        async with asyncio.timeout(30):
            while history_tables.close_due(reader.published, NOW_NS + 100 * HOUR_NS):
                await reader.tend(connection, "a", NOW_NS + 100 * HOUR_NS)
        assert await reader.tend(connection, "a", NOW_NS + 100 * HOUR_NS) == []

    database.run(use)


def test_the_same_event_has_the_same_history_whenever_it_is_read(
    database: Database, events: list[Observation], risks: list[float]
) -> None:
    """Read at once, after more has come, by another replica, in batches of any size, from a full memory."""

    async def use(connection: asyncpg.Connection) -> None:
        await fill(connection, events[:1000], risks[:1000])
        await close_hours(connection, "a", START_NS + 900 * MINUTE_NS)
        one, small = HistoryReader(), HistoryReader(memory_entries=3)
        await one.tend(connection, "a", START_NS + 900 * MINUTE_NS)
        first = await one.of_events(connection, events[600:700])
        assert any(history.source.sent_day for history in first)
        await fill(connection, events[1000:], risks[1000:])
        await one.tend(connection, "a", NOW_NS)
        await small.tend(connection, "b", NOW_NS)
        assert await one.of_events(connection, events[600:700]) == first
        again = []
        for event in reversed(events[600:700]):
            again += await small.of_events(connection, [event])
        assert again[::-1] == first

    database.run(use)


def test_memory_spares_the_database_and_the_service_may_not_change_what_is_closed(
    database: Database, events: list[Observation], risks: list[float]
) -> None:
    async def use(connection: asyncpg.Connection) -> None:
        await fill(connection, events, risks)
        await close_hours(connection, "a", NOW_NS)
        reader = HistoryReader()
        await reader.tend(connection, "a", NOW_NS)
        asked: list[str] = []
        connection.add_query_logger(lambda record: asked.append(record.query))
        some = [event for event in events if event.received_at_ns > START_NS + 25 * HOUR_NS][:100]
        first = await reader.of_events(connection, some)
        await asyncio.sleep(0)  # the log is told of a query in the loop's next turn
        versions = {history.version for history in first}
        assert len(asked) == len(versions)  # one query for each version
        assert await reader.of_events(connection, some) == first
        assert await reader.tend(connection, "a", NOW_NS) == []
        await asyncio.sleep(0)
        assert len(asked) == len(versions)
        for change in ("UPDATE history_hour SET sent = 0", "DELETE FROM history_hour", "DELETE FROM history_version"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)

    database.run(use)
