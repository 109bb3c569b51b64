"""The archive of runs: sealed stages in a folder or in S3 (docs/archive.md).

A stage writes into a new attempt; its seal, stored last, lists every file with its sha256. What was altered, removed,
added or taken from another run is found by ``check`` and named.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from readiness.clients.home import Home
from readiness.clients.stores.folder import FolderStore, files_below
from readiness.clients.stores.places import open_store
from readiness.clients.stores.store import SEAL_NAME, Attempt, SealedAlreadyError, StageKey, Store
from readiness.model.document import from_json, sha256, to_json
from readiness.model.evidence import REQUIRED_FILES, Seal, SealedFile, StageRef, evidence_stages
from readiness.model.scenario import Scenario

_CHUNK_BYTES = 1024 * 1024


class ArchiveError(Exception):
    """The archive cannot be used as asked; the message says what to do."""


@dataclass(frozen=True)
class OpenStage:
    """A stage being written: files go into ``folder``, on this machine, until ``Archive.seal``."""

    attempt_at: Attempt
    started_ns: int
    folder: Path

    @property
    def run_id(self) -> str:
        return self.attempt_at.key.run_id

    @property
    def ref(self) -> StageRef:
        return self.attempt_at.key.ref

    @property
    def attempt(self) -> int:
        return self.attempt_at.number


class Archive:
    """Runs in a folder or another store. Raises ArchiveError, in words for people, where something is not as it must
    be, and StoreError where a store that is no folder cannot be asked."""

    def __init__(self, at: Path | Store) -> None:
        self._store: Store = FolderStore(at) if isinstance(at, Path) else at

    @property
    def place(self) -> str:
        """The folder or address, for people."""
        return self._store.place

    @property
    def is_folder(self) -> bool:
        """Whether paths of evidence stay valid after this process."""
        return self._store.is_folder

    @property
    def patience_s(self) -> float:
        """How much longer than in a folder opening and sealing may each take, while the store is away."""
        return self._store.patience_s

    def open_stage(self, run_id: str, ref: StageRef) -> OpenStage:
        """A new attempt at the stage. Two processes that ask at once get two attempts."""
        attempt, folder = self._store.begin(StageKey(run_id, ref))
        return OpenStage(attempt, time.time_ns(), folder)

    def address(self, stage: OpenStage, name: str) -> str:
        """Where people will find the file once the stage is sealed."""
        return self._store.address(stage.attempt_at, name)

    def address_of(self, run_id: str, ref: StageRef, name: str) -> str:
        """Where people find this file of the last sealed attempt. Raises ArchiveError if there is none."""
        return self._store.address(self._last(run_id, ref), name)

    def seal(
        self,
        stage: OpenStage,
        *,
        outcome: Literal["done", "failed"] = "done",
        reason: str = "",
        inputs: Iterable[StageRef] = (),
        rows: Mapping[str, int] | None = None,
        fingerprint: Mapping[str, Any] | None = None,
    ) -> Seal:
        """Seal the folder as it is. ``inputs``: the stages that were read; ``rows``: row counts of data sets.
        Raises ArchiveError if it is sealed already, or an input is not."""
        again = f"{stage.ref} attempt {stage.attempt} is sealed; a retry opens a new attempt"
        if stage.attempt_at in self._store.sealed(stage.attempt_at.key):
            raise ArchiveError(again)
        files = tuple(
            SealedFile(name, path.stat().st_size, _sha256_of(path), (rows or {}).get(name))
            for name, path in files_below(stage.folder).items()
        )
        digests = {str(ref): self.seal_digest(stage.run_id, ref) for ref in inputs}
        seal = Seal(
            1, stage.run_id, stage.ref.scope, stage.ref.stage, stage.attempt, stage.started_ns, time.time_ns(),
            outcome, reason, digests, files, dict(fingerprint or {}),
        )  # fmt: skip
        try:
            self._store.finish(stage.attempt_at, stage.folder, to_json(seal))
        except SealedAlreadyError as error:
            raise ArchiveError(again) from error
        return seal

    def file(self, run_id: str, ref: StageRef, name: str) -> Path:
        """The path of a file of the last sealed attempt, as it is now. Raises ArchiveError, naming it, if it is not
        there. Valid as long as this object; for good if ``is_folder``."""
        path = self._store.file(self._last(run_id, ref), name)
        if path is None:
            raise ArchiveError(f"{ref}/{name}: is missing")
        return path

    def in_every_attempt(self, run_id: str, ref: StageRef, name: str) -> tuple[Path, ...]:
        """The paths of this file in the sealed attempts that have it, the first first."""
        found = (self._store.file(attempt, name) for attempt in self._store.sealed(StageKey(run_id, ref)))
        return tuple(path for path in found if path is not None)

    def sealed_folder(self, run_id: str, ref: StageRef) -> Path:
        """The folder of the last sealed attempt, where evidence itself lies. Raises ArchiveError if there is none, or
        the archive is no folder."""
        if not isinstance(self._store, FolderStore):
            raise ArchiveError(f"{self.place} is no folder; its files are read one by one")
        return self._store.folder(self._last(run_id, ref))

    def read_seal(self, run_id: str, ref: StageRef) -> Seal:
        """The seal of the last sealed attempt. Raises ArchiveError if it is missing or unreadable."""
        return self._read_seal(self._last(run_id, ref))

    def seal_digest(self, run_id: str, ref: StageRef) -> str:
        """sha256 of the bytes of the seal, as the store has it now."""
        return sha256(self._seal_bytes(self._last(run_id, ref)))

    def is_sealed(self, run_id: str, ref: StageRef) -> bool:
        """Whether the stage has a sealed attempt."""
        return bool(self._store.sealed(StageKey(run_id, ref)))

    def sealed_attempts(self, run_id: str, ref: StageRef) -> int:
        """How many sealed attempts the stage has: more than before means that it has left a word since."""
        return len(self._store.sealed(StageKey(run_id, ref)))

    def runs(self) -> tuple[str, ...]:
        """The ids of all runs, the latest begun last as far as the store can tell."""
        return self._store.runs()

    def evidence_digest(self, run_id: str, scenarios: tuple[Scenario, ...]) -> str:
        """The digest that a sign-off names. A stage that is not sealed counts as "missing": such a run cannot be
        approved, but what there is of it has a digest all the same."""
        refs = evidence_stages(scenarios)
        digests = [self.seal_digest(run_id, ref) if self.is_sealed(run_id, ref) else "missing" for ref in refs]
        return sha256("".join(f"{ref} {digest}\n" for ref, digest in zip(refs, digests, strict=True)).encode())

    def check(self, run_id: str, scenarios: tuple[Scenario, ...]) -> tuple[str, ...]:
        """Every reason not to trust the evidence of a run; empty if each file is as it was sealed."""
        return self.check_stages(run_id, evidence_stages(scenarios))

    def check_stages(self, run_id: str, refs: Iterable[StageRef]) -> tuple[str, ...]:
        """Every reason not to trust these stages; empty if each file is as it was sealed."""
        problems: list[str] = []
        for ref in refs:
            try:
                problems += self._check_stage(run_id, ref)
            except (ArchiveError, OSError) as error:
                problems.append(str(error))
            except (KeyError, TypeError, ValueError) as error:
                problems.append(f"{ref}/{SEAL_NAME}: is not as the archive writes it ({error})")
        return tuple(problems)

    def _check_stage(self, run_id: str, ref: StageRef) -> list[str]:
        attempt = self._last(run_id, ref)
        seal = self._read_seal(attempt)
        if (seal.run_id, seal.scope, seal.stage) != (run_id, ref.scope, ref.stage):
            return [f"{ref}: the seal is that of {seal.scope}/{seal.stage} of run {seal.run_id}"]
        problems = [] if seal.outcome == "done" else [f"{ref}: the stage failed ({seal.reason})"]
        if seal.finished_ns < seal.started_ns:
            problems.append(f"{ref}: finished before it started; a clock went backwards")
        present, sealed = self._store.files(attempt), {file.name: file for file in seal.files}
        problems += [f"{ref}/{name}: was not sealed" for name in sorted(present.keys() - sealed.keys())]
        missing = (sealed.keys() | set(REQUIRED_FILES[ref.stage])) - present.keys()
        problems += [f"{ref}/{name}: is missing" for name in sorted(missing)]
        for name in sorted(present.keys() & sealed.keys()):
            if _sha256_of(present[name]) != sealed[name].sha256:
                problems.append(f"{ref}/{name}: was altered after it was sealed")
        for other, digest in seal.inputs.items():
            if self.seal_digest(run_id, StageRef(*other.split("/", 1))) != digest:
                problems.append(f"{ref}: read another {other} than the archive holds now")
        return problems

    def _last(self, run_id: str, ref: StageRef) -> Attempt:
        """The last sealed attempt. Raises ArchiveError if there is none."""
        attempts = self._store.sealed(StageKey(run_id, ref))
        if not attempts:
            raise ArchiveError(f"{ref}: no sealed evidence in run {run_id}")
        return attempts[-1]

    def _seal_bytes(self, attempt: Attempt) -> bytes:
        try:
            return self._store.seal(attempt)
        except FileNotFoundError as error:
            raise ArchiveError(f"{attempt.key.ref}: its seal was removed while it was read") from error

    def _read_seal(self, attempt: Attempt) -> Seal:
        try:
            return from_json(Seal, self._seal_bytes(attempt))
        except ValueError as error:
            raise ArchiveError(f"{attempt.key.ref}: {SEAL_NAME} is damaged ({str(error).splitlines()[0]})") from error


def open_archive(home: Home) -> Archive:
    """The archive of this home, wherever it is."""
    return Archive(open_store(home.archive_place, home.root / "remote"))


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
