"""Everything that was sealed of one scenario, as the bundle that analysis, checks and report read."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from readiness.clients.archive import ArchiveError
from readiness.clients.lean_tables import Lean, read_lean
from readiness.clients.tables import empty_frame, read_table
from readiness.model.dataset import (
    DATASETS,
    DETAILED_ACTIONS,
    FEW_TEXTS,
    METRICS_AT,
    METRICS_COLLECTED_AT,
    OPTIONAL_DATASETS,
    PhaseClock,
    ScenarioEvidence,
)
from readiness.model.document import from_json
from readiness.model.evidence import StageRef, measuring_stages
from readiness.model.image import images_of
from readiness.stages.run import Run

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
_ONLY = {"collect/audit.parquet": {"detail": ("action", DETAILED_ACTIONS)}}
_FACTS: dict[str, tuple[str, ...]] = {
    "load/generator.json": ("finished", "wall_clock_drift_ns"),
    "observe/observe.json": ("interval_s", "started_ns", "finished_ns", "targets", "worst_lag_ms"),
    "collect/collect.json": ("audit", "deliveries", "drained", "deadline_s", "clock", "started_ns", "finished_ns"),
    "probe/probe.json": ("rate_hz", "timeout_s", "started_ns", "finished_ns", "worst_lag_ms", "wall_clock_drift_ns"),
    "drill/drill.json": ("started_ns", "finished_ns", "leftovers", "steps"),
}
"""Facts that analysis and checks need; docs/archive.md says what they mean."""


def read_evidence(run: Run, scenario: str) -> tuple[ScenarioEvidence | None, tuple[str, ...]]:
    """The evidence, or None and what is missing or unreadable, each named."""
    values, _, problems = _read(run, scenario)
    return (
        (None, problems)
        if problems
        else (ScenarioEvidence(scenario=scenario, ingress=run.plan.environment.has_ingress, **values), ())
    )


def what_there_is(run: Run, scenario: str) -> ScenarioEvidence | None:
    """The evidence for people to look at: a data set that is missing or unreadable is empty and named as missing, facts
    that are not there are none. None without the load's phase clock, which everything is drawn along."""
    values, missing, _ = _read(run, scenario)
    if "clock" not in values:
        return None
    always = {name.split("/")[1].removesuffix(".parquet"): columns for name, columns in DATASETS.items()}
    empty = {field: empty_frame(columns) for field, columns in always.items()}
    facts: dict[str, Any] = {"generator": {}, "observe": {}, "collect": {}}
    ingress = run.plan.environment.has_ingress
    return ScenarioEvidence(scenario=scenario, ingress=ingress, missing=missing, **(empty | facts | values))


def _read(run: Run, scenario: str) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """Fields of ScenarioEvidence, the data sets that are not among them, and every problem in words."""
    problems: list[str] = []
    values: dict[str, Any] = {}
    missing: list[str] = []
    stages = measuring_stages(run.plan.scenario(scenario))
    scraped = run.plan.environment.observation.source == "scrape"
    for name, (field, columns) in _of_stages(_tables(), stages).items():
        stage, file = (name if name != METRICS_AT or scraped else METRICS_COLLECTED_AT).split("/")
        ref = StageRef(scenario, stage)
        try:
            values[field] = _read_set(run.archive.file(run.run_id, ref, file), name, columns)
        except (ArchiveError, ValueError) as error:
            missing.append(name)
            problems.append(str(error) if isinstance(error, ArchiveError) else f"{ref}/{file}: {error}")
    for name, keys in _of_stages(_FACTS, stages).items():
        stage, file = name.split("/")
        try:
            facts = values[file.removesuffix(".json")] = run.read_facts(StageRef(scenario, stage), file)
        except ArchiveError as error:
            problems.append(str(error))
            continue
        # Without them nobody would check what came from Prometheus.
        needed = keys if stage != "collect" or scraped else (*keys, "metrics")
        problems += [f"{scenario}/{name}: lacks {key!r}" for key in needed if key not in facts]
    if run.plan.follows_images:
        try:
            values["images"] = images_of(run.status()["components"])
        except ArchiveError as error:
            problems.append(str(error))
    try:
        values["clock"] = from_json(PhaseClock, run.read(StageRef(scenario, "load"), "phases.json"))
    except ArchiveError as error:
        problems.append(str(error))
    except ValueError as error:
        problems.append(f"{scenario}/load/phases.json: damaged ({str(error).splitlines()[0]})")
    return values, tuple(missing), tuple(dict.fromkeys(problems))


def _read_set(path: Path, name: str, columns: dict[str, str]) -> "pd.DataFrame":
    """The large data sets in little memory, the others as they are."""
    if name not in FEW_TEXTS:
        return read_table(path, columns)
    return read_lean(path, columns, Lean(FEW_TEXTS[name], _ONLY.get(name, {})))


def _of_stages(files: dict[str, T], stages: tuple[str, ...]) -> dict[str, T]:
    """Those of the files ("stage/file") that one of the stages leaves."""
    return {name: item for name, item in files.items() if name.split("/")[0] in stages}


def _tables() -> dict[str, tuple[str, dict[str, str]]]:
    """ "stage/file" -> the field of ScenarioEvidence that it fills, and its columns."""
    always = {name: (name.split("/")[1].removesuffix(".parquet"), columns) for name, columns in DATASETS.items()}
    return always | OPTIONAL_DATASETS
