"""Which store an archive's place means: a folder, ``s3://bucket/prefix``, or ``memory://name`` within one process."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from readiness.clients.stores.folder import FolderStore
from readiness.clients.stores.objects import Failures, Objects
from readiness.clients.stores.remote import RemoteStore
from readiness.clients.stores.store import Store

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


def open_store(place: str, room: Path) -> Store:
    """The store at a checked place. ``room``: a local folder for what a remote one is given and gives."""
    if not is_url(place):
        return FolderStore(Path(place))
    scheme, root = place.split("://", 1)
    return RemoteStore(_s3(root, place) if scheme == "s3" else _memory(root, place), room)


@cache
def _s3(root: str, place: str) -> Objects:
    """One connection for a whole process."""
    from readiness.clients.stores.s3 import PATIENCE_S, s3_failures, s3_filesystem

    return Objects(s3_filesystem(), root, place, s3_failures(), PATIENCE_S)


def _memory(root: str, place: str) -> Objects:
    import fsspec

    def never(_error: Exception) -> bool:
        return False

    failures = Failures(never, lambda error: isinstance(error, FileNotFoundError),
                        lambda error: isinstance(error, FileExistsError), str)  # fmt: skip
    filesystem: Any = fsspec.filesystem("memory")
    return Objects(filesystem, f"/{root}", place, failures, 0.0)
