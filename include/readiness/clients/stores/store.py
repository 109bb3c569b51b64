"""What the archive asks of the place that holds its files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from readiness.model.evidence import StageRef

SEAL_NAME = "stage.json"


class StoreError(Exception):
    """The store could not be asked; one line for people. It says nothing about the evidence: neither that a file is
    missing nor that it was altered, so that nobody may take it for a verdict. Hence it is no OSError and no
    ArchiveError, which readers of evidence turn into problems of the evidence."""


class SealedAlreadyError(Exception):
    """The attempt has a seal."""


@dataclass(frozen=True)
class StageKey:
    """A stage of a run."""

    run_id: str
    ref: StageRef

    @property
    def path(self) -> str:
        """Relative to the archive, with '/'."""
        return f"runs/{self.run_id}/{self.ref.scope}/{self.ref.stage}"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a stage; ``number`` counts from 1."""

    key: StageKey
    number: int

    @property
    def path(self) -> str:
        """Relative to the archive, with '/'."""
        return f"{self.key.path}/attempt-{self.number}"


class Store(Protocol):
    """Raises StoreError where the store cannot be asked, OSError where this machine's disk cannot be used."""

    place: str
    """The archive's folder or address, for people."""
    is_folder: bool
    """Whether paths that it gives stay valid after this process."""
    patience_s: float
    """How long an operation may wait for a store that is away."""

    def runs(self) -> tuple[str, ...]:
        """The ids of all runs, the latest begun last as far as the store can tell."""
        ...

    def begin(self, key: StageKey) -> tuple[Attempt, Path]:
        """A new attempt that no other writer has, and the empty local folder in which its files are written."""
        ...

    def finish(self, attempt: Attempt, folder: Path, seal: bytes) -> None:
        """Make the folder's files, and then the seal, the attempt's. Raises SealedAlreadyError."""
        ...

    def sealed(self, key: StageKey) -> tuple[Attempt, ...]:
        """The attempts that have a seal, the first first."""
        ...

    def seal(self, attempt: Attempt) -> bytes:
        """The bytes of the seal as the store has it now. Raises FileNotFoundError."""
        ...

    def files(self, attempt: Attempt) -> dict[str, Path]:
        """Name -> local path with the content that the store has now, of every file but the seal."""
        ...

    def file(self, attempt: Attempt, name: str) -> Path | None:
        """As ``files``, of one file; None if there is none of this name."""
        ...

    def address(self, attempt: Attempt, name: str) -> str:
        """Where people find the file."""
        ...


def attempt_number(name: str) -> int | None:
    """The number in ``attempt-<n>``; None for any other name."""
    word, _, digits = name.partition("-")
    if word != "attempt" or not digits.isascii() or not digits.isdigit() or digits.startswith("0"):
        return None
    return int(digits)
