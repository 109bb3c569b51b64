"""The OpenAPI document (version 3.1) of vpn-core, built from the types and limits that the code uses.

It is served at /openapi.json; docs/vpn-core-openapi.json is the same bytes (``python -m
phantommesh.vpn_core.openapi``).
"""

import json
import sys
from typing import Any

from phantommesh import __version__
from phantommesh.vpn_core.network import MESH
from phantommesh.vpn_core.openapi_schemas import INT64, UUID, schemas
from phantommesh.vpn_core.requests import DEFAULT_LIMIT, MAX_BODY_BYTES, MAX_LIMIT


def document_bytes() -> bytes:
    """The document as it is served and kept."""
    return (json.dumps(document(), indent=2) + "\n").encode()


def document() -> dict[str, Any]:
    """The document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PhantomMesh vpn-core", "version": __version__,
            "description": f"The control plane of the mesh {MESH}: peers, WireGuard keys and configurations, "
            "quarantine and release, threat signals.",
        },
        "paths": _peers() | _quarantines() | {
            "/v1/signals": {"post": _post_signal(), "get": _get_signals()},
            "/openapi.json": {"get": {
                "operationId": "describe", "summary": "This document",
                "responses": {"200": _answer("OpenAPI 3.1", {"type": "object"})},
            }},
        },
        "components": {"schemas": schemas()},
    }  # fmt: skip


def _peers() -> dict[str, Any]:
    add = _operation("addPeer", "Register a peer; without a key a pair is made, the private one shown once", {
        "201": _answer("The peer; a private key only if it was made here", _ref("AddedPeer")),
        "409": _answer("The name, address or key is another peer's, or no address is left", _ref("BadRequest")),
    }, body="NewPeer")  # fmt: skip
    config = {"description": "wg-quick's format", "content": {"text/plain": {"schema": {"type": "string"}}}}
    one = [_path("peer_id")]
    return {
        "/v1/peers": {
            "get": _operation("listPeers", "Peers in the order of their registration", {
                "200": _answer("A page of peers", _ref("Peers"))}, _page(INT64 | {"minimum": 1, "maximum": MAX_LIMIT})),
            "post": add,
        },
        "/v1/peers/{peer_id}": {
            "get": _operation("getPeer", "One peer", {"200": _answer("The peer", _ref("Peer"))} | _missing(), one),
            "delete": _operation("removePeer", "Remove a peer; a quarantine of its address stays", {
                "200": _answer("It is removed", _ref("RemovedPeer"))} | _missing(), one),
        },
        "/v1/peers/{peer_id}/config": {
            "get": _operation("renderConfig", "Its WireGuard configuration: every peer that is not in quarantine, or "
                              "none if it is in quarantine itself", {"200": config} | _missing(), one),
        },
    }  # fmt: skip


def _quarantines() -> dict[str, Any]:
    one = [_path("key")]
    return {
        "/v1/quarantines": {
            "get": _operation("listQuarantines", "Quarantines in the order of their time, released ones too", {
                "200": _answer("A page of quarantines", _ref("Quarantines"))},
                _page(INT64 | {"minimum": 1, "maximum": MAX_LIMIT})),
        },
        "/v1/quarantines/{key}": {
            "get": _operation("getQuarantine", "One quarantine", {
                "200": _answer("The quarantine", _ref("Quarantine"))} | _missing(), one),
            "put": _operation("quarantine", "Quarantine an address and the peer that has it, once for a key", {
                "200": _answer("It is durable; new says whether this request did it", _ref("Quarantined")),
                "409": _answer("The key stands for another address; nothing was done", _ref("BadRequest")),
            }, one, body="NewQuarantine"),
            "delete": _operation("release", "End a quarantine; the address is free when no other key holds it", {
                "200": _answer("The key holds the address no longer", _ref("Released"))} | _missing(), one),
        },
    }  # fmt: skip


def _post_signal() -> dict[str, Any]:
    return _operation("addSignal", "Report a threat; answered after the commit that made it durable", {
        "201": _answer("The signal is durable", _ref("AddedSignal"))}, body="NewSignal")  # fmt: skip


def _get_signals() -> dict[str, Any]:
    lines = {"application/x-ndjson": {"schema": {"anyOf": [_ref("Signal"), _ref("SignalsEnd")]}}}
    return _operation("readSignals", "Signals in the order of seq, one a line; the last line says that it is whole", {
        "200": {"description": "One line for each signal, then the end", "content": lines}}, _page(INT64))  # fmt: skip


def _operation(
    name: str, summary: str, responses: dict[str, Any], parameters: list[dict[str, Any]] | None = None,
    body: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    always = {
        "400": _answer("Not legal: why, and where", _ref("BadRequest")),
        "503": _answer("The database cannot be reached; asking again is safe", _ref("Error")),
    }
    described: dict[str, Any] = {"operationId": name, "summary": summary}
    if parameters:
        described["parameters"] = parameters
    if body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
        always["413"] = _answer(f"A body of over {MAX_BODY_BYTES} bytes", _ref("TooLarge"))
    return described | {"responses": dict(sorted((always | responses).items()))}


def _missing() -> dict[str, Any]:
    return {"404": _answer("There is no such thing", _ref("Error"))}


def _page(limit: dict[str, Any]) -> list[dict[str, Any]]:
    default = f"{DEFAULT_LIMIT} by default" if limit.get("minimum") else "all by default"
    return [
        _parameter("after", INT64, "Only what comes after this number; 0 by default"),
        _parameter("limit", limit, f"How many at most; {default}"),
    ]


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": UUID}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


if __name__ == "__main__":
    sys.stdout.buffer.write(document_bytes())
