"""Which store an archive's place means."""

from functools import cache
from pathlib import Path
from typing import Any

from readiness.clients.stores.addresses import is_url
from readiness.clients.stores.folder import FolderStore
from readiness.clients.stores.objects import Failures, Objects
from readiness.clients.stores.remote import RemoteStore
from readiness.clients.stores.store import Store


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
