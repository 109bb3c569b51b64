"""What clients may send: bodies, identifiers in paths, queries. Everything else is a BadRequestError with its place."""

import re
import uuid
from typing import Annotated, TypeVar
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta

from phantommesh.automation.events import decode_error
from phantommesh.vpn_core.keys import is_public_key
from phantommesh.vpn_core.network import MESH, canonical, number_of

MAX_BODY_BYTES = 64 * 1024
MAX_DETAIL_BYTES = 16 * 1024
MAX_LIMIT = 10_000
DEFAULT_LIMIT = 1_000
MAX_BIGINT = 2**63 - 1
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z"
KIND_PATTERN = r"^[a-z][a-z0-9_-]{0,62}\Z"
# A host name (RFC 1123), an IPv4 address, or an IPv6 address in brackets; the port is checked as a number.
_ENDPOINT = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)):([0-9]{1,5})")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
T = TypeVar("T", bound=msgspec.Struct)


class BadRequestError(ValueError):
    """A request is not legal. position: the field's path, the parameter, or a byte of the body."""

    def __init__(self, reason: str, position: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


class NewPeer(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The body of POST /v1/peers."""

    name: Annotated[str, Meta(pattern=NAME_PATTERN)]
    public_key: str | None = None
    address: str | None = None
    endpoint: str | None = None


class NewQuarantine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The body of PUT /v1/quarantines/{key}."""

    address: str
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class NewSignal(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/signals."""

    address: str
    kind: Annotated[str, Meta(pattern=KIND_PATTERN)]
    detail: msgspec.Raw = msgspec.Raw(b"{}")


_new_peer = msgspec.json.Decoder(NewPeer)
_new_quarantine = msgspec.json.Decoder(NewQuarantine)
_new_signal = msgspec.json.Decoder(NewSignal)
_any_object = msgspec.json.Decoder(dict[str, object])


def new_peer(body: bytes) -> NewPeer:
    """Check a body; the address becomes canonical. Raises BadRequestError."""
    asked = _decoded(_new_peer, body)
    if asked.public_key is not None and not is_public_key(asked.public_key):
        raise BadRequestError("not a WireGuard public key (an X25519 point, 32 bytes in base64)", "public_key")
    if asked.address is not None:
        asked.address = _address(asked.address)
        if number_of(asked.address) is None:
            raise BadRequestError(f"{asked.address} is no host of the mesh's network {MESH}", "address")
    if asked.endpoint is not None and not _is_endpoint(asked.endpoint):
        raise BadRequestError("not an endpoint; legal are host:port and [IPv6]:port, port 1 to 65535", "endpoint")
    return asked


def new_quarantine(body: bytes) -> NewQuarantine:
    """Check a body; the address becomes canonical. Raises BadRequestError."""
    asked = _decoded(_new_quarantine, body)
    asked.address = _address(asked.address)
    if "\0" in asked.reason:
        raise BadRequestError("holds the character NUL", "reason")
    return asked


def new_signal(body: bytes) -> NewSignal:
    """Check a body; the address becomes canonical, the detail compact. Raises BadRequestError."""
    asked = _decoded(_new_signal, body)
    asked.address = _address(asked.address)
    raw = bytes(asked.detail)
    if len(raw) > MAX_DETAIL_BYTES:
        raise BadRequestError(f"has {len(raw)} bytes, {MAX_DETAIL_BYTES} are allowed", "detail")
    try:
        asked.detail = msgspec.Raw(msgspec.json.encode(_any_object.decode(raw)))
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as error:
        raise BadRequestError(f"not a JSON object that can be kept ({error})", "detail") from error
    return asked


def identity(text: str, name: str) -> uuid.UUID:
    """A UUID in a path, written with hyphens. Raises BadRequestError."""
    if not _UUID.fullmatch(text):
        raise BadRequestError(f"{text[:60]!r} is not a UUID", name)
    return uuid.UUID(text)


def page(query_string: bytes, default_limit: int | None = DEFAULT_LIMIT) -> tuple[int, int | None]:
    """after and limit of a query. default_limit None: everything, and no upper bound. Raises BadRequestError."""
    try:
        query = parse_qs(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise BadRequestError("not a legal query string", "query") from error
    for name in query:
        if name not in ("after", "limit"):
            raise BadRequestError("unknown parameter; legal are after, limit", name[:40])
    after = _whole_number(query.get("after"), "after", 0, MAX_BIGINT)
    most = MAX_BIGINT if default_limit is None else MAX_LIMIT
    limit = _whole_number(query.get("limit"), "limit", 0 if default_limit is None else 1, most)
    return after or 0, default_limit if limit is None else limit


def _whole_number(given: list[str] | None, name: str, least: int, most: int) -> int | None:
    if given is None:
        return None
    text = given[-1]
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not least <= int(text) <= most:
        raise BadRequestError(f"must be a whole number from {least} to {most}", name)
    return int(text)


def _decoded(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        found = decode_error(error, len(body))
        raise BadRequestError(found.reason, found.position) from error


def _address(text: str) -> str:
    address = canonical(text)
    if address is None:
        raise BadRequestError(f"{text[:60]!r} is not an IPv4 or IPv6 address", "address")
    return address


def _is_endpoint(text: str) -> bool:
    matched = _ENDPOINT.fullmatch(text)
    if matched is None or not 1 <= int(matched[3]) <= 65535:
        return False
    return matched[1] is None or canonical(matched[1]) is not None
