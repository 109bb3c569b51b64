"""Sealed evidence, in a folder and as objects: whatever happens to it afterwards is found and named."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from evidence_places import Place, in_folder, in_memory
from readiness.clients.archive import ArchiveError
from readiness.model.evidence import REQUIRED_FILES, StageRef, evidence_stages
from readiness.spec.files import read_scenario
from tampering import FAULTS, LOAD, filled, rewrite_seal

FOLDER = Path(__file__).parents[2] / "scenarios"
STEADY, BURST, FAILOVER = (read_scenario(FOLDER / f"{name}.yaml") for name in ("steady", "burst", "failover"))
SCENARIOS = (STEADY,)
KINDS = {"folder": in_folder, "objects": in_memory}


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An archive with two runs whose closed sets are complete."""
    made: Place = KINDS[request.param](tmp_path)
    for run_id in ("run-1", "run-2"):
        filled(made.archive(), SCENARIOS, run_id)
    return made


def test_untouched_evidence_has_no_problem_and_a_stable_digest(place: Place, tmp_path: Path) -> None:
    archive = place.archive()
    assert archive.check("run-1", SCENARIOS) == ()
    # What is below a prefix of a bucket is, file by file, an archive in a folder, and the other way round.
    moved = in_folder(tmp_path / "elsewhere")
    for ref in evidence_stages(SCENARIOS):
        at = f"runs/run-1/{ref.scope}/{ref.stage}/attempt-1"
        for name in (*REQUIRED_FILES[ref.stage], "stage.json"):
            moved.write(f"{at}/{name}", place.read(f"{at}/{name}"))
    assert moved.archive().check("run-1", SCENARIOS) == ()
    assert moved.archive().evidence_digest("run-1", SCENARIOS) == archive.evidence_digest("run-1", SCENARIOS)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_happens_to_evidence_is_named(place: Place, fault: str) -> None:
    plant, says = FAULTS[fault]
    archive = place.archive()
    assert archive.check("run-1", SCENARIOS) == ()  # what was read before must not hide what happens now
    plant(place)
    for reader in (archive, place.archive()):
        assert any(says in problem for problem in reader.check("run-1", SCENARIOS))


def test_any_change_of_a_seal_changes_the_digest(place: Place) -> None:
    archive = place.archive()
    before = archive.evidence_digest("run-1", SCENARIOS)
    rewrite_seal(place, reason="changed")
    assert archive.evidence_digest("run-1", SCENARIOS) != before


def test_what_is_missing_is_part_of_the_digest_and_a_problem(place: Place) -> None:
    archive = place.archive()
    assert any("burst/load: no sealed evidence" in item for item in archive.check("run-1", (STEADY, BURST)))
    before = archive.evidence_digest("run-1", (STEADY, BURST))
    archive.seal(archive.open_stage("run-1", StageRef("burst", "load")))
    assert archive.evidence_digest("run-1", (STEADY, BURST)) != before


def test_a_scenario_with_a_drill_lacks_evidence_without_that_of_the_drill(place: Place) -> None:
    problems = place.archive().check("run-1", (FAILOVER,))
    assert {f"failover/{stage}: no sealed evidence in run run-1" for stage in ("probe", "drill")} <= set(problems)


def test_a_sealed_stage_is_not_sealed_again_and_a_retry_is_a_new_attempt(place: Place) -> None:
    archive = place.archive()
    first = archive.open_stage("run-3", LOAD)
    archive.seal(first)
    with pytest.raises(ArchiveError, match="sealed"):
        archive.seal(first)
    assert archive.open_stage("run-3", LOAD).attempt == 2  # never sealed: it does not count
    assert place.archive().read_seal("run-3", LOAD).attempt == 1


def test_the_last_sealed_attempt_counts_and_earlier_ones_are_kept(place: Place) -> None:
    for text in ("first", "second"):
        archive = place.archive()
        stage = archive.open_stage("run-3", LOAD)
        (stage.folder / "phases.json").write_text(text)
        archive.seal(stage)
    archive = place.archive()
    assert archive.file("run-3", LOAD, "phases.json").read_text() == "second"
    assert [path.read_text() for path in archive.in_every_attempt("run-3", LOAD, "phases.json")] == ["first", "second"]
    with pytest.raises(ArchiveError, match=r"steady/load/plan\.json: is missing"):
        archive.file("run-3", LOAD, "plan.json")
    assert set(archive.runs()) == {"run-1", "run-2", "run-3"}


def test_writers_at_once_get_an_attempt_each(place: Place) -> None:
    with ThreadPoolExecutor(8) as writers:
        opened = list(writers.map(lambda _: place.archive().open_stage("run-3", LOAD), range(8)))
    assert sorted(stage.attempt for stage in opened) == list(range(1, 9))
    assert len({stage.folder for stage in opened}) == 8
