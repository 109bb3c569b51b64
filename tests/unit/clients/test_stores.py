"""Stores beyond a folder: no two writers share an attempt, nothing counts before its seal, errors are no evidence."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from readiness.clients.home import HomeError, find_home
from readiness.clients.stores.addresses import checked_place
from readiness.clients.stores.copies import Copies
from readiness.clients.stores.objects import AbsentError, Failures, Objects, Stamp
from readiness.clients.stores.places import open_store
from readiness.clients.stores.remote import RemoteStore
from readiness.clients.stores.store import SealedAlreadyError, StageKey, StoreError, attempt_number
from readiness.model.evidence import StageRef

KEY = StageKey("run-1", StageRef("steady", "load"))


class AwayError(Exception):
    """The service does not answer."""


class Troubled:
    """The file system in memory, with a trouble: ``before`` is called with the operation's name before each."""

    def __init__(self, before: Callable[[str], None], *, exclusive: bool = True) -> None:
        self._memory, self._before, self._exclusive = fsspec.filesystem("memory"), before, exclusive

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*arguments: Any, **options: Any) -> Any:
            self._before(name)
            if not self._exclusive:
                options.pop("mode", None)
            return getattr(self._memory, name)(*arguments, **options)

        return ask


def never(_operation: str) -> None:
    """No trouble."""


def objects(filesystem: Any, folder: Path, patience_s: float = 0.0) -> Objects:
    failures = Failures(
        lambda error: isinstance(error, AwayError),
        lambda error: isinstance(error, FileNotFoundError),
        lambda error: isinstance(error, FileExistsError),
        lambda error: f"{type(error).__name__}, try later",
    )
    return Objects(filesystem, f"/{folder.name}", "memory://here", failures, patience_s)


def store(folder: Path, before: Callable[[str], None] = never, **options: Any) -> RemoteStore:
    return RemoteStore(objects(Troubled(before, **options), folder), folder)


def test_a_stage_counts_when_its_seal_is_there_and_that_comes_last(tmp_path: Path) -> None:
    written: list[str] = []
    first = store(tmp_path, written.append)
    attempt, folder = first.begin(KEY)
    (folder / "below").mkdir()
    (folder / "a.json").write_text("a")
    (folder / "below" / "b.json").write_text("b")
    assert first.sealed(KEY) == ()
    written.clear()
    first.finish(attempt, folder, b"seal")
    assert [name for name in written if name != "find"] == ["put_file", "put_file", "pipe_file"]
    other = store(tmp_path)
    assert other.sealed(KEY) == (attempt,)
    assert {name: path.read_text() for name, path in other.files(attempt).items()} == {
        "a.json": "a",
        "below/b.json": "b",
    }
    assert not folder.exists()
    folder.mkdir()
    with pytest.raises(SealedAlreadyError):
        other.finish(attempt, folder, b"another seal")


def test_an_upload_that_breaks_off_leaves_no_evidence_and_keeps_what_was_written(tmp_path: Path) -> None:
    left = ["put_file"]

    def breaks_off(operation: str) -> None:
        if operation == "put_file" and not left:
            raise AwayError
        if operation == "put_file":
            left.pop()

    broken = store(tmp_path, breaks_off)
    attempt, folder = broken.begin(KEY)
    for name in ("a.json", "b.json"):
        (folder / name).write_text(name)
    with pytest.raises(StoreError, match=f"AwayError, try later; what the stage wrote is kept in {folder}"):
        broken.finish(attempt, folder, b"seal")
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "b.json"]
    assert store(tmp_path).sealed(KEY) == ()
    assert store(tmp_path).begin(KEY)[0].number == 2


def test_a_store_on_which_two_writers_could_mix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="ignores conditional writes"):
        store(tmp_path, exclusive=False).begin(KEY)


def test_a_seal_whose_answer_was_lost_is_not_taken_for_another_writers(tmp_path: Path) -> None:
    made = objects(Troubled(never), tmp_path)
    assert made.create("x", b"mine")
    assert made.create("x", b"mine")  # asked once more since the answer was lost
    assert not made.create("x", b"another's")
    assert made.read("x") == b"mine"


def test_a_store_that_is_away_is_asked_again_until_patience_ends(tmp_path: Path) -> None:
    asked: list[str] = []

    def away_twice(operation: str) -> None:
        asked.append(operation)
        if len(asked) <= 2:
            raise AwayError

    assert objects(Troubled(away_twice), tmp_path, patience_s=5.0).list("runs") == {}
    assert asked == ["find"] * 3
    asked.clear()
    with pytest.raises(StoreError, match="memory://here: AwayError, try later"):
        objects(Troubled(away_twice), tmp_path, patience_s=0.0).list("runs")
    assert asked == ["find"]


