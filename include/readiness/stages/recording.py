"""How a stage leaves evidence: a folder that is sealed however the stage ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from readiness.clients import progress
from readiness.clients.archive import ArchiveError, OpenStage
from readiness.clients.stores.store import StoreError
from readiness.model.document import to_json
from readiness.model.evidence import StageRef
from readiness.stages.run import Run, StageError


@dataclass
class Recording:
    """The stage's folder while it is written. ``rows``: row counts of its data sets; ``fingerprint``: what must be
    equal for two runs to be comparable; ``failure``: set by a stage that failed but has evidence to show."""

    stage: OpenStage
    rows: dict[str, int] = field(default_factory=dict)
    fingerprint: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    @property
    def folder(self) -> Path:
        return self.stage.folder

    def write(self, name: str, facts: Any) -> None:
        """A JSON file of the stage."""
        (self.folder / name).write_bytes(to_json(facts))


@contextmanager
def recording(run: Run, ref: StageRef, inputs: tuple[StageRef, ...] = (), *, show: bool = True) -> Iterator[Recording]:
    """Open the stage and seal it at the end: as done, or as failed with the reason, which is raised on as StageError
    (a signal is raised on as it came). ``inputs``: the stages it reads; those that are sealed go into its seal."""
    with _writable(run, ref):
        if show:
            progress.enter(run.home, run.run_id, ref.stage, None if ref.scope.startswith("_") else ref.scope)
        record = Recording(run.archive.open_stage(run.run_id, ref))
    try:
        yield record
    except BaseException as error:
        unforeseen = isinstance(error, Exception) and not isinstance(error, (StageError, ArchiveError, StoreError))
        record.failure = str(error) or type(error).__name__
        if unforeseen:
            record.failure = f"{ref}: {type(error).__name__}: {record.failure}"
        _seal(run, record, inputs)
        if unforeseen or isinstance(error, StoreError):
            # It must not keep the run from a decision, which then is INCONCLUSIVE.
            raise StageError(record.failure) from error
        raise
    _seal(run, record, inputs)
    if record.failure:
        raise StageError(record.failure)


def _seal(run: Run, record: Recording, inputs: tuple[StageRef, ...]) -> None:
    with _writable(run, record.stage.ref):
        run.archive.seal(
            record.stage,
            outcome="failed" if record.failure else "done",
            reason=record.failure,
            inputs=[ref for ref in inputs if run.archive.is_sealed(run.run_id, ref)],
            rows=record.rows,
            fingerprint=record.fingerprint,
        )


@contextmanager
def _writable(run: Run, ref: StageRef) -> Iterator[None]:
    """A full disk, a missing permission or a store that is away is a failure of the stage like any other: what comes
    after a failed stage, the stopping above all, must still come."""
    try:
        yield
    except StoreError as error:
        raise StageError(f"{ref} cannot be recorded: {error}") from error
    except OSError as error:
        where = error.filename or run.home.root
        raise StageError(f"{ref} cannot be recorded: {where}: {error.strerror or error}; make room there, or allow "
                         "this user to write") from error  # fmt: skip
