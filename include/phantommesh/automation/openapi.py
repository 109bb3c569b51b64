"""The OpenAPI document (version 3.1) of the public interface, built from the types and limits that the code uses.

It is served at /openapi.json; docs/openapi.json is the same bytes (``python -m phantommesh.automation.openapi``).
"""

import json
import sys
from typing import Any

from phantommesh import __version__
from phantommesh.automation.body import MAX_EVENTS
from phantommesh.automation.events import MAX_EVENT_BYTES

ACTIONS = (
    "received", "assessed", "incident_opened", "incident_joined", "delivered", "delivery_failed", "remediated",
    "remediation_failed", "remediation_dry_run",
)  # fmt: skip
_STRING: dict[str, Any] = {"type": "string"}
_INTEGER: dict[str, Any] = {"type": "integer"}
_UUID: dict[str, Any] = {"type": "string", "format": "uuid"}
_ADDRESS: dict[str, Any] = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
_INT64: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}


def document_bytes() -> bytes:
    """The document as it is served and kept."""
    return (json.dumps(document(), indent=2) + "\n").encode()


def document() -> dict[str, Any]:
    """The document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PhantomMesh automation", "version": __version__,
            "description": "Takes Suricata EVE alerts, makes them durable, assesses them and alerts people.",
        },
        "paths": {
            "/v1/events": {"post": _post_events()},
            "/v1/audit": {"get": _get_audit()},
            "/openapi.json": {"get": {
                "operationId": "describe", "summary": "This document",
                "responses": {"200": _answer("OpenAPI 3.1", {"type": "object"})},
            }},
        },
        "components": {"schemas": _schemas()},
    }  # fmt: skip


def _post_events() -> dict[str, Any]:
    one_or_many = {"oneOf": [_ref("Event"), {"type": "array", "items": _ref("Event"), "maxItems": MAX_EVENTS, "minItems": 1}]}  # fmt: skip # noqa: E501
    retry = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}}
    return {
        "operationId": "postEvents",
        "summary": "Hand in one alert or many; answered after the commit that made them durable",
        "requestBody": {"required": True, "content": {"application/json": {"schema": one_or_many}}},
        "responses": {
            "202": _answer("Every event is durable", {"oneOf": [_ref("Accepted"), _ref("Results")]}),
            "207": _answer("Some events of the array are bad, the others are durable", _ref("Results")),
            "400": _answer("No event of it is good; nothing was stored", _ref("BadRequest")),
            "413": _answer(
                f"An event over {MAX_EVENT_BYTES} bytes, an array of over {MAX_EVENTS}, or a body over both; "
                "nothing was stored", _ref("TooLarge"),
            ),
            "429": _answer("The queue is full; nothing was stored", _ref("Error")) | {"headers": retry},
            "503": _answer("Not ready, or the database cannot be reached; nothing is acknowledged", _ref("Error")),
        },
    }  # fmt: skip


def _get_audit() -> dict[str, Any]:
    parameters = [
        _parameter("source", _STRING, "Only events of this source; without it all"),
        _parameter("after", _INT64, "Only rows with a greater seq; 0 by default"),
        _parameter("limit", _INT64, "At most so many rows; without it all"),
    ]
    lines = {"application/x-ndjson": {"schema": {"anyOf": [_ref("AuditRow"), _ref("AuditEnd")]}}}
    return {
        "operationId": "readAudit",
        "summary": "The audit trail in the order of seq, one JSON document a line; the last says that it is whole",
        "parameters": parameters,
        "responses": {
            "200": {"description": "One line of the schema for each row, then the end", "content": lines},
            "400": _answer("A parameter is not legal", _ref("BadRequest")),
            "503": _answer("The database cannot be reached", _ref("Error")),
        },
    }


def _schemas() -> dict[str, Any]:
    alert = _object({
        "signature_id": _INT64, "signature": _STRING, "category": _STRING,
        "severity": {"type": "integer", "minimum": 1, "maximum": 255, "description": "1 is worst"},
    })  # fmt: skip
    event = _object(
        {
            "timestamp": {"type": "string", "description": "ISO 8601 with offset, as Suricata writes it"},
            "event_type": {"const": "alert"}, "src_ip": _ADDRESS, "dest_ip": _ADDRESS, "proto": _STRING, "alert": alert,
        },
        flow_id=_INTEGER, src_port=_INTEGER, dest_port=_INTEGER,
        event_id=_UUID | {"description": "Absent: derived from the content (UUID version 5)"},
        host={"type": "string", "maxLength": 200, "description": "The sensor: the event's source"},
    )  # fmt: skip
    known = {"enum": ["accepted", "duplicate"]}
    index = {"type": "integer", "minimum": 0}
    good = _object({"index": index, "event_id": _UUID, "status": known})
    bad = _object({"index": index, "status": {"const": "rejected"}, "code": {"enum": [400, 413]}, "reason": _STRING})
    results = {"type": "array", "items": {"oneOf": [good, bad]}}
    position = {"type": ["integer", "string"], "description": "The byte, or the field's path"}
    return {
        "Event": event,
        "Accepted": _object({"event_id": _UUID, "status": known}),
        "Results": _object({"results": results}),
        "Error": _object({"error": _STRING}),
        "BadRequest": _object({"error": _STRING}, position=position, results=results),
        "TooLarge": _object({"error": _STRING, "limit": _INTEGER, "actual": _INTEGER}),
        "AuditRow": _object({
            "seq": _INT64, "at_ns": _INT64, "event_id": _UUID, "source": _STRING, "action": {"enum": list(ACTIONS)},
            "replica": _STRING, "detail": {"type": "object"},
        }),
        "AuditEnd": _object({"end": {"const": True}, "count": _INT64, "last_seq": _INT64}),
    }  # fmt: skip


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "properties": required | optional, "required": list(required)}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


if __name__ == "__main__":
    sys.stdout.buffer.write(document_bytes())
