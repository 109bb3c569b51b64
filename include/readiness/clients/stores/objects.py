"""Objects of an fsspec file system below one prefix: listed, read, written, created once. Nothing is renamed, deleted
or cached, for S3 has no rename, least rights have no delete, and a cached listing would hide what happened since.
"""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from readiness.clients.stores.store import StoreError

T = TypeVar("T")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 2.0
_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)


class AbsentError(Exception):
    """There is no such object."""


@dataclass(frozen=True)
class Stamp:
    """What a listing tells of an object's content without its bytes. It differs when the object was written again."""

    size_bytes: int
    tag: str
    written: str


@dataclass(frozen=True)
class Failures:
    """What the errors of a file system mean. ``passing``: it may work in a moment; ``absent``: there is no such object;
    ``taken``: it is there already, so it was not created; ``explain``: in words for people, with what to do."""

    passing: Callable[[Exception], bool]
    absent: Callable[[Exception], bool]
    taken: Callable[[Exception], bool]
    explain: Callable[[Exception], str]


class Objects:
    """The objects below ``root`` (a path of the file system, without an end in '/'). Keys are relative to it. Raises
    StoreError when the store is still away after ``patience_s``, or refuses; OSError where the local disk cannot be
    used."""

    def __init__(self, filesystem: Any, root: str, place: str, failures: Failures, patience_s: float) -> None:
        self._fs, self._root, self.place = filesystem, root, place
        self._failures, self.patience_s = failures, patience_s

    def list(self, prefix: str) -> dict[str, Stamp]:
        """Every object below the prefix by its key. Strongly consistent on S3: what was written before is in it."""
        start = f"{self._root}/"
        found = self._ask(lambda: self._found(f"{start}{prefix}/"), absent_is_error=True) or {}
        return {name[len(start) :]: _stamp(facts) for name, facts in found.items()}

    def groups(self, prefix: str) -> tuple[str, ...]:
        """The next part of the names below the prefix, each once, in the order of the names."""
        entries = self._ask(lambda: self._fs.ls(f"{self._root}/{prefix}", detail=True)) or []
        names = (entry["name"].rstrip("/") for entry in entries if entry["type"] == "directory")
        return tuple(sorted(name.rsplit("/", 1)[-1] for name in names))

    def read(self, key: str) -> bytes:
        """The object's bytes. Raises AbsentError."""
        data: bytes | None = self._ask(lambda: self._fs.cat_file(f"{self._root}/{key}"))
        if data is None:
            raise AbsentError(f"{self.place}/{key}")
        return data

    def fetch(self, key: str, path: Path) -> None:
        """The object as a local file. Raises AbsentError."""

        def copy() -> bool:
            self._fs.get_file(f"{self._root}/{key}", str(path))
            return True

        if not self._ask(copy):
            raise AbsentError(f"{self.place}/{key}")

    def write(self, path: Path, key: str) -> None:
        """Make the local file the object."""
        self._ask(lambda: self._fs.put_file(str(path), f"{self._root}/{key}"), absent_is_error=True)

    def create(self, key: str, data: bytes) -> bool:
        """Make the object unless there is one; whether it was made. Of several that create it at once one succeeds. An
        answer that was lost on its way is asked for again: what is there counts as made if it is just this."""
        made = self._ask(lambda: self._created(f"{self._root}/{key}", data), absent_is_error=True)
        if made:
            return True
        try:
            return self.read(key) == data
        except AbsentError:
            return False  # removed since: whoever does that is no writer to share an attempt with

    def refuses_a_second(self, key: str, data: bytes) -> bool:
        """Whether the store refuses to create this object, which is there with this content, once more."""
        return not self._ask(lambda: self._created(f"{self._root}/{key}", data), absent_is_error=True)

    def _found(self, start: str) -> dict[str, Any]:
        found: dict[str, Any] = self._fs.find(start.rstrip("/"), detail=True)
        return {name: facts for name, facts in found.items() if name.startswith(start)}

    def _created(self, name: str, data: bytes) -> bool:
        try:
            self._fs.pipe_file(name, data, mode="create")
        except Exception as error:
            if not self._failures.taken(error):
                raise
            return False
        return True

    def _ask(self, ask: Callable[[], T], *, absent_is_error: bool = False) -> T | None:
        """The answer; None where there is no such object. Asks again while the store is away, until patience ends."""
        ends_s, pause_s = time.monotonic() + self.patience_s, _FIRST_PAUSE_S
        while True:
            try:
                return ask()
            except Exception as error:
                if _is_of_this_machine(error):
                    raise
                if not absent_is_error and self._failures.absent(error):
                    return None
                if not self._failures.passing(error) or time.monotonic() + pause_s > ends_s:
                    raise StoreError(f"{self.place}: {self._failures.explain(error)}") from error
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _is_of_this_machine(error: Exception) -> bool:
    """Whether it tells of the local file that was to be read or written: only such errors name one."""
    return isinstance(error, OSError) and (error.filename is not None or error.errno in _DISK_IS_FULL)


def _stamp(facts: dict[str, Any]) -> Stamp:
    written = facts.get("LastModified") or facts.get("created") or ""
    return Stamp(int(facts["size"]), str(facts.get("ETag") or ""), str(written))
