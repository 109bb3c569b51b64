"""An archive in an S3 service: sealed whole or not at all, tampering named, failures told in one line."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from evidence_places import Place, in_s3
from readiness.clients.stores.store import StoreError
from readiness.self_test.real_run import real_run
from readiness.spec.files import read_scenario
from s3_service import BUCKET, S3Service, s3_service
from tampering import FAULTS, LOAD, filled

ROOT = Path(__file__).parents[2]
SCENARIOS = (read_scenario(ROOT / "scenarios" / "steady.yaml"),)


@pytest.fixture(scope="module")
def service() -> Iterator[S3Service]:
    with s3_service() as running:
        yield running


@pytest.fixture(autouse=True)
def _credentials(service: S3Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from readiness.clients.stores import places

    for name, value in service.environment().items():
        monkeypatch.setenv(name, value)
    places._s3.cache_clear()  # one connection for each process, and here for each test's credentials


@pytest.fixture
def place(service: S3Service, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An archive below a prefix of its own."""
    return in_s3(service.objects(), BUCKET, f"{request.node.name}/archive", tmp_path)


def as_user(user: str, service: S3Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from readiness.clients.stores import places

    for name, value in service.environment(user).items():
        monkeypatch.setenv(name, value)
    places._s3.cache_clear()


def readiness(service: S3Service, *arguments: str, user: str = "stage", **changes: str) -> tuple[int, str, str]:
    """Exit code and both outputs of the command line."""
    environment = os.environ | service.environment(user) | {"READINESS_SCENARIOS": str(ROOT / "scenarios")} | changes
    done = subprocess.run(
        [sys.executable, "-m", "readiness", *arguments], env=environment, capture_output=True, text=True, check=False,
        timeout=150,
    )  # fmt: skip
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_what_happens_to_evidence_is_named(place: Place) -> None:
    # All faults, one after the other, in one archive: each is taken back before the next.
    for run_id in ("run-1", "run-2"):
        filled(place.archive(), SCENARIOS, run_id)
    archive = place.archive()
    at = "runs/run-1/steady/load/attempt-1"
    names = ("plan.json", "requests.parquet", "phases.json", "generator.json", "stage.json")
    kept = {name: place.read(f"{at}/{name}") for name in names}
    # The last fault adds an attempt, which cannot be taken back.
    for fault, (plant, says) in FAULTS.items():
        assert archive.check("run-1", SCENARIOS) == (), f"before {fault}"
        plant(place)
        for reader in (archive, place.archive()):
            assert any(says in problem for problem in reader.check("run-1", SCENARIOS)), fault
        for name, data in kept.items():
            place.write(f"{at}/{name}", data)
        for extra in ("extra.json", "more/extra.json"):
            place.remove(f"{at}/{extra}")


def test_writers_at_once_get_an_attempt_each_and_do_not_mix(place: Place) -> None:
    def write(number: int) -> int:
        archive = place.archive()
        stage = archive.open_stage("run-1", LOAD)
        for name in ("plan.json", "requests.parquet", "phases.json", "generator.json"):
            (stage.folder / name).write_text(f"{number}")
        return archive.seal(stage).attempt

    with ThreadPoolExecutor(6) as writers:
        attempts = list(writers.map(write, range(6)))
    assert sorted(attempts) == list(range(1, 7))
    archive = place.archive()
    assert archive.check_stages("run-1", (LOAD,)) == ()
    texts = {archive.file("run-1", LOAD, name).read_text() for name in ("plan.json", "requests.parquet")}
    assert texts == {str(attempts.index(6))}


def test_a_service_that_is_away_for_a_while_costs_nothing(place: Place, service: S3Service) -> None:
    archive = place.archive()
    stage = archive.open_stage("run-1", LOAD)
    (stage.folder / "phases.json").write_text("x")
    service.away(4.0)
    archive.seal(stage)
    service.away(4.0)
    assert archive.file("run-1", LOAD, "phases.json").read_text() == "x"
    assert not stage.folder.exists()


def test_what_cannot_be_uploaded_is_kept_and_is_no_evidence(
    place: Place, service: S3Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = place.archive()
    stage = archive.open_stage("run-1", LOAD)
    (stage.folder / "phases.json").write_text("x")
    as_user("reader", service, monkeypatch)
    refused = place.archive()
    with pytest.raises(StoreError, match=rf"s3:PutObject.* is kept in {stage.folder}"):
        refused.seal(stage)
    assert (stage.folder / "phases.json").read_text() == "x"
    assert not refused.is_sealed("run-1", LOAD)


def test_least_rights_are_enough_for_a_whole_run_and_for_a_reader(
    service: S3Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READINESS_SCENARIOS", str(ROOT / "scenarios"))
    archive = f"s3://{BUCKET}/whole"
    for attempt in range(4):  # a machine that is too busy for the load says so, and nothing of the archive
        run, decision = real_run("clean", "none", tmp_path / str(attempt), archive)
        if decision.decision == "APPROVED":
            break
    assert decision.decision == "APPROVED", decision.reasons
    assert list((run.home.root / "remote" / "unsealed").iterdir()) == []
    elsewhere = ("--home", str(tmp_path / "elsewhere"), "--archive", archive)
    code, said, _ = readiness(service, "verify", run.run_id, "--json", *elsewhere, user="reader")
    assert (code, json.loads(said)["confirmed"], json.loads(said)["decision"]) == (0, True, "APPROVED")
    code, path, _ = readiness(service, "report", run.run_id, *elsewhere, user="reader")
    assert code == 0
    assert "APPROVED" in Path(path).read_text("utf-8")
    assert run.run_id in readiness(service, "runs", user="reader", READINESS_ARCHIVE=archive)[1]

    # One bit of the report's evidence, behind the back of everybody.
    objects = service.objects()
    key = f"whole/runs/{run.run_id}/clean/collect/attempt-1/audit.parquet"
    data = bytearray(objects.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    data[len(data) // 2] ^= 1
    objects.put_object(Bucket=BUCKET, Key=key, Body=bytes(data))
    code, said, _ = readiness(service, "verify", run.run_id, "--json", *elsewhere, user="reader")
    assert code == 3
    assert "clean/collect/audit.parquet: was altered after it was sealed" in json.loads(said)["problems"]


def test_a_stage_that_cannot_write_its_evidence_makes_the_run_inconclusive(
    service: S3Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READINESS_SCENARIOS", str(ROOT / "scenarios"))
    as_user("blind", service, monkeypatch)
    run, decision = real_run("clean", "none", tmp_path, f"s3://{BUCKET}/blind")
    assert decision.decision == "INCONCLUSIVE"
    assert "clean/observe: no sealed evidence" in "; ".join(decision.reasons)
    (kept,) = (run.home.root / "remote" / "unsealed").iterdir()
    assert (kept / "health.parquet").is_file()


ADDRESS = f"s3://{BUCKET}/archive"
MISTAKES: dict[str, tuple[str, str, dict[str, str], str]] = {
    "no bucket": ("s3://none/archive", "owner", {}, "no such bucket"),
    "no rights": (ADDRESS, "nobody", {}, "may not do this"),
    "no such key": (ADDRESS, "stage", {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, "does not know this AWS_ACC"),
    "wrong secret": (ADDRESS, "stage", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "does not fit AWS_ACCESS_KEY_ID"),
    "no credentials": (ADDRESS, "stage", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials; set"),
    "not an endpoint": (ADDRESS, "stage", {"AWS_ENDPOINT_URL_S3": "nonsense"}, "Invalid endpoint"),
    "credentials in it": ("s3://key:secret@x/y", "stage", {}, "holds credentials"),
    "another scheme": ("gopher://x/y", "stage", {}, "legal are a folder"),
    "no name": ("s3://", "stage", {}, "legal are a folder"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(service: S3Service, tmp_path: Path, mistake: str) -> None:
    archive, user, changes, says = MISTAKES[mistake]
    changes = {**changes, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    arguments = ("--home", str(tmp_path), "--archive", archive)
    code, said, error = readiness(service, "show", "run-1", *arguments, user=user, **changes)
    assert (code, said) == (1, "")
    assert says in error
    assert "\n" not in error
    assert "wrong" not in error
    assert "secret@" not in error


def test_who_may_only_read_starts_nothing(service: S3Service, tmp_path: Path) -> None:
    arguments = ("--home", str(tmp_path), "--archive", ADDRESS)
    code, _, error = readiness(service, "run", "steady", *arguments, user="reader")
    assert code == 1
    assert error.startswith("readiness: _run/plan cannot be recorded: s3://evidence/archive: the credentials may not")
    assert not (tmp_path / "environments").exists()
