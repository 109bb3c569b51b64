"""Alerts, the judgement of analysts, and histories from the database of a running platform."""

from dataclasses import dataclass

import asyncpg

from phantommesh.automation.events import EventError, Observation, observe
from phantommesh.database.schema import APP, DATABASE
from phantommesh.threat_model.history import DAY_HOURS, HOUR_NS, AddressHour
from phantommesh.threat_model.training.failure import TrainingError

MAX_EVENTS = 200_000
TIMEOUT_S = 600.0
_FETCH = 2_000

# $1 how many, $2 how far back from the newest (ns). They are chosen by their time alone, so that sorting carries no
# bodies.
_EVENTS = """
WITH newest AS MATERIALIZED (
    SELECT event_id FROM event WHERE received_at_ns >= (SELECT max(received_at_ns) FROM event) - $2
    ORDER BY received_at_ns DESC, event_id LIMIT $1
)
SELECT event.received_at_ns, event.body, incident.resolution
FROM newest JOIN event USING (event_id) LEFT JOIN incident ON incident.incident_id = event.incident_id
"""
_HOURS = """
SELECT address, hour_start_ns / $3 AS hour, sent, received, signatures, worst_risk
FROM history_hour WHERE hour_start_ns BETWEEN $1 AND $2
"""


@dataclass(frozen=True, slots=True)
class PlatformEvents:
    """resolutions: of the incident of each event, in the same order; None where no person judged it."""

    events: list[Observation]
    resolutions: list[str | None]
    hours: list[AddressHour]


async def read_platform(socket_dir: str, back_ns: int, limit: int = MAX_EVENTS) -> PlatformEvents:
    """The newest events of the database behind a socket, back_ns before the last of them at most, in one consistent
    view. Raises TrainingError."""
    try:
        connection = await asyncpg.connect(
            host=socket_dir, user=APP, database=DATABASE, timeout=10, command_timeout=TIMEOUT_S
        )
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise TrainingError(f"the database in {socket_dir} does not answer ({error}); is the platform up?") from error
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _read(connection, limit, back_ns)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise TrainingError(f"the database in {socket_dir} cannot be read ({error}); see its log") from error
    finally:
        connection.terminate()


async def _read(connection: asyncpg.Connection, limit: int, back_ns: int) -> PlatformEvents:
    events: list[Observation] = []
    resolutions: list[str | None] = []
    async for row in connection.cursor(_EVENTS, limit, back_ns, prefetch=_FETCH):
        try:
            event = observe(row["body"], row["received_at_ns"])
        except EventError as error:
            raise TrainingError(f"the database holds a bad event: {error.position}: {error.reason}") from error
        event.body = b""
        events.append(event)
        resolutions.append(row["resolution"])
    hours: list[AddressHour] = []
    if events:
        first = min(event.received_at_ns for event in events) // HOUR_NS
        last = max(event.received_at_ns for event in events) // HOUR_NS
        bounds = (first - DAY_HOURS - 1) * HOUR_NS, last * HOUR_NS
        async for row in connection.cursor(_HOURS, *bounds, HOUR_NS, prefetch=_FETCH):
            hours.append(AddressHour(*row))
    return PlatformEvents(events, resolutions, hours)
