"""The file that `phantommesh intelligence import` reads.

    {"source": "name of the list", "indicators": [
        {"address": "198.51.100.0/24", "kind": "botnet", "risk_add": 2.0, "expires_at": "2027-01-31T00:00:00Z"}, ...]}

`expires_at` may be absent: then it never expires. The file is the whole of what its source says: what the source said
before and says no more is forgotten.
"""

import ipaddress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from phantommesh.threat_model.intelligence import Indicator

MAX_FILE_BYTES = 256 * 1024 * 1024
_LEGAL = 'legal is {"source", "indicators": [{"address", "kind", "risk_add": above 0 to 10, "expires_at" (optional)}]}'


class IntelligenceError(ValueError):
    """A file cannot be used; the message is one line: file, place, value, what is legal."""


class IntelligenceFile(msgspec.Struct, frozen=True):
    """All indicators of one source, none twice."""

    source: str
    indicators: tuple[Indicator, ...]


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    address: str
    kind: Annotated[str, Meta(min_length=1, max_length=60)]
    risk_add: Annotated[float, Meta(gt=0, le=10)]
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    source: Annotated[str, Meta(min_length=1, max_length=200)]
    indicators: list[_Entry]


def read_file(path: Path) -> IntelligenceFile:
    """A checked file. Of entries with one network and one kind the strongest counts. Raises IntelligenceError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise IntelligenceError(f"{path}: larger than {MAX_FILE_BYTES} bytes; split it by source")
        raw = path.read_bytes()
    except OSError as error:
        raise IntelligenceError(f"{path}: cannot be read ({error.strerror}); name another file") from error
    try:
        file = msgspec.json.decode(raw, type=_File)
    except (msgspec.DecodeError, RecursionError) as error:
        raise IntelligenceError(f"{path}: {error}; {_LEGAL}") from error
    strongest: dict[tuple[str, str], Indicator] = {}
    for position, entry in enumerate(file.indicators):
        indicator = _indicator(f"{path}: indicators[{position}]", file.source, entry)
        key = indicator.network, indicator.kind
        if key not in strongest or indicator.risk_add > strongest[key].risk_add:
            strongest[key] = indicator
    if any("\0" in text for key in strongest for text in (*key, file.source)):
        raise IntelligenceError(f"{path}: holds the character NUL, which cannot be stored; remove it")
    return IntelligenceFile(file.source, tuple(strongest.values()))


def _indicator(where: str, source: str, entry: _Entry) -> Indicator:
    try:
        network = ipaddress.ip_network(entry.address)
    except ValueError as error:
        raise IntelligenceError(
            f"{where}: {entry.address[:60]!r} is no address or network ({error}); legal are 192.0.2.1, 2001:db8::/32"
        ) from error
    if "%" in entry.address:
        raise IntelligenceError(f"{where}: {entry.address[:60]!r} has a zone; write it without")
    expires = None if entry.expires_at is None else int(entry.expires_at.timestamp()) * 1_000_000_000
    return Indicator(str(network), entry.kind, entry.risk_add, source, expires)
