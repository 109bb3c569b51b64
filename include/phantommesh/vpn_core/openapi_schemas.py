"""The schemas of vpn-core's OpenAPI document: every body that goes in or out."""

from typing import Any

from phantommesh.vpn_core.network import MESH
from phantommesh.vpn_core.requests import KIND_PATTERN, MAX_BIGINT, MAX_DETAIL_BYTES, NAME_PATTERN

UUID: dict[str, Any] = {"type": "string", "format": "uuid"}
INT64: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": MAX_BIGINT}
_STRING: dict[str, Any] = {"type": "string"}
_ADDRESS: dict[str, Any] = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
_MESH_ADDRESS: dict[str, Any] = {"type": "string", "format": "ipv4", "description": f"A host of {MESH}"}
_KEY: dict[str, Any] = {
    "type": "string",
    "pattern": "^[A-Za-z0-9+/]{43}=$",
    "description": "X25519, 32 bytes in base64",
}
_STATE: dict[str, Any] = {"enum": ["quarantined", "released"]}


def schemas() -> dict[str, Any]:
    """Name -> schema."""
    return _of_peers() | _of_quarantines() | _of_signals() | {
        "Error": _object({"error": _STRING}),
        "BadRequest": _object({"error": _STRING, "position": {
            "type": ["integer", "string"], "description": "The byte of the body, the field's path, or the parameter"}}),
        "TooLarge": _object({"error": _STRING, "limit": INT64}),
    }  # fmt: skip


def _of_peers() -> dict[str, Any]:
    name = {"type": "string", "pattern": _ecma(NAME_PATTERN)}
    endpoint = {"type": ["string", "null"], "description": "host:port or [IPv6]:port"}
    known = {"peer_id": UUID, "name": name, "address": _MESH_ADDRESS, "public_key": _KEY, "endpoint": endpoint}
    peer = _object(known | {"created_at_ns": INT64, "quarantined": {"type": "boolean"}})
    return {
        "NewPeer": _closed(_object({"name": name}, address=_or_null(_MESH_ADDRESS), public_key=_or_null(_KEY),
                                   endpoint=endpoint)),
        "AddedPeer": _object(known, private_key=_KEY),
        "Peer": peer,
        "Peers": _object({"peers": {"type": "array", "items": peer}, "next_after": _next()}),
        "RemovedPeer": _object({"peer_id": UUID, "state": {"const": "removed"}}),
    }  # fmt: skip


def _of_quarantines() -> dict[str, Any]:
    brief = {"key": UUID, "address": _ADDRESS, "peer_id": _or_null(UUID), "state": _STATE}
    whole = _object(
        brief | {"reason": _STRING, "quarantined_at_ns": INT64, "released_at_ns": {"type": ["integer", "null"]}}
    )
    reason = {"type": "string", "minLength": 1, "maxLength": 500}
    return {
        "NewQuarantine": _closed(_object({"address": _ADDRESS, "reason": reason})),
        "Quarantined": _object(brief | {"new": {"type": "boolean"}}),
        "Released": _object(brief),
        "Quarantine": whole,
        "Quarantines": _object({"quarantines": {"type": "array", "items": whole}, "next_after": _next()}),
    }


def _of_signals() -> dict[str, Any]:
    kind = {"type": "string", "pattern": _ecma(KIND_PATTERN)}
    detail = {"type": "object", "description": f"At most {MAX_DETAIL_BYTES} bytes"}
    return {
        "NewSignal": _closed(_object({"address": _ADDRESS, "kind": kind}, detail=detail)),
        "AddedSignal": _object({"seq": INT64, "at_ns": INT64}),
        "Signal": _object({"seq": INT64, "at_ns": INT64, "address": _ADDRESS, "kind": kind, "detail": detail}),
        "SignalsEnd": _object({"end": {"const": True}, "count": INT64, "last_seq": INT64}),
    }


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "properties": required | optional, "required": list(required)}


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {"additionalProperties": False}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _next() -> dict[str, Any]:
    return {"type": ["integer", "null"], "description": "after for the next page; null: there is none"}


def _ecma(pattern: str) -> str:
    """JSON Schema's regular expressions know no \\Z."""
    return pattern.replace(r"\Z", "$")
