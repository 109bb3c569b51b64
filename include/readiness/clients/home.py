"""The one folder that holds all state of the pipeline on this machine: archive, environments, progress."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")


class HomeError(ValueError):
    """A run id or folder that cannot be used; the message says what is legal."""


@dataclass(frozen=True)
class Home:
    """``root``: absolute."""

    root: Path

    @property
    def archive(self) -> Path:
        """The archive of all runs (docs/archive.md)."""
        return self.root / "archive"

    def environment(self, name: str) -> Path:
        """Where the lease and the running target of an environment keep their state."""
        return self.root / "environments" / name

    def progress(self, run_id: str) -> Path:
        """Which stage the run is in; for people, never evidence."""
        return self.root / "progress" / f"{run_id}.json"

    def load_progress(self, run_id: str) -> Path:
        """What the load generator says of itself twice a second; for people, never evidence."""
        return self.root / "progress" / f"{run_id}.load.json"


def find_home(given: Path | None = None) -> Home:
    """The folder given, else that of $READINESS_HOME, else ``.readiness`` here."""
    return Home((given or Path(os.environ.get("READINESS_HOME") or ".readiness")).expanduser().absolute())


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
