"""A stream of JSON lines whose last line says that it is whole."""

import http.client
from collections.abc import Iterator
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from instruments.address import measurable

_READ_BYTES = 1 << 20
T = TypeVar("T")


class CutShortError(Exception):
    """A stream ended before its last line."""


def read_lines(url: str, source: str | None, row: type[T], timeout_s: float = 120.0) -> Iterator[list[T]]:
    """The rows of a source (None: all), a piece at a time. Raises CutShortError when the end, or a row, is missing."""
    address = measurable(url)
    query = "" if source is None else f"?source={quote(source, safe='')}"
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    decoder: Any = msgspec.json.Decoder(row)
    count, rest = 0, b""
    try:
        connection.request("GET", f"{address.path}{query}", headers={"Connection": "close"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise CutShortError(f"{url}: {answer.status} {answer.read(500)!r}")
        while piece := answer.read1(_READ_BYTES):
            rest += piece
            # The last line is kept back: only what ends the whole answer can be its end.
            cut = rest.rfind(b"\n", 0, len(rest) - 1) + 1
            if cut:
                rows = decoder.decode_lines(rest[:cut])
                count += len(rows)
                rest = rest[cut:]
                yield rows
    except http.client.HTTPException as error:
        raise CutShortError(f"{url}: {error!r}") from error
    finally:
        connection.close()
    last = msgspec.json.decode(rest) if rest else {}
    if last.get("end") is not True or last.get("count") != count:
        raise CutShortError(f"{url}: {count} rows, and then {rest[:200]!r}")
