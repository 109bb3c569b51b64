"""What would be left if the process that injects faults died now: a file that is written before each fault.

It lies in the environment's folder. Whoever comes next - the drill of the next run, the load stage, the teardown -
takes back what it names.
"""

import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from readiness.drills.fault import Leftover
from readiness.drills.victims import DrillError

FILE = "drill-journal.json"


@dataclass(frozen=True)
class Entry:
    """A fault that may be in place. ``run``: "run id/scenario"; ``left``: what takes it back."""

    key: str
    run: str
    describe: str
    left: Leftover


class Journal:
    """The journal of an environment; its file is there only while something may be in place."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def entries(self) -> tuple[Entry, ...]:
        """Everything that may be in place. Raises DrillError for a file that is no journal."""
        try:
            return tuple(Entry(**item) for item in json.loads(self._path.read_text()))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError) as error:
            raise DrillError(f"{self._path}: not a journal ({error}); see what it names, then remove it") from error

    def add(self, run: str, describe: str, left: Leftover) -> str:
        """Note a fault before it is injected; the key to strike it out with. On disk when this returns."""
        entry = Entry(secrets.token_hex(6), run, describe, left)
        self._write((*self.entries(), entry))
        return entry.key

    def strike(self, key: str) -> None:
        """The fault with that key is gone."""
        self._write(tuple(entry for entry in self.entries() if entry.key != key))

    def _write(self, entries: tuple[Entry, ...]) -> None:
        if not entries:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        with partial.open("w") as sink:
            json.dump([asdict(entry) for entry in entries], sink)
            sink.flush()
            os.fsync(sink.fileno())
        partial.replace(self._path)


def remove_leftovers(journal: Journal, take_back: Callable[[Leftover], None]) -> list[dict[str, Any]]:
    """Take back everything that the journal names: what was found and whether it is gone now (``drill.json``). What
    cannot be taken back stays in the journal, with the reason in ``error``. Raises DrillError for a damaged journal."""
    found = []
    for entry in journal.entries():
        report: dict[str, Any] = {"describe": f"{entry.describe} (of {entry.run})", "found_ns": time.time_ns()}
        try:
            take_back(entry.left)
        except DrillError as error:
            found.append(report | {"removed": False, "error": str(error)})
            continue
        journal.strike(entry.key)
        found.append(report | {"removed": True})
    return found
