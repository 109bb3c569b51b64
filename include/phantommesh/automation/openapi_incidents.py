"""The part of the OpenAPI document about incidents."""

from typing import Any, get_args

from phantommesh.automation.assess import LEVELS
from phantommesh.automation.incident_documents import MAX_EVENTS
from phantommesh.automation.incident_requests import MAX_BODY_BYTES, RESOLUTIONS, Note, Who
from phantommesh.automation.incidents import PATH
from phantommesh.automation.openapi_words import (
    ADDRESS,
    INT64,
    INTEGER,
    STRING,
    UUID,
    answer,
    object_of,
    parameter,
    ref,
)
from phantommesh.database.incident_statements import STATES

_ID = {"name": "incident_id", "in": "path", "required": True, "schema": UUID}
_GIVEN_UP = answer("The database cannot be reached", ref("Error"))
_UNKNOWN = answer("There is no such incident", ref("Error"))


def paths() -> dict[str, Any]:
    """The paths."""
    return {
        PATH: {"get": _list()},
        f"{PATH}/{{incident_id}}": {"get": _one()},
        f"{PATH}/{{incident_id}}/acknowledge": {"post": _change(
            "acknowledgeIncident", "Say that somebody sees to it; the same person again gets the same answer",
            "Acknowledgement", "Somebody else acknowledged it, or it is resolved; says who",
        )},
        f"{PATH}/{{incident_id}}/resolve": {"post": _change(
            "resolveIncident", "Say what it was; the same person with the same resolution again gets the same answer",
            "Resolution", "It is resolved already in another way or by somebody else; says who",
        )},
    }  # fmt: skip


def _list() -> dict[str, Any]:
    lines = {"application/x-ndjson": {"schema": {"anyOf": [ref("Incident"), ref("IncidentsEnd")]}}}
    return {
        "operationId": "listIncidents",
        "summary": "Incidents in the order of their opening, one JSON document a line; the last says that it is whole",
        "parameters": [
            parameter("state", {"enum": list(STATES)}, "Only incidents in this state; without it all"),
            parameter("level", {"enum": list(LEVELS)}, "Only incidents of this level; without it all"),
            parameter("after", UUID, "Only incidents that follow this one: `last` of an earlier answer"),
            parameter("limit", INT64, "At most so many; without it all"),
        ],
        "responses": {
            "200": {"description": "One line for each incident, then the end", "content": lines},
            "400": answer("A parameter is not legal", ref("BadRequest")),
            "503": _GIVEN_UP,
        },
    }


def _one() -> dict[str, Any]:
    return {
        "operationId": "readIncident",
        "summary": "One incident with its timeline",
        "parameters": [_ID],
        "responses": {
            "200": answer("The incident", ref("IncidentHistory")),
            "400": answer("What is asked for is no id", ref("BadRequest")),
            "404": _UNKNOWN,
            "503": _GIVEN_UP,
        },
    }


def _change(name: str, summary: str, body: str, conflict: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [_ID],
        "requestBody": {"required": True, "content": {"application/json": {"schema": ref(body)}}},
        "responses": {
            "200": answer("The incident as it is now", ref("Incident")),
            "400": answer("The body or the id is not legal", ref("BadRequest")),
            "404": _UNKNOWN,
            "409": answer(conflict, ref("Conflict")),
            "413": answer(f"A body of over {MAX_BODY_BYTES} bytes", ref("TooLarge")),
            "503": _GIVEN_UP,
        },
    }


def schemas() -> dict[str, Any]:
    """The schemas."""
    acknowledged = {"by": STRING | {"minLength": 1, "maxLength": _longest(Who)}}
    resolution = acknowledged | {"resolution": {"enum": list(RESOLUTIONS)}}
    return {
        "Acknowledgement": object_of(acknowledged) | {"additionalProperties": False},
        "Resolution": object_of(resolution, note=STRING | {"maxLength": _longest(Note)})
        | {"additionalProperties": False},
        "Conflict": object_of({"error": STRING, "by": STRING, "at_ns": INT64, "state": {"enum": list(STATES)}}),
        "Incident": _incident(),
        "IncidentsEnd": object_of({"end": {"const": True}, "count": INT64, "last": _or_null(UUID)}),
        "IncidentHistory": _history(),
    }


def _incident() -> dict[str, Any]:
    at_ns, duration_ms = _or_null(INT64), _or_null({"type": "number", "minimum": 0})
    return object_of({
        "incident_id": UUID, "event_id": UUID | {"description": "The event that opened it"}, "source": STRING,
        "src_ip": ADDRESS, "dest_ip": ADDRESS, "signature_id": INT64, "signature": STRING,
        "level": {"enum": list(LEVELS)}, "risk": {"type": "number", "minimum": 0, "maximum": 10},
        "opened_at_ns": INT64, "acknowledged_at_ns": at_ns, "acknowledged_by": _or_null(STRING),
        "resolved_at_ns": at_ns, "resolved_by": _or_null(STRING), "resolution": _or_null({"enum": list(RESOLUTIONS)}),
        "escalated_at_ns": at_ns, "state": {"enum": list(STATES)}, "time_to_acknowledge_ms": duration_ms,
        "time_to_resolve_ms": duration_ms,
    })  # fmt: skip


def _history() -> dict[str, Any]:
    entry = object_of({"at_ns": INT64, "what": STRING, "event_id": UUID, "detail": {"type": "object"}})
    remediation = object_of({
        "event_id": UUID, "address": ADDRESS, "state": {"enum": ["pending", "running", "done", "failed", "dry_run"]},
        "requested_at_ns": INT64, "finished_at_ns": _or_null(INT64), "attempts": INTEGER, "reason": _or_null(STRING),
    })  # fmt: skip
    first = f"In the order of time; holds the first {MAX_EVENTS} events and what was done about them"
    return object_of({
        "incident": ref("Incident"), "event_count": INT64, "remediation": _or_null(remediation),
        "timeline": {"type": "array", "items": entry, "description": first},
    })  # fmt: skip


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _longest(text: Any) -> int:
    """The longest length that a text type of the requests allows."""
    return int(get_args(text)[1].max_length)
