"""The OpenAPI document (version 3.1) of the public interface, built from the types and limits that the code uses.

It is served at /openapi.json; docs/openapi.json is the same bytes (``python -m phantommesh.automation.openapi``).
"""

import json
import sys
from typing import Any

from phantommesh import __version__
from phantommesh.automation import openapi_incidents
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
from phantommesh.config.model import Limits

ACTIONS = (
    "received", "assessed", "incident_opened", "incident_joined", "delivered", "delivery_failed",
    "incident_acknowledged", "incident_escalated", "incident_resolved", "remediated", "remediation_failed",
    "remediation_dry_run",
)  # fmt: skip


def document_bytes(limits: Limits) -> bytes:
    """The document as it is served, and for production as it is kept."""
    return (json.dumps(document(limits), indent=2) + "\n").encode()


def document(limits: Limits) -> dict[str, Any]:
    """The document of a service with these limits."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PhantomMesh automation", "version": __version__,
            "description": "Takes Suricata EVE alerts, makes them durable, assesses them and alerts people.",
        },
        "paths": {
            "/v1/events": {"post": _post_events(limits)},
            "/v1/audit": {"get": _get_audit()},
            **openapi_incidents.paths(),
            "/openapi.json": {"get": {
                "operationId": "describe", "summary": "This document",
                "responses": {"200": answer("OpenAPI 3.1", {"type": "object"})},
            }},
        },
        "components": {"schemas": _schemas() | openapi_incidents.schemas()},
    }  # fmt: skip


def _post_events(limits: Limits) -> dict[str, Any]:
    one_or_many = {"oneOf": [ref("Event"), {"type": "array", "items": ref("Event"), "maxItems": limits.max_array, "minItems": 1}]}  # fmt: skip # noqa: E501
    retry = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}}
    return {
        "operationId": "postEvents",
        "summary": "Hand in one alert or many; answered after the commit that made them durable",
        "requestBody": {"required": True, "content": {"application/json": {"schema": one_or_many}}},
        "responses": {
            "202": answer("Every event is durable", {"oneOf": [ref("Accepted"), ref("Results")]}),
            "207": answer("Some events of the array are bad, the others are durable", ref("Results")),
            "400": answer("No event of it is good; nothing was stored", ref("BadRequest")),
            "413": answer(
                f"An event over {limits.max_event_bytes} bytes, an array of over {limits.max_array}, or a body over both; "  # noqa: E501
                "nothing was stored", ref("TooLarge"),
            ),
            "429": answer("The queue is full; nothing was stored", ref("Error")) | {"headers": retry},
            "503": answer("Not ready, or the database cannot be reached; nothing is acknowledged", ref("Error")),
        },
    }  # fmt: skip


def _get_audit() -> dict[str, Any]:
    parameters = [
        parameter("source", STRING, "Only events of this source; without it all"),
        parameter("after", INT64, "Only rows with a greater seq; 0 by default"),
        parameter("limit", INT64, "At most so many rows; without it all"),
    ]
    lines = {"application/x-ndjson": {"schema": {"anyOf": [ref("AuditRow"), ref("AuditEnd")]}}}
    return {
        "operationId": "readAudit",
        "summary": "The audit trail in the order of seq, one JSON document a line; the last says that it is whole",
        "parameters": parameters,
        "responses": {
            "200": {"description": "One line of the schema for each row, then the end", "content": lines},
            "400": answer("A parameter is not legal", ref("BadRequest")),
            "503": answer("The database cannot be reached", ref("Error")),
        },
    }


def _schemas() -> dict[str, Any]:
    alert = object_of({
        "signature_id": INT64, "signature": STRING, "category": STRING,
        "severity": {"type": "integer", "minimum": 1, "maximum": 255, "description": "1 is worst"},
    })  # fmt: skip
    event = object_of(
        {
            "timestamp": {"type": "string", "description": "ISO 8601 with offset, as Suricata writes it"},
            "event_type": {"const": "alert"}, "src_ip": ADDRESS, "dest_ip": ADDRESS, "proto": STRING, "alert": alert,
        },
        flow_id=INTEGER, src_port=INTEGER, dest_port=INTEGER,
        event_id=UUID | {"description": "Absent: derived from the content (UUID version 5)"},
        host={"type": "string", "maxLength": 200, "description": "The sensor: the event's source"},
    )  # fmt: skip
    known = {"enum": ["accepted", "duplicate"]}
    index = {"type": "integer", "minimum": 0}
    good = object_of({"index": index, "event_id": UUID, "status": known})
    bad = object_of({"index": index, "status": {"const": "rejected"}, "code": {"enum": [400, 413]}, "reason": STRING})
    results = {"type": "array", "items": {"oneOf": [good, bad]}}
    position = {"type": ["integer", "string"], "description": "The byte, or the field's path"}
    return {
        "Event": event,
        "Accepted": object_of({"event_id": UUID, "status": known}),
        "Results": object_of({"results": results}),
        "Error": object_of({"error": STRING}),
        "BadRequest": object_of({"error": STRING}, position=position, results=results),
        "TooLarge": object_of({"error": STRING, "limit": INTEGER, "actual": INTEGER}),
        "AuditRow": object_of({
            "seq": INT64, "at_ns": INT64, "event_id": UUID, "source": STRING, "action": {"enum": list(ACTIONS)},
            "replica": STRING, "detail": {"type": "object"},
        }),
        "AuditEnd": object_of({"end": {"const": True}, "count": INT64, "last_seq": INT64}),
    }  # fmt: skip


if __name__ == "__main__":
    from phantommesh.config.load import PRODUCTION, load

    sys.stdout.buffer.write(document_bytes(load(PRODUCTION, {}).limits))
