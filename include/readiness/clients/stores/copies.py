"""What this process took from a store: local files that live as long as the store in it and serve no other."""

import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path

from readiness.clients.stores.objects import Objects, Stamp

_PREFIX, _LOCK = "copies-", ".lock"


class Copies:
    """Local copies of objects, in a folder of their own below ``room``.

    A copy is used again only while the listing says that the object is the one it was taken from. A process that ends
    removes its copies; those of one that was killed are removed by the next."""

    def __init__(self, objects: Objects, room: Path) -> None:
        self._objects, self._room = objects, room
        self._taken: dict[str, tuple[Stamp, Path]] = {}
        self._folder: Path | None = None

    def of(self, key: str, stamp: Stamp) -> Path:
        """The object's content as a local file. Raises AbsentError if it is gone meanwhile."""
        taken = self._taken.get(key)
        if taken is not None and taken[0] == stamp:
            return taken[1]
        # A folder for each copy: an object's name is whatever its writer chose, and must not lead out of here.
        name = key.rsplit("/", 1)[-1]
        path = Path(tempfile.mkdtemp(dir=self._own_folder())) / (name if name not in ("", ".", "..") else "object")
        self._objects.fetch(key, path)
        if taken is not None:
            shutil.rmtree(taken[1].parent)
        self._taken[key] = (stamp, path)
        return path

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._room.mkdir(parents=True, exist_ok=True)
            _remove_orphans(self._room)
            lock, name = tempfile.mkstemp(_LOCK, _PREFIX, self._room)
            fcntl.flock(lock, fcntl.LOCK_EX)  # held as long as this process lives; before there is a folder to remove
            self._folder = Path(name.removesuffix(_LOCK))
            self._folder.mkdir()
            weakref.finalize(self, _let_go, self._folder, Path(name), lock)
        return self._folder


def _let_go(folder: Path, lock_file: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what cannot be removed now is an orphan, for the next to remove
    if not folder.exists():
        lock_file.unlink(missing_ok=True)
    os.close(lock)


def _remove_orphans(room: Path) -> None:
    """Those of processes that were killed: nobody holds their locks."""
    for lock_file in room.glob(f"{_PREFIX}*{_LOCK}"):
        try:
            with lock_file.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                folder = room / lock_file.name.removesuffix(_LOCK)
                if folder.exists():
                    shutil.rmtree(folder)
                lock_file.unlink()
        except OSError:
            continue  # its process lives, or another removes it just now
