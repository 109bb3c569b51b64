"""Few texts held as categories change nothing that is said of evidence, good or bad."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from planted_faults import some_events, with_duplicate_deliveries, with_errors, with_metrics_gap, without_audit
from readiness.analysis.judge import judge_scenario
from readiness.checks.data_checks import check_data
from readiness.model.dataset import DATASETS, FEW_TEXTS, ScenarioEvidence, frame_of
from readiness.model.result import DataCheck, ScenarioResult
from readiness.model.verdict import Verdict
from readiness.spec.files import read_scenario
from synthetic_evidence import COMPONENTS, WITH_METRICS, source_of, steady_evidence

SCENARIO = read_scenario(Path(__file__).parents[3] / "scenarios" / "sustained.yaml")
CLEAN = steady_evidence()
Change = Callable[[ScenarioEvidence], ScenarioEvidence]


def with_categories(evidence: ScenarioEvidence) -> ScenarioEvidence:
    """The evidence as the check stage holds it."""
    frames = {}
    for dataset in DATASETS:
        rows = frame_of(evidence, dataset)
        few = [name for name in FEW_TEXTS[dataset] if name in rows and rows[name].dtype == "str"]
        frames[dataset.split("/")[1].removesuffix(".parquet")] = rows.astype(dict.fromkeys(few, "category"))
    return replace(evidence, **frames)


def cell(field: str, column: str, value: Any, row: int = 5) -> Change:
    def change(evidence: ScenarioEvidence) -> ScenarioEvidence:
        rows = getattr(evidence, field)
        column_with_it = rows[column].where(rows.index != row, value)
        return replace(evidence, **{field: rows.assign(**{column: column_with_it})})

    return change


def of_type(field: str, column: str, kind: str) -> Change:
    def change(evidence: ScenarioEvidence) -> ScenarioEvidence:
        rows = getattr(evidence, field)
        return replace(evidence, **{field: rows.assign(**{column: pd.Series([1] * len(rows), dtype=kind)})})

    return change


def judged(evidence: ScenarioEvidence) -> tuple[tuple[DataCheck, ...], ScenarioResult]:
    checks = check_data(evidence, max_gap_s=5, components=COMPONENTS, with_metrics=WITH_METRICS, source=source_of())
    return checks, judge_scenario(SCENARIO, evidence, checks, ())


PLANTED: dict[str, Change] = {
    "nothing": lambda e: e,
    "several faults": lambda e: with_errors(
        with_duplicate_deliveries(without_audit(e, some_events(e, 11)), some_events(e, 4, due=True)), some_events(e, 9)
    ),
    "a gap": lambda e: with_metrics_gap(e, "automation-0", 12),
    "unknown phase": cell("requests", "phase", "drain"),
    "no phase": cell("requests", "phase", None),
    "no labels": cell("metrics", "labels", None),
    "a series twice": lambda e: replace(e, metrics=pd.concat([e.metrics, e.metrics.iloc[-1:]], ignore_index=True)),
    "no number": cell("metrics", "value", float("inf")),
    "a counter falls": lambda e: replace(e, metrics=e.metrics.assign(value=e.metrics["value"].to_numpy()[::-1])),
    "empty replica": cell("health", "replica", ""),
    "unknown action": cell("audit", "action", "nonsense"),
    "no due": cell("audit", "due", None),
    "another source": cell("audit", "source", "another/run"),
    "numbers as component": of_type("metrics", "component", "int64"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_same_is_said_and_what_is_planted_is_found(name: str) -> None:
    planted = PLANTED[name](CLEAN)
    checks, result = judged(with_categories(planted))
    assert (checks, result) == judged(planted)
    assert all(check.verdict is Verdict.PASS for check in checks) is (name in ("nothing", "several faults"))
