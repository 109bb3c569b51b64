"""How an archive's place is written: a folder, ``s3://bucket/prefix``, or ``memory://name`` within one process.

Every command and every DAG reads this; it imports nothing heavy.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

_URL = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
LEGAL = "a folder, file:///folder, or s3://bucket/prefix"


class PlaceError(ValueError):
    """Not an archive's place; the message says which are legal."""


def is_url(place: str) -> bool:
    """Whether it is an address rather than a folder's path."""
    return _URL.match(place) is not None


def checked_place(place: str) -> str:
    """The place in one form: a folder's absolute path, or an address without an end in '/'. Raises PlaceError."""
    if not is_url(place):
        return str(Path(place).expanduser().absolute())
    parts = urlsplit(place)
    if "@" in parts.netloc:
        raise PlaceError("the archive's address holds credentials, which would be shown and logged; leave them out and "
                         "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")  # fmt: skip
    if parts.query or parts.fragment:
        raise PlaceError(f"the archive {place!r}: '?' and '#' have no meaning there; legal are {LEGAL}")
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return str(Path(parts.path).absolute())
    path = parts.path.strip("/")
    if parts.scheme not in ("s3", "memory") or not parts.netloc or "//" in path or ".." in path.split("/"):
        raise PlaceError(f"the archive {place!r} cannot be used; legal are {LEGAL}")
    return f"{parts.scheme}://{parts.netloc}{'/' if path else ''}{path}"
