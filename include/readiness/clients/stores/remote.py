"""An archive of objects: written in a local folder, uploaded when it is sealed, the seal last.

There is no mkdir that one writer wins and no rename. An attempt's number is taken by creating ``attempt-<n>.claim``
beside it, which the store lets one writer do; the seal is created likewise, when all files are there.
"""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterable
from pathlib import Path

from readiness.clients.stores.copies import Copies
from readiness.clients.stores.folder import files_below
from readiness.clients.stores.objects import AbsentError, Objects, Stamp
from readiness.clients.stores.store import (
    SEAL_NAME,
    Attempt,
    SealedAlreadyError,
    StageKey,
    StoreError,
    attempt_number,
)
from readiness.model.document import to_json

_CLAIM = ".claim"


class RemoteStore:
    """See Store. ``room``: a local folder for what is being written and what was read."""

    is_folder = False

    def __init__(self, objects: Objects, room: Path) -> None:
        self._objects, self._unsealed = objects, room / "unsealed"
        self._copies = Copies(objects, room)
        self.place, self.patience_s = objects.place, objects.patience_s

    def runs(self) -> tuple[str, ...]:
        """See Store; in the order of their names, which begin with the time where `readiness` chose them."""
        return self._objects.groups("runs")

    def begin(self, key: StageKey) -> tuple[Attempt, Path]:
        """See Store. Raises StoreError for a store on which two writers could get the same attempt."""
        attempt = Attempt(key, max(self._numbers(key), default=0) + 1)
        token = secrets.token_hex(8)
        claim = to_json(
            {"token": token, "host": socket.gethostname(), "process": os.getpid(), "taken_ns": time.time_ns()}
        )
        while not self._objects.create(attempt.path + _CLAIM, claim):
            attempt = Attempt(key, attempt.number + 1)
        if not self._objects.refuses_a_second(attempt.path + _CLAIM, claim):
            raise StoreError(
                f"{self.place}: the service ignores conditional writes (If-None-Match), so that two writers could mix "
                "their evidence; use a service that honours them, such as S3 itself, or a folder on a shared volume"
            )
        folder = self._unsealed / f"{key.run_id}-{key.ref.scope}-{key.ref.stage}-attempt-{attempt.number}-{token}"
        folder.mkdir(parents=True)
        return attempt, folder

    def finish(self, attempt: Attempt, folder: Path, seal: bytes) -> None:
        """See Store. The local folder is removed when the store has everything; where that fails it stays."""
        try:
            if f"{attempt.path}/{SEAL_NAME}" in self._objects.list(attempt.path):
                raise SealedAlreadyError
            for name, path in files_below(folder).items():
                self._objects.write(path, f"{attempt.path}/{name}")
            if not self._objects.create(f"{attempt.path}/{SEAL_NAME}", seal):
                raise SealedAlreadyError
        except StoreError as error:
            raise StoreError(f"{error}; what the stage wrote is kept in {folder}, and is no evidence") from error
        shutil.rmtree(folder)

    def sealed(self, key: StageKey) -> tuple[Attempt, ...]:
        """See Store."""
        present = self._objects.list(key.path)
        attempts = (Attempt(key, number) for number in sorted(_numbers_in(key, present)))
        return tuple(attempt for attempt in attempts if f"{attempt.path}/{SEAL_NAME}" in present)

    def seal(self, attempt: Attempt) -> bytes:
        """See Store; read from the store each time."""
        try:
            return self._objects.read(f"{attempt.path}/{SEAL_NAME}")
        except AbsentError as error:
            raise FileNotFoundError(f"{attempt.path}/{SEAL_NAME}") from error

    def files(self, attempt: Attempt) -> dict[str, Path]:
        """See Store."""
        start = f"{attempt.path}/"
        found: dict[str, Path] = {}
        for key, stamp in sorted(self._objects.list(attempt.path).items()):
            name = key.removeprefix(start)
            path = None if name == SEAL_NAME else self._copy(key, stamp)
            if path is not None:
                found[name] = path
        return found

    def file(self, attempt: Attempt, name: str) -> Path | None:
        """See Store."""
        key = f"{attempt.path}/{name}"
        stamp = self._objects.list(attempt.path).get(key)
        return None if stamp is None else self._copy(key, stamp)

    def address(self, attempt: Attempt, name: str) -> str:
        """See Store."""
        return f"{self.place}/{attempt.path}/{name}"

    def _copy(self, key: str, stamp: Stamp) -> Path | None:
        try:
            return self._copies.of(key, stamp)
        except AbsentError:
            return None  # removed after it was listed

    def _numbers(self, key: StageKey) -> set[int]:
        return _numbers_in(key, self._objects.list(key.path))


def _numbers_in(key: StageKey, present: Iterable[str]) -> set[int]:
    """The attempts that were begun: those that have a claim or a file."""
    parts = (path.removeprefix(key.path + "/").split("/")[0] for path in present)
    numbers = (attempt_number(part.removesuffix(_CLAIM)) for part in parts)
    return {number for number in numbers if number is not None}
