"""The histories of a batch of events: from memory, then from the cache where there is one, then from PostgreSQL."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import asyncpg

from phantommesh.automation.events import Observation
from phantommesh.threat_model import history_tables
from phantommesh.threat_model.history import NO_VERSION, NOTHING, AddressHistory, History, version_for

MEMORY_ENTRIES = 16_384


class Cache(Protocol):
    """What may stand between memory and database. It never raises: what it does not have or say is not there."""

    async def get_many(self, version: int, addresses: Iterable[str]) -> dict[str, AddressHistory]: ...

    async def put_many(self, version: int, histories: Mapping[str, AddressHistory]) -> None: ...

    async def close(self) -> None: ...


class HistoryReader:
    """Knows the published versions and reads histories. What it remembers can never be out of date: a version never
    changes. When memory is full, what was used least recently goes."""

    def __init__(self, cache: Cache | None = None, memory_entries: int = MEMORY_ENTRIES) -> None:
        self._cache = cache
        self._memory: dict[tuple[int, str], AddressHistory] = {}
        self._memory_entries = memory_entries
        self.published: tuple[int, ...] = ()

    async def tend(self, connection: asyncpg.Connection, replica: str, now_ns: int | None = None) -> list[int]:
        """Close hours that have ended and learn what is published; call it each second. One small query while there
        is something to learn, none otherwise. Returns the versions that this call closed."""
        now_ns = time.time_ns() if now_ns is None else now_ns
        if not history_tables.close_due(self.published, now_ns):
            return []
        closed = await history_tables.close_hours(connection, replica, now_ns)
        self.published = await history_tables.published_versions(connection)
        return closed

    async def of_events(self, connection: asyncpg.Connection, events: Sequence[Observation]) -> list[History]:
        """The history of each event, in order; one query for each version that is asked for at all, none when memory
        has everything. Raises what asyncpg raises."""
        wanted: dict[int, dict[str, None]] = {}
        versions = [version_for(event.received_at_ns, self.published) for event in events]
        for event, version in zip(events, versions, strict=True):
            if version != NO_VERSION:
                at = wanted.setdefault(version, {})
                at[event.src_ip] = at[event.dest_ip] = None
        found = {version: await self._read(connection, version, list(at)) for version, at in wanted.items()}
        return [
            History(version, found[version][event.src_ip], found[version][event.dest_ip])
            if version != NO_VERSION
            else History(NO_VERSION, NOTHING, NOTHING)
            for event, version in zip(events, versions, strict=True)
        ]

    async def _read(
        self, connection: asyncpg.Connection, version: int, addresses: Sequence[str]
    ) -> dict[str, AddressHistory]:
        found = {}
        for address in addresses:
            history = self._memory.pop((version, address), None)
            if history is not None:
                self._memory[version, address] = found[address] = history  # now the most recently used
        missing = [address for address in addresses if address not in found]
        if missing and self._cache is not None:
            cached = await self._cache.get_many(version, missing)
            self._remember(version, cached)
            found |= cached
            missing = [address for address in missing if address not in found]
        if missing:
            read = await history_tables.read_histories(connection, version, missing)
            self._remember(version, read)
            found |= read
            if self._cache is not None:
                await self._cache.put_many(version, read)
        return found

    def _remember(self, version: int, histories: Mapping[str, AddressHistory]) -> None:
        for address, history in histories.items():
            self._memory[version, address] = history
        while len(self._memory) > self._memory_entries:
            del self._memory[next(iter(self._memory))]