def test_what_is_refused_is_not_asked_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def refuse(operation: str) -> None:
        asked.append(operation)
        raise PermissionError

    with pytest.raises(StoreError, match="PermissionError"):
        objects(Troubled(refuse), tmp_path, patience_s=5.0).read("x")
    assert asked == ["cat_file"]


def test_an_error_of_this_machines_disk_is_told_as_such(tmp_path: Path) -> None:
    there = objects(Troubled(never), tmp_path)
    (tmp_path / "file").write_text("x")
    there.write(tmp_path / "file", "runs/x")
    with pytest.raises(OSError, match="file"):  # which is no folder that anything could be put into
        there.fetch("runs/x", tmp_path / "file" / "x")
    with pytest.raises(OSError, match="No space left"):
        there.fetch("runs/x", Path("/dev/full"))
    with pytest.raises(AbsentError):
        there.fetch("runs/y", tmp_path / "y")


def test_an_object_that_is_written_again_is_taken_again(tmp_path: Path) -> None:
    there = objects(Troubled(never), tmp_path)
    copies = Copies(there, tmp_path)
    for text in ("one", "two"):
        (tmp_path / "file").write_text(text)
        there.write(tmp_path / "file", "runs/x")
        ((key, stamp),) = there.list("runs").items()
        assert copies.of(key, stamp).read_text() == text
        assert copies.of(key, stamp) == copies.of(key, stamp)


class Anything:
    """Objects of any name; each holds its name."""

    def fetch(self, key: str, path: Path) -> None:
        path.write_text(key)


def test_an_objects_name_leads_nowhere(tmp_path: Path) -> None:
    room = tmp_path / "a" / "b" / "room"
    copies = Copies(Anything(), room)  # type: ignore[arg-type]
    for key in ("runs/../../../../planted", "runs/..", "runs/a/.", "runs/a/"):
        path = copies.of(key, Stamp(1, "", ""))
        assert path.read_text() == key
        assert room in path.resolve().parents


def test_copies_end_with_their_process_and_those_of_a_killed_one_with_the_next(tmp_path: Path) -> None:
    there = objects(Troubled(never), tmp_path)
    (tmp_path / "file").write_text("x")
    there.write(tmp_path / "file", "runs/x")
    room = tmp_path / "room"
    orphan, living = room / "copies-orphan", room / "copies-living"
    for folder in (orphan, living):
        folder.mkdir(parents=True)
        folder.with_suffix(".lock").touch()
    with living.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copies = Copies(there, room)
        ((key, stamp),) = there.list("runs").items()
        path = copies.of(key, stamp)
        assert (orphan.exists(), living.exists(), path.exists()) == (False, True, True)
    del copies
    assert sorted(entry.name for entry in room.iterdir()) == ["copies-living", "copies-living.lock"]


@pytest.mark.parametrize(
    ("given", "is_it"),
    [("s3://bucket/some/prefix/", "s3://bucket/some/prefix"), ("s3://bucket", "s3://bucket"),
     ("file:///a/b/", "/a/b"), ("/a/b", "/a/b")],
)  # fmt: skip
def test_an_archives_place_has_one_form(given: str, is_it: str) -> None:
    assert checked_place(given) == is_it


@pytest.mark.parametrize(
    "bad", ["s3://", "s3:///x", "gs://b/x", "s3://b/../x", "s3://b/x//y", "s3://b/x?a=1", "file://host/x"]
)
def test_another_place_is_refused_with_the_legal_ones(bad: str) -> None:
    with pytest.raises(HomeError, match="legal are a folder"):
        find_home(archive=bad)


def test_credentials_in_the_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(HomeError, match="credentials") as refused:
        find_home(archive="s3://key:secret@bucket/x")
    assert "secret" not in str(refused.value).replace("AWS_SECRET", "")


def test_the_archive_is_the_homes_own_unless_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("READINESS_ARCHIVE", raising=False)
    assert find_home(tmp_path).archive == tmp_path / "archive"
    monkeypatch.setenv("READINESS_ARCHIVE", "s3://bucket/x")
    assert find_home(tmp_path).archive_place == "s3://bucket/x"
    assert find_home(tmp_path, str(tmp_path / "other")).archive == tmp_path / "other"
    with pytest.raises(HomeError, match="no folder"):
        _ = find_home(tmp_path).archive


def test_only_what_the_archive_names_so_is_an_attempt() -> None:
    good = {"attempt-1": 1, "attempt-12": 12}
    bad = ("attempt-0", "attempt-01", "attempt-", "attempt-x", "attempt-1.claim", "retry-1", "attempt--1", "attempt-²")
    assert {name: attempt_number(name) for name in good} == good
    assert {attempt_number(name) for name in bad} == {None}


def test_a_folder_is_a_folder(tmp_path: Path) -> None:
    assert open_store(str(tmp_path), tmp_path).is_folder
    assert not open_store("memory://x", tmp_path).is_folder
