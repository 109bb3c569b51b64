"""An archive in a folder: an attempt is made by mkdir, which one writer wins, and sealed by rename, which is whole."""

import os
from pathlib import Path

from readiness.clients.stores.store import SEAL_NAME, Attempt, SealedAlreadyError, StageKey, attempt_number


class FolderStore:
    """See Store. Files are written where they stay."""

    is_folder = True
    patience_s = 0.0

    def __init__(self, root: Path) -> None:
        self._root = root
        self.place = str(root)

    def runs(self) -> tuple[str, ...]:
        """See Store."""
        folder = self._root / "runs"
        found = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
        return tuple(path.name for path in sorted(found, key=lambda path: (path.stat().st_ctime_ns, path.name)))

    def begin(self, key: StageKey) -> tuple[Attempt, Path]:
        """See Store."""
        (self._root / key.path).mkdir(parents=True, exist_ok=True)
        number = max(self._numbers(key), default=0) + 1
        while True:
            attempt = Attempt(key, number)
            try:
                self.folder(attempt).mkdir()
            except FileExistsError:
                number += 1
                continue
            return attempt, self.folder(attempt)

    def finish(self, attempt: Attempt, folder: Path, seal: bytes) -> None:  # noqa: ARG002 - it is the folder's
        """See Store."""
        if (folder / SEAL_NAME).exists():
            raise SealedAlreadyError
        partial = folder / (SEAL_NAME + ".partial")
        with partial.open("wb") as sink:
            sink.write(seal)
            sink.flush()
            os.fsync(sink.fileno())
        partial.rename(folder / SEAL_NAME)

    def sealed(self, key: StageKey) -> tuple[Attempt, ...]:
        """See Store."""
        attempts = (Attempt(key, number) for number in sorted(self._numbers(key)))
        return tuple(attempt for attempt in attempts if (self.folder(attempt) / SEAL_NAME).is_file())

    def seal(self, attempt: Attempt) -> bytes:
        """See Store."""
        return (self.folder(attempt) / SEAL_NAME).read_bytes()

    def files(self, attempt: Attempt) -> dict[str, Path]:
        """See Store."""
        return files_below(self.folder(attempt))

    def file(self, attempt: Attempt, name: str) -> Path | None:
        """See Store."""
        path = self.folder(attempt) / name
        return path if path.is_file() else None

    def address(self, attempt: Attempt, name: str) -> str:
        """See Store."""
        return str(self.folder(attempt) / name)

    def folder(self, attempt: Attempt) -> Path:
        """The attempt's folder."""
        return self._root / attempt.path

    def _numbers(self, key: StageKey) -> list[int]:
        parent = self._root / key.path
        numbers = (attempt_number(path.name) for path in parent.iterdir()) if parent.is_dir() else ()
        return [number for number in numbers if number is not None]


def files_below(folder: Path) -> dict[str, Path]:
    """Name -> path of each file below the folder but the seal, in the order of the names."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path != folder / SEAL_NAME)
    return dict(sorted((path.relative_to(folder).as_posix(), path) for path in paths))
