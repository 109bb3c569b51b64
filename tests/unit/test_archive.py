"""Sealed evidence: whatever happens to it afterwards is found and named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from readiness.clients.archive import Archive, ArchiveError
from readiness.model.evidence import REQUIRED_FILES, StageRef, evidence_stages
from readiness.spec.files import read_scenario

FOLDER = Path(__file__).parents[2] / "scenarios"
STEADY, BURST, FAILOVER = (read_scenario(FOLDER / f"{name}.yaml") for name in ("steady", "burst", "failover"))
SCENARIOS = (STEADY,)
LOAD = StageRef("steady", "load")


def filled(root: Path, run_id: str = "run-1") -> Archive:
    """An archive with one run whose closed set is complete."""
    archive = Archive(root)
    done: list[StageRef] = []
    for ref in evidence_stages(SCENARIOS):
        stage = archive.open_stage(run_id, ref)
        for name in REQUIRED_FILES[ref.stage]:
            (stage.folder / name).write_text(f"{run_id} {ref} {name}")
        archive.seal(stage, inputs=done)
        done.append(ref)
    return archive


def folder(archive: Archive) -> Path:
    return archive.sealed_folder("run-1", LOAD)


def rewrite_seal(archive: Archive, **changes: object) -> None:
    path = folder(archive) / "stage.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_untouched_evidence_has_no_problem_and_a_stable_digest(tmp_path: Path) -> None:
    archive = filled(tmp_path)
    assert archive.check("run-1", SCENARIOS) == ()
    shutil.copytree(tmp_path, tmp_path / "elsewhere")
    moved = Archive(tmp_path / "elsewhere")
    assert moved.evidence_digest("run-1", SCENARIOS) == archive.evidence_digest("run-1", SCENARIOS)


FAULTS: dict[str, tuple[Callable[[Archive], object], str]] = {
    "altered": (lambda a: (folder(a) / "requests.parquet").write_text("x"), "requests.parquet: was altered"),
    "truncated": (lambda a: (folder(a) / "requests.parquet").write_text(""), "requests.parquet: was altered"),
    "removed": (lambda a: (folder(a) / "phases.json").unlink(), "phases.json: is missing"),
    "added": (lambda a: (folder(a) / "extra.json").write_text("x"), "extra.json: was not sealed"),
    "seal removed": (lambda a: (folder(a) / "stage.json").unlink(), "steady/load: no sealed evidence"),
    "seal damaged": (lambda a: (folder(a) / "stage.json").write_text("{"), "stage.json is damaged"),
    "seal rewritten": (lambda a: rewrite_seal(a, files=[]), "requests.parquet: was not sealed"),
    "clock backwards": (lambda a: rewrite_seal(a, finished_ns=1), "went backwards"),
    "failed stage": (lambda a: rewrite_seal(a, outcome="failed", reason="no port"), "the stage failed (no port)"),
    "nonsense as input": (lambda a: rewrite_seal(a, inputs={"nonsense": "0"}), "is not as the archive writes it"),
    "another run": (lambda a: rewrite_seal(a, run_id="run-0"), "of run run-0"),
    "later attempt": (lambda a: a.seal(a.open_stage("run-1", LOAD)), "read another steady/load"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_happens_to_evidence_is_named(tmp_path: Path, fault: str) -> None:
    archive = filled(tmp_path)
    plant, says = FAULTS[fault]
    plant(archive)
    assert any(says in problem for problem in archive.check("run-1", SCENARIOS))


def test_any_change_of_a_seal_changes_the_digest(tmp_path: Path) -> None:
    archive = filled(tmp_path)
    before = archive.evidence_digest("run-1", SCENARIOS)
    rewrite_seal(archive, reason="changed")
    assert archive.evidence_digest("run-1", SCENARIOS) != before


def test_what_is_missing_is_part_of_the_digest_and_a_problem(tmp_path: Path) -> None:
    archive = filled(tmp_path)
    assert any("burst/load: no sealed evidence" in item for item in archive.check("run-1", (STEADY, BURST)))
    before = archive.evidence_digest("run-1", (STEADY, BURST))
    archive.seal(archive.open_stage("run-1", StageRef("burst", "load")))
    assert archive.evidence_digest("run-1", (STEADY, BURST)) != before


def test_a_scenario_with_a_drill_lacks_evidence_without_that_of_the_drill(tmp_path: Path) -> None:
    problems = filled(tmp_path).check("run-1", (FAILOVER,))
    assert {f"failover/{stage}: no sealed evidence in run run-1" for stage in ("probe", "drill")} <= set(problems)


def test_a_sealed_stage_is_not_sealed_again_and_a_retry_is_a_new_attempt(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first = archive.open_stage("run-1", LOAD)
    archive.seal(first)
    with pytest.raises(ArchiveError, match="sealed"):
        archive.seal(first)
    assert archive.open_stage("run-1", LOAD).attempt == 2
    assert archive.sealed_folder("run-1", LOAD) == first.folder
