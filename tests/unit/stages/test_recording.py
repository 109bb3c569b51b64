"""However a stage ends, what it left is sealed, and says how it ended."""

from pathlib import Path

import pytest
from readiness.clients.archive import Archive
from readiness.clients.home import Home, HomeError, checked_run_id
from readiness.clients.stores.remote import RemoteStore
from readiness.clients.stores.store import StoreError
from readiness.model.evidence import StageRef
from readiness.stages.harness import record_harness_failure
from readiness.stages.recording import recording
from readiness.stages.run import Run, StageError

REF = StageRef("steady", "observe")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(Home(tmp_path), "run-1")


def test_a_stage_that_ends_well_is_sealed_as_done(run: Run) -> None:
    with recording(run, REF) as record:
        record.write("observe.json", {"a": 1})
        record.rows["observe.json"] = 7
    seal = Archive(run.home.archive).read_seal("run-1", REF)
    assert (seal.outcome, [(file.name, file.rows) for file in seal.files]) == ("done", [("observe.json", 7)])


def test_a_stage_that_was_taken_away_stays_failed_although_it_seals_late(run: Run) -> None:
    begun = run.archive.open_stage("run-1", REF)
    record_harness_failure(run, REF, "Evicted: low on memory")
    run.archive.seal(begun)
    seal = run.archive.read_seal("run-1", REF)
    assert (seal.attempt, seal.outcome, seal.reason) == (2, "failed", "Evicted: low on memory")
    assert "steady/observe: the stage failed (Evicted: low on memory)" in run.archive.check_stages("run-1", [REF])


def leave_a_file_and_raise(run: Run, error: BaseException) -> None:
    with recording(run, REF) as record:
        record.write("observe.json", {})
        raise error


@pytest.mark.parametrize("error", [StageError("no port"), KeyboardInterrupt(), ValueError("boom")])
def test_a_stage_that_raises_is_sealed_as_failed_with_what_it_wrote(run: Run, error: BaseException) -> None:
    # What nobody foresaw must not keep the run from a decision: it fails the stage like anything else.
    with pytest.raises(StageError if isinstance(error, ValueError) else type(error)):
        leave_a_file_and_raise(run, error)
    seal = run.archive.read_seal("run-1", REF)
    assert seal.outcome == "failed"
    assert seal.reason
    assert [file.name for file in seal.files] == ["observe.json"]


def test_a_stage_with_a_failure_to_report_raises_it_after_sealing(run: Run) -> None:
    with pytest.raises(StageError, match="queue not empty"), recording(run, REF) as record:
        record.failure = "queue not empty"
    assert run.archive.read_seal("run-1", REF).reason == "queue not empty"


def test_a_stage_whose_store_is_away_fails_and_is_not_sealed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreError("s3://bucket: nothing answers")

    remote = Run(Home(tmp_path, f"memory://{tmp_path.name}"), "run-1")
    monkeypatch.setattr(RemoteStore, "finish", away)
    with pytest.raises(StageError, match="steady/observe cannot be recorded: s3://bucket: nothing answers"):
        leave_a_file_and_raise(remote, ValueError("boom"))
    assert not remote.archive.is_sealed("run-1", REF)
    monkeypatch.undo()
    # What is away while a stage reads fails it, too, and its seal says so.
    with pytest.raises(StageError, match="nothing answers"):
        leave_a_file_and_raise(run, StoreError("s3://bucket: nothing answers"))
    assert run.archive.read_seal("run-1", REF).reason == "s3://bucket: nothing answers"


@pytest.mark.parametrize("bad", ["", "../x", "a/b", "-x", "x" * 101, "a b", ".."])
def test_a_run_id_is_a_folder_name_and_nothing_else(bad: str) -> None:
    with pytest.raises(HomeError, match="run id"):
        checked_run_id(bad)
