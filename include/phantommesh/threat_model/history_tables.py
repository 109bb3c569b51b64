"""Histories in PostgreSQL: closing hours, knowing which are closed, reading addresses."""

import time
from collections.abc import Iterable, Sequence

import asyncpg

from phantommesh.threat_model.history import (
    DAY_HOURS,
    HOUR_NS,
    NOTHING,
    AddressHistory,
    last_ended_hour,
)

MAX_HOURS_A_CALL = 48
# An hour of hundreds of thousands of events takes seconds to count; the connection's own limits are for single events.
CLOSE_TIMEOUT_S = 600.0
_FOR_COUNTING = f"""
SET LOCAL statement_timeout = '{CLOSE_TIMEOUT_S:g}s'; SET LOCAL enable_seqscan = on; SET LOCAL work_mem = '64MB';
SET LOCAL plan_cache_mode = force_custom_plan
"""
# Versions that an event can still need: those of a day that was missed, and of events that waited as long.
KEPT_VERSIONS = 2 * DAY_HOURS
_LOCK = 7_201_001  # of pg_advisory_lock, this module's own

# Whoever waits for the lock would find the work done: it is left to the one who has it. What makes an hour closed
# once and for all is the key of history_version; the lock only spares the others the work.
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock($1::bigint)"
_LAST = "SELECT max(version) FROM history_version"
_FIRST_EVENT = "SELECT min(received_at_ns) FROM event"

# $1 version, $2 hour's start (ns), $3 hour's end (ns), $4 now (ns), $5 replica
_CLOSE = """
WITH seen AS MATERIALIZED (
    SELECT incident.src_ip, incident.dest_ip, incident.signature_id, event.risk
    FROM event JOIN incident ON incident.incident_id = event.incident_id
    WHERE event.received_at_ns >= $2 AND event.received_at_ns < $3
), ends AS (
    SELECT src_ip AS address, 1 AS sent, 0 AS received, signature_id, risk FROM seen
    UNION ALL SELECT dest_ip, 0, 1, signature_id, risk FROM seen
), counted AS MATERIALIZED (
    SELECT address, sum(sent)::int AS sent, sum(received)::int AS received,
           count(DISTINCT signature_id)::int AS signatures, max(risk)::real AS worst_risk
    FROM ends GROUP BY address
), claimed AS (
    INSERT INTO history_version (version, published_at_ns, replica, addresses)
    VALUES ($1, $4, $5, (SELECT count(*) FROM counted)) ON CONFLICT (version) DO NOTHING RETURNING version
), kept AS (
    INSERT INTO history_hour (hour_start_ns, address, sent, received, signatures, worst_risk)
    SELECT $2, address, sent, received, signatures, worst_risk FROM counted CROSS JOIN claimed ORDER BY address
)
SELECT version FROM claimed
"""

_PUBLISHED = "SELECT version FROM history_version ORDER BY version DESC LIMIT $1"

# $1 addresses, $2 start of the first hour (ns), $3 start of the last hour (ns)
_READ = """
SELECT address, coalesce(sum(sent) FILTER (WHERE hour_start_ns = $3), 0) AS sent_hour, sum(sent) AS sent_day,
       coalesce(sum(received) FILTER (WHERE hour_start_ns = $3), 0) AS received_hour, sum(received) AS received_day,
       max(signatures) AS signatures, max(worst_risk) AS worst_risk
FROM history_hour WHERE address = ANY ($1::text[]) AND hour_start_ns BETWEEN $2 AND $3 GROUP BY address
"""


async def close_hours(connection: asyncpg.Connection, replica: str, now_ns: int | None = None) -> list[int]:
    """Close and publish every hour that has ended and is not closed, oldest first; returns the versions published.

    Any number of replicas may call it at any time, each hour is closed once and in the order of time. At most
    MAX_HOURS_A_CALL a call: after a long absence the rest comes with the next call. A busy hour takes seconds: give it
    a connection on which nothing else waits. Raises what asyncpg raises."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    due = last_ended_hour(now_ns)
    async with connection.transaction():
        if not await connection.fetchval(_TRY_LOCK, _LOCK):
            return []
        await connection.execute(_FOR_COUNTING)
        last = await connection.fetchval(_LAST)
        if last is None:
            first_ns = await connection.fetchval(_FIRST_EVENT)
            last = due - 1 if first_ns is None else min(due, first_ns // HOUR_NS) - 1
        closed = []
        for version in range(last + 1, min(due, last + MAX_HOURS_A_CALL) + 1):
            start_ns = version * HOUR_NS
            hour = version, start_ns, start_ns + HOUR_NS
            found = await connection.fetchval(_CLOSE, *hour, now_ns, replica, timeout=CLOSE_TIMEOUT_S)
            if found is not None:
                closed.append(version)
        return closed


def close_due(published: Sequence[int], now_ns: int) -> bool:
    """Whether close_hours could find something to do: costs nothing, so that it can be asked each second."""
    return not published or published[-1] < last_ended_hour(now_ns)


async def published_versions(connection: asyncpg.Connection) -> tuple[int, ...]:
    """The newest KEPT_VERSIONS versions, ascending."""
    rows = await connection.fetch(_PUBLISHED, KEPT_VERSIONS)
    return tuple(row["version"] for row in reversed(rows))


async def read_histories(
    connection: asyncpg.Connection, version: int, addresses: Iterable[str]
) -> dict[str, AddressHistory]:
    """The histories of addresses at a version, in one query; every address is in the answer."""
    wanted = list(addresses)
    last_ns = version * HOUR_NS
    rows = await connection.fetch(_READ, wanted, last_ns - (DAY_HOURS - 1) * HOUR_NS, last_ns)
    found = dict.fromkeys(wanted, NOTHING)
    for row in rows:
        found[row["address"]] = AddressHistory(
            row["sent_hour"], row["sent_day"], row["received_hour"], row["received_day"], row["signatures"],
            round(row["worst_risk"], 2),  # a real holds seven digits; risks have two decimals
        )  # fmt: skip
    return found
