"""What can happen to sealed evidence, and what the archive must say of it. Serves every kind of place."""

import json
from collections.abc import Callable

from evidence_places import Place
from readiness.clients.archive import Archive
from readiness.model.evidence import REQUIRED_FILES, StageRef, evidence_stages
from readiness.model.scenario import Scenario

LOAD = StageRef("steady", "load")
_AT = "runs/run-1/steady/load/attempt-1"


def filled(archive: Archive, scenarios: tuple[Scenario, ...], run_id: str = "run-1") -> None:
    """Add a run whose closed set is complete."""
    done: list[StageRef] = []
    for ref in evidence_stages(scenarios):
        stage = archive.open_stage(run_id, ref)
        for name in REQUIRED_FILES[ref.stage]:
            (stage.folder / name).write_text(f"{run_id} {ref} {name}")
        archive.seal(stage, inputs=done)
        done.append(ref)


def rewrite_seal(place: Place, **changes: object) -> None:
    """Change some of what the seal of the load stage says."""
    seal = json.loads(place.read(f"{_AT}/stage.json")) | changes
    place.write(f"{_AT}/stage.json", json.dumps(seal).encode())


def _of_another_run(place: Place, name: str) -> None:
    place.write(f"{_AT}/{name}", place.read(f"{_AT.replace('run-1', 'run-2')}/{name}"))


def _later_attempt(place: Place) -> None:
    archive = place.archive()
    archive.seal(archive.open_stage("run-1", LOAD))


FAULTS: dict[str, tuple[Callable[[Place], object], str]] = {
    "altered": (lambda p: p.write(f"{_AT}/requests.parquet", b"x"), "requests.parquet: was altered"),
    "truncated": (lambda p: p.write(f"{_AT}/requests.parquet", b""), "requests.parquet: was altered"),
    "same length": (
        lambda p: p.write(f"{_AT}/requests.parquet", p.read(f"{_AT}/requests.parquet").swapcase()),
        "requests.parquet: was altered",
    ),
    "removed": (lambda p: p.remove(f"{_AT}/phases.json"), "phases.json: is missing"),
    "added": (lambda p: p.write(f"{_AT}/extra.json", b"x"), "extra.json: was not sealed"),
    "added below": (lambda p: p.write(f"{_AT}/more/extra.json", b"x"), "more/extra.json: was not sealed"),
    "seal removed": (lambda p: p.remove(f"{_AT}/stage.json"), "steady/load: no sealed evidence"),
    "seal damaged": (lambda p: p.write(f"{_AT}/stage.json", b"{"), "stage.json is damaged"),
    "seal rewritten": (lambda p: rewrite_seal(p, files=[]), "requests.parquet: was not sealed"),
    "seal replaced": (lambda p: _of_another_run(p, "stage.json"), "of run run-2"),
    "another run's file": (lambda p: _of_another_run(p, "requests.parquet"), "requests.parquet: was altered"),
    "clock backwards": (lambda p: rewrite_seal(p, finished_ns=1), "went backwards"),
    "failed stage": (lambda p: rewrite_seal(p, outcome="failed", reason="no port"), "the stage failed (no port)"),
    "nonsense as input": (lambda p: rewrite_seal(p, inputs={"nonsense": "0"}), "is not as the archive writes it"),
    "another run": (lambda p: rewrite_seal(p, run_id="run-0"), "of run run-0"),
    "later attempt": (_later_attempt, "read another steady/load"),
}
