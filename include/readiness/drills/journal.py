"""What would be left if the process that injects faults died now: a page that is written before each fault.

It is a file in the environment's folder, for an environment in a cluster an object there. Whoever comes next - the
drill of the next run, the load stage, the teardown - takes back what it names.
"""

import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from readiness.clients.target_process import TargetError
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


class Page(Protocol):
    """Where the journal is written. ``place``: its name, for people. Each may raise TargetError."""

    place: str

    def read(self) -> str | None: ...
    def write(self, text: str) -> None: ...
    def remove(self) -> None: ...


class FilePage:
    """A file that is there only while something may be in place."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.place = str(self._path)

    def read(self) -> str | None:
        """What it says; None if it is not there."""
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return None

    def write(self, text: str) -> None:
        """On disk when this returns, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        with partial.open("w") as sink:
            sink.write(text)
            sink.flush()
            os.fsync(sink.fileno())
        partial.replace(self._path)

    def remove(self) -> None:
        """It is not there any more."""
        self._path.unlink(missing_ok=True)


class Journal:
    """The journal of an environment: in that folder, or on that page."""

    def __init__(self, where: Path | Page) -> None:
        self._page: Page = FilePage(where) if isinstance(where, Path) else where

    def entries(self) -> tuple[Entry, ...]:
        """Everything that may be in place. Raises DrillError for what is no journal, or cannot be read."""
        try:
            text = self._page.read()
            return () if text is None else tuple(Entry(**item) for item in json.loads(text))
        except TargetError as error:
            raise DrillError(f"the journal of faults cannot be read: {error}") from error
        except (OSError, ValueError, TypeError) as error:
            raise DrillError(
                f"{self._page.place}: not a journal ({error}); see what it names, then remove it"
            ) from error

    def add(self, run: str, describe: str, left: Leftover) -> str:
        """Note a fault before it is injected; the key to strike it out with. It is kept when this returns."""
        entry = Entry(secrets.token_hex(6), run, describe, left)
        self._write((*self.entries(), entry))
        return entry.key

    def strike(self, key: str) -> None:
        """The fault with that key is gone."""
        self._write(tuple(entry for entry in self.entries() if entry.key != key))

    def _write(self, entries: tuple[Entry, ...]) -> None:
        """After ``entries``, which tells what it changes."""
        try:
            if entries:
                self._page.write(json.dumps([asdict(entry) for entry in entries]))
            else:
                self._page.remove()
        except TargetError as error:
            raise DrillError(f"the journal of faults cannot be written: {error}") from error


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
