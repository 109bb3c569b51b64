"""The archive of runs: sealed stage folders in a directory (docs/archive.md).

A stage writes into a new attempt folder; its seal, written last, lists every file with its sha256. What was
altered, removed, added or taken from another run is found by ``check`` and named.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from readiness.model.document import from_json, sha256, to_json
from readiness.model.evidence import REQUIRED_FILES, Seal, SealedFile, StageRef, evidence_stages
from readiness.model.scenario import Scenario

SEAL_NAME = "stage.json"
_ATTEMPT = re.compile(r"^attempt-([1-9][0-9]*)$")
_CHUNK_BYTES = 1024 * 1024


class ArchiveError(Exception):
    """The archive cannot be used as asked; the message says what to do."""


@dataclass(frozen=True)
class OpenStage:
    """A stage being written: files go into ``folder`` until ``Archive.seal``."""

    run_id: str
    ref: StageRef
    attempt: int
    started_ns: int
    folder: Path


class Archive:
    """Runs under ``root``. Raises ArchiveError, in words for people, where something is not as it must be."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open_stage(self, run_id: str, ref: StageRef) -> OpenStage:
        """A new attempt folder for the stage. Two processes that ask at once get two attempts."""
        parent = self._stage_folder(run_id, ref)
        parent.mkdir(parents=True, exist_ok=True)
        attempt = max(self._attempts(parent), default=0) + 1
        while True:
            folder = parent / f"attempt-{attempt}"
            try:
                folder.mkdir()
            except FileExistsError:
                attempt += 1
                continue
            return OpenStage(run_id, ref, attempt, time.time_ns(), folder)

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
        if (stage.folder / SEAL_NAME).exists():
            raise ArchiveError(f"{stage.ref} attempt {stage.attempt} is sealed; a retry opens a new attempt")
        files = tuple(
            SealedFile(name, path.stat().st_size, _sha256_of(path), (rows or {}).get(name))
            for name, path in _files(stage.folder)
        )
        digests = {str(ref): self.seal_digest(stage.run_id, ref) for ref in inputs}
        seal = Seal(
            1, stage.run_id, stage.ref.scope, stage.ref.stage, stage.attempt, stage.started_ns, time.time_ns(),
            outcome, reason, digests, files, dict(fingerprint or {}),
        )  # fmt: skip
        partial = stage.folder / (SEAL_NAME + ".partial")
        with partial.open("wb") as sink:
            sink.write(to_json(seal))
            sink.flush()
            os.fsync(sink.fileno())
        partial.rename(stage.folder / SEAL_NAME)
        return seal

    def sealed_folder(self, run_id: str, ref: StageRef) -> Path:
        """The folder of the last sealed attempt. Raises ArchiveError if there is none."""
        parent = self._stage_folder(run_id, ref)
        for attempt in sorted(self._attempts(parent), reverse=True):
            folder = parent / f"attempt-{attempt}"
            if (folder / SEAL_NAME).is_file():
                return folder
        raise ArchiveError(f"{ref}: no sealed evidence in run {run_id}")

    def sealed_attempts(self, run_id: str, ref: StageRef) -> tuple[Path, ...]:
        """The folders of all sealed attempts, the first first."""
        parent = self._stage_folder(run_id, ref)
        folders = (parent / f"attempt-{attempt}" for attempt in sorted(self._attempts(parent)))
        return tuple(folder for folder in folders if (folder / SEAL_NAME).is_file())

    def read_seal(self, run_id: str, ref: StageRef) -> Seal:
        """The seal of the last sealed attempt. Raises ArchiveError if it is missing or unreadable."""
        path = self.sealed_folder(run_id, ref) / SEAL_NAME
        try:
            return from_json(Seal, path.read_bytes())
        except ValueError as error:
            raise ArchiveError(f"{ref}: {SEAL_NAME} is damaged ({str(error).splitlines()[0]})") from error

    def seal_digest(self, run_id: str, ref: StageRef) -> str:
        """sha256 of the bytes of the seal."""
        return sha256((self.sealed_folder(run_id, ref) / SEAL_NAME).read_bytes())

    def is_sealed(self, run_id: str, ref: StageRef) -> bool:
        """Whether the stage has a sealed attempt."""
        parent = self._stage_folder(run_id, ref)
        return any((parent / f"attempt-{attempt}" / SEAL_NAME).is_file() for attempt in self._attempts(parent))

    def runs(self) -> tuple[str, ...]:
        """The ids of all runs, the latest begun last."""
        folder = self._root / "runs"
        found = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
        return tuple(path.name for path in sorted(found, key=lambda path: (path.stat().st_ctime_ns, path.name)))

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
        seal, folder = self.read_seal(run_id, ref), self.sealed_folder(run_id, ref)
        if (seal.run_id, seal.scope, seal.stage) != (run_id, ref.scope, ref.stage):
            return [f"{ref}: the seal is that of {seal.scope}/{seal.stage} of run {seal.run_id}"]
        problems = [] if seal.outcome == "done" else [f"{ref}: the stage failed ({seal.reason})"]
        if seal.finished_ns < seal.started_ns:
            problems.append(f"{ref}: finished before it started; a clock went backwards")
        present, sealed = dict(_files(folder)), {file.name: file for file in seal.files}
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

    def _stage_folder(self, run_id: str, ref: StageRef) -> Path:
        return self._root / "runs" / run_id / ref.scope / ref.stage

    @staticmethod
    def _attempts(parent: Path) -> list[int]:
        names = (_ATTEMPT.match(path.name) for path in parent.iterdir()) if parent.is_dir() else ()
        return [int(match[1]) for match in names if match]


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Name and path of each file below ``folder`` but the seal, in the order of the names."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path != folder / SEAL_NAME)
    return sorted((path.relative_to(folder).as_posix(), path) for path in paths)


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
