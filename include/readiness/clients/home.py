"""The one folder that holds all state of the pipeline on this machine: environments, progress, and the archive, unless
that is elsewhere ($READINESS_ARCHIVE)."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from readiness.clients.stores.addresses import PlaceError, checked_place, is_url

_RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")


class HomeError(ValueError):
    """A run id, folder or address that cannot be used; the message says what is legal."""


@dataclass(frozen=True)
class Home:
    """``root``: absolute; ``elsewhere``: where the archive is (a checked place), if not below ``root``."""

    root: Path
    elsewhere: str | None = None

    @property
    def archive_place(self) -> str:
        """Where the archive of all runs is: a folder's path or an address (docs/archive.md)."""
        return self.elsewhere or str(self.root / "archive")

    @property
    def archive(self) -> Path:
        """The archive's folder. Raises HomeError if it is none."""
        if is_url(self.archive_place):
            raise HomeError(f"the archive {self.archive_place} is no folder on this machine")
        return Path(self.archive_place)

    def report(self, run_id: str) -> Path:
        """Where a report is put for people to open that lies in an archive which is no folder."""
        return self.root / "reports" / f"{run_id}.html"

    def environment(self, name: str) -> Path:
        """Where the lease and the running target of an environment keep their state."""
        return self.root / "environments" / name

    def progress(self, run_id: str) -> Path:
        """Which stage the run is in; for people, never evidence."""
        return self.root / "progress" / f"{run_id}.json"

    def load_progress(self, run_id: str) -> Path:
        """What the load generator says of itself twice a second; for people, never evidence."""
        return self.root / "progress" / f"{run_id}.load.json"


def find_home(given: Path | None = None, archive: str | None = None) -> Home:
    """The folder given, else that of $READINESS_HOME, else ``.readiness`` here; with the archive given, else that of
    $READINESS_ARCHIVE, else the home's own. Raises HomeError for an archive that cannot be one."""
    root = (given or Path(os.environ.get("READINESS_HOME") or ".readiness")).expanduser().absolute()
    place = archive or os.environ.get("READINESS_ARCHIVE")
    try:
        return Home(root, checked_place(place) if place else None)
    except PlaceError as error:
        raise HomeError(str(error)) from error


def scenarios_folder() -> Path:
    """The folder of the scenario files: $READINESS_SCENARIOS, else ``scenarios`` here."""
    return Path(os.environ.get("READINESS_SCENARIOS") or "scenarios").expanduser().absolute()


def checked_run_id(text: str) -> str:
    """The run id, fit to be a folder's name. Raises HomeError."""
    if not _RUN_ID.match(text):
        raise HomeError(
            f"run id {text!r}: must be 1 to 100 letters, digits, '.', '_', '-', the first a letter or digit"
        )
    return text
