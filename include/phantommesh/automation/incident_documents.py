"""An incident as the interface shows it, and its timeline."""

import uuid
from typing import Any

import asyncpg
import msgspec

from phantommesh.automation.delivery import ALERT, delivery_id
from phantommesh.config.model import CHANNELS
from phantommesh.database import incident_statements as statements

MAX_EVENTS = 100


class Incident(msgspec.Struct, gc=False):
    """Times are epoch ns, or null for what has not happened; durations count from the opening."""

    incident_id: str
    event_id: str
    source: str
    src_ip: str
    dest_ip: str
    signature_id: int
    signature: str
    level: str
    risk: float
    opened_at_ns: int
    acknowledged_at_ns: int | None
    acknowledged_by: str | None
    resolved_at_ns: int | None
    resolved_by: str | None
    resolution: str | None
    escalated_at_ns: int | None
    state: str = ""
    time_to_acknowledge_ms: float | None = None
    time_to_resolve_ms: float | None = None

    @classmethod
    def of(cls, row: Any) -> "Incident":
        """From a row of the columns statements.INCIDENT."""
        found = cls(*row)
        found.risk = round(found.risk, 2)
        found.state = "resolved" if found.resolved_at_ns else "acknowledged" if found.acknowledged_at_ns else "open"
        found.time_to_acknowledge_ms = _since(found.opened_at_ns, found.acknowledged_at_ns)
        found.time_to_resolve_ms = _since(found.opened_at_ns, found.resolved_at_ns)
        return found


class Entry(msgspec.Struct, gc=False):
    """One thing that happened: opened, joined, delivered, delivery_failed, acknowledged, escalated, resolved, or what
    else the audit trail calls it."""

    at_ns: int
    what: str
    event_id: str
    detail: object


class _Remediation(msgspec.Struct, gc=False):
    event_id: str
    address: str
    state: str
    requested_at_ns: int
    finished_at_ns: int | None
    attempts: int
    reason: str | None


class History(msgspec.Struct, gc=False):
    """An incident with its timeline. event_count: all of its events; the timeline has the first MAX_EVENTS."""

    incident: Incident
    event_count: int
    remediation: _Remediation | None
    timeline: list[Entry]


async def read_history(connection: asyncpg.Connection, incident_id: uuid.UUID) -> History | None:
    """The history of an incident; None when there is no such incident."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        row = await connection.fetchrow(statements.READ, incident_id)
        if row is None:
            return None
        incident = Incident.of(row)
        events = await connection.fetch(statements.EVENTS, incident_id, MAX_EVENTS)
        count = await connection.fetchval(statements.COUNT_EVENTS, incident_id)
        remedy = await connection.fetchrow(statements.REMEDIATION, incident_id)
        remediation = None if remedy is None else _Remediation(*remedy)
        identities = {incident.event_id, *(event[0] for event in events)}
        if remediation is not None:
            identities.add(remediation.event_id)
        deliveries = await connection.fetch(statements.DELIVERIES, list(identities))
        changes = await connection.fetch(statements.AUDIT, list(identities))
    timeline = [_arrival(incident, *event) for event in events]
    timeline += [_delivery(*delivery) for delivery in deliveries]
    timeline += [_change(*change) for change in changes]
    timeline.sort(key=lambda entry: entry.at_ns)
    return History(incident, count, remediation, timeline)


def _since(began_ns: int, ended_ns: int | None) -> float | None:
    return None if ended_ns is None else round((ended_ns - began_ns) / 1e6, 3)


def _arrival(incident: Incident, event_id: str, at_ns: int, level: str, risk: float) -> Entry:
    what = "opened" if event_id == incident.event_id else "joined"
    return Entry(at_ns, what, event_id, {"level": level, "risk": round(risk, 2)})


def _delivery(
    event_id: uuid.UUID, at_ns: int, position: int, kind: int, attempts: int, reason: str | None, doubt: str | None
) -> Entry:
    channel = CHANNELS[position]
    detail: dict[str, object] = {
        "channel": channel, "delivery_id": delivery_id(event_id, channel, kind), "attempts": attempts,
    }  # fmt: skip
    if kind != ALERT:
        detail["escalation"] = True
    if reason is not None:
        detail["reason"] = reason
    if doubt is not None:
        detail["doubt"] = doubt
    return Entry(at_ns, "delivered" if reason is None else "delivery_failed", str(event_id), detail)


def _change(event_id: str, at_ns: int, action: str, detail: str) -> Entry:
    return Entry(at_ns, action.removeprefix("incident_"), event_id, msgspec.Raw(detail.encode()))
