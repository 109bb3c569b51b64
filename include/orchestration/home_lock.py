"""One owner of a home folder's Airflow at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HomeInUseError(Exception):
    """Another process runs an Airflow in this home; the message names it."""


@contextmanager
def home_lock(folder: Path) -> Iterator[None]:
    """Hold ``folder/owner.pid`` for as long as the body runs.

    The lock is the kernel's, so an owner that died holds nothing, and the pid in the file is only for the message."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "owner.pid"
    with path.open("a+") as owner:
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner.seek(0)
            pid = owner.read().strip() or "unknown"
            raise HomeInUseError(
                f"{folder.parent} is in use by process {pid}; wait until it ends, stop it, or name another --home"
            ) from error
        owner.seek(0)
        owner.truncate()
        owner.write(f"{os.getpid()}\n")
        owner.flush()
        yield
