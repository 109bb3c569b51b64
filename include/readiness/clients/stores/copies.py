"""What this process took from a store: local files that live as long as the process and serve no other."""

import fcntl
import shutil
import tempfile
from pathlib import Path
from typing import TextIO

from readiness.clients.stores.objects import Objects, Stamp

_PREFIX = "copies-"


class Copies:
    """Local copies of objects, in a folder of their own below ``room``.

    A copy is used again only while the listing says that the object is the one it was taken from. A process that ends
    removes its copies; those of one that was killed are removed by the next."""

    def __init__(self, objects: Objects, room: Path) -> None:
        self._objects, self._room = objects, room
        self._taken: dict[str, tuple[Stamp, Path]] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._lock: TextIO | None = None

    def of(self, key: str, stamp: Stamp) -> Path:
        """The object's content as a local file. Raises FileNotFoundError if it is gone meanwhile."""
        taken = self._taken.get(key)
        if taken is not None and taken[0] == stamp:
            return taken[1]
        # A folder for each copy: an object's name is whatever its writer chose, and must not lead out of here.
        name = key.rsplit("/", 1)[-1]
        path = Path(tempfile.mkdtemp(dir=self._home())) / (name if name not in ("", ".", "..") else "object")
        self._objects.fetch(key, path)
        if taken is not None:
            shutil.rmtree(taken[1].parent)
        self._taken[key] = (stamp, path)
        return path

    def _home(self) -> Path:
        if self._folder is None:
            self._room.mkdir(parents=True, exist_ok=True)
            _remove_orphans(self._room)
            self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=self._room)
            self._lock = (Path(self._folder.name) / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)  # held as long as this process lives
        return Path(self._folder.name)


def _remove_orphans(room: Path) -> None:
    for folder in room.glob(f"{_PREFIX}*"):
        try:
            with (folder / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        except OSError:
            continue  # its process lives, or begins or ends just now
