"""Check: turn the sealed evidence of a scenario into its result. The same function serves `readiness verify`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from readiness.clients.archive import ArchiveError
from readiness.clients.tables import same_pieces, write_pieces
from readiness.model.dataset import LEDGER
from readiness.model.evidence import RUN_SCOPE, RUN_STAGES, StageRef, measuring_stages
from readiness.model.result import ScenarioResult
from readiness.stages.evidence_reader import read_evidence
from readiness.stages.recording import recording
from readiness.stages.run import Run

if TYPE_CHECKING:
    import pyarrow as pa

    from readiness.analysis.ledger import Ledger

LEDGER_FILE = "ledger.parquet"


@dataclass(frozen=True)
class Examination:
    """What the evidence leads to. ``ledger`` None: it cannot be made from this evidence, and the result says why."""

    result: ScenarioResult
    ledger: "Ledger | None"


def check(run: Run, name: str) -> ScenarioResult:
    """Judge the scenario and seal ``result.json`` and the whole ledger. Bad evidence is a result too (not trusted), no
    error."""
    with recording(run, StageRef(name, "check"), _inputs(run, name)) as record:
        found = examination(run, name)
        record.write("result.json", found.result)
        record.rows[LEDGER_FILE] = write_pieces(_pieces(found), record.folder / LEDGER_FILE, LEDGER)
        return found.result


def _pieces(found: Examination) -> "Iterable[pa.Table]":
    """The whole ledger; no row where it cannot be made."""
    return () if found.ledger is None else found.ledger.pieces()


def _inputs(run: Run, name: str) -> tuple[StageRef, ...]:
    return (*run_inputs(), *(StageRef(name, stage) for stage in measuring_stages(run.plan.scenario(name))))


def run_inputs() -> tuple[StageRef, ...]:
    """The stages of the whole run that every result rests on."""
    return tuple(StageRef(RUN_SCOPE, stage) for stage in RUN_STAGES)


def examine(run: Run, name: str) -> ScenarioResult:
    """The result that the archive's evidence leads to, computed anew; nothing is written."""
    return examination(run, name).result


def examination(run: Run, name: str) -> Examination:
    """As ``examine``, with the whole ledger."""
    from readiness.analysis.judge import judge_scenario
    from readiness.analysis.readings import Readings
    from readiness.checks.data_checks import check_data

    scenario, environment = run.plan.scenario(name), run.plan.environment
    problems = list(run.archive.check_stages(run.run_id, _inputs(run, name)))
    evidence, unreadable = read_evidence(run, name)
    problems += [problem for problem in unreadable if problem not in problems]
    if evidence is None:
        return Examination(judge_scenario(scenario, None, (), tuple(problems)), None)
    with_metrics = frozenset(component for component, declared in environment.components.items() if declared.metrics)
    checks = check_data(
        evidence,
        max_gap_s=environment.observation.max_gap,
        components=run.replicas(),
        most=run.most_replicas(),
        with_metrics=with_metrics,
        source=run.source(name),
        under_load=environment.under_load,
        absent=environment.absent,
    )
    profile, readings = scenario.profiles[run.plan.profile], Readings(evidence)
    result = judge_scenario(
        scenario, evidence, checks, tuple(problems), profile=profile, readings=readings, absent=environment.absent
    )
    return Examination(result, None if result.ledger is None else readings.ledger)


def ledger_problems(run: Run, name: str, found: Examination) -> tuple[str, ...]:
    """How the sealed ledger differs from that of the evidence; a file that is missing or damaged is the archive's to
    name."""
    try:
        path = run.archive.file(run.run_id, StageRef(name, "check"), LEDGER_FILE)
        same = same_pieces(path, _pieces(found), LEDGER)
    except (ArchiveError, OSError, ValueError):
        return ()
    return () if same else (f"{name}/check/{LEDGER_FILE}: is not the ledger of the evidence beside it",)
