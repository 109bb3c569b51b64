"""What people may ask of incidents, and what is said to those who ask for something else."""

import uuid
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta

from phantommesh.automation.assess import LEVELS
from phantommesh.automation.events import decode_error
from phantommesh.automation.http import Receive
from phantommesh.database.incident_statements import STATES

MAX_BODY_BYTES = 16 * 1024
MAX_LIMIT = 2**63 - 1
RESOLUTIONS = ("true_positive", "false_positive", "duplicate", "other")
# PostgreSQL's text cannot hold NUL; a name of blanks names nobody.
Who = Annotated[str, Meta(max_length=200, pattern=r"\A[^\x00]*[^\x00\s][^\x00]*\Z")]
Note = Annotated[str, Meta(max_length=2000, pattern=r"\A[^\x00]*\Z")]
_PARAMETERS = ("state", "level", "after", "limit")


class Acknowledgement(msgspec.Struct, forbid_unknown_fields=True):
    """Body of an acknowledgement."""

    by: Who


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a resolution."""

    by: Who
    resolution: Literal["true_positive", "false_positive", "duplicate", "other"]
    note: Note = ""


class Query(msgspec.Struct):
    """Which incidents are asked for."""

    state: str | None
    level: str | None
    after: uuid.UUID | None
    limit: int | None


class RequestError(ValueError):
    """A request is not legal, or cannot be fulfilled. document: what is answered with the status."""

    def __init__(self, status: int, error: str, **more: object) -> None:
        super().__init__(error)
        self.status = status
        self.document = {"error": error, **more}


def read_query(query_string: bytes) -> Query:
    """Raises RequestError."""
    try:
        query = parse_qs(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise RequestError(400, "query: not a legal query string", position="query") from error
    for name in query:
        if name not in _PARAMETERS:
            raise _bad(name[:40], f"unknown parameter; legal are {', '.join(_PARAMETERS)}")
    values = {name: found[-1] for name, found in query.items()}
    state, level, limit = (values.get(name) for name in ("state", "level", "limit"))
    if state is not None and state not in STATES:
        raise _bad("state", f"must be one of {', '.join(STATES)}")
    if level is not None and level not in LEVELS:
        raise _bad("level", f"must be one of {', '.join(LEVELS)}")
    if limit is not None and not (limit.isascii() and limit.isdigit() and len(limit) < 20 and int(limit) <= MAX_LIMIT):
        raise _bad("limit", f"must be a whole number from 0 to {MAX_LIMIT}")
    after = values.get("after")
    return Query(
        state, level, None if after is None else read_id(after, "after"), None if limit is None else int(limit)
    )


def read_id(text: str, position: str) -> uuid.UUID:
    """An incident's id as it is written everywhere: 36 characters. Raises RequestError."""
    try:
        identity = uuid.UUID(text)
    except ValueError:
        identity = None
    if identity is None or str(identity) != text.lower():
        raise _bad(position, "must be the id of an incident, such as 123e4567-e89b-42d3-a456-426614174000")
    return identity


async def read_body(receive: Receive, legal: type[Any]) -> Any:
    """The body as `legal`; None when the client went away. Raises RequestError."""
    body, size = b"", 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            body += part
        if not message.get("more_body"):
            break
    if size > MAX_BODY_BYTES:
        raise RequestError(413, f"a body may have {MAX_BODY_BYTES} bytes", limit=MAX_BODY_BYTES, actual=size)
    try:
        return msgspec.json.decode(body, type=legal)
    except (msgspec.DecodeError, RecursionError) as error:
        found = decode_error(error, size)
        raise RequestError(400, found.reason, position=found.position) from error


def _bad(position: str, reason: str) -> RequestError:
    return RequestError(400, f"{position}: {reason}", position=position)
