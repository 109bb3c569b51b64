"""Metrics that stand still, and counters that begin anew in secret, are named; what a sound platform does is not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from readiness.checks.completeness import Expected
from readiness.checks.metrics_truth import counters_move, counters_never_fall
from readiness.model.dataset import ScenarioEvidence
from readiness.model.verdict import Verdict
from synthetic_evidence import COMPONENTS, WITH_METRICS, S, steady_evidence

CLEAN = steady_evidence()
LONG = steady_evidence(rate_per_s=5, measure_s=90)
UNDER_LOAD = Expected(5, COMPONENTS, WITH_METRICS, under_load="automation")
IDLE = Expected(5, COMPONENTS, WITH_METRICS, under_load="another")


def changed(evidence: ScenarioEvidence, change: Callable[[pd.DataFrame, np.ndarray], pd.DataFrame]) -> ScenarioEvidence:
    """``change`` gets the metrics and the seconds since the start of the measured phase."""
    at_s = ((evidence.metrics["time_ns"] - evidence.clock.phase("measure").start_ns) / S).to_numpy()
    return replace(evidence, metrics=change(evidence.metrics, at_s))


def frozen(evidence: ScenarioEvidence, replica: str, from_s: float, to_s: float) -> ScenarioEvidence:
    """The replica shows what it showed last before ``from_s`` until ``to_s``."""

    def stand_still(rows: pd.DataFrame, at_s: np.ndarray) -> pd.DataFrame:
        keys = ["replica", "metric", "labels"]
        last = rows[at_s < from_s].drop_duplicates(keys, keep="last").set_index(keys)["value"]
        held = (rows["replica"] == replica).to_numpy() & (at_s >= from_s) & (at_s < to_s)
        shown = last.reindex(pd.MultiIndex.from_frame(rows[keys])).to_numpy()
        return rows.assign(value=np.where(held, shown, rows["value"]))

    return changed(evidence, stand_still)


def reset(evidence: ScenarioEvidence, *, restarted: bool) -> ScenarioEvidence:
    """The counters of automation-1 begin anew after ten seconds, with or without a new start of its process."""

    def begin_anew(rows: pd.DataFrame, at_s: np.ndarray) -> pd.DataFrame:
        later = (rows["replica"] == "automation-1").to_numpy() & (at_s >= 10)
        keys = ["metric", "labels"]
        first = rows[later].drop_duplicates(keys).set_index(keys)["value"]
        before = first.reindex(pd.MultiIndex.from_frame(rows[keys])).to_numpy()
        counter = rows["metric"].str.endswith("_total").to_numpy()
        value = np.where(later & counter, rows["value"] - before, rows["value"])
        start = (rows["metric"] == "process_start_time_seconds").to_numpy() & later
        return rows.assign(value=np.where(start & restarted, rows["value"] + 100, value))

    return changed(evidence, begin_anew)


def test_sound_metrics_pass() -> None:
    for check in (counters_move, counters_never_fall):
        (found,) = check(CLEAN, UNDER_LOAD)
        assert found.verdict is Verdict.PASS


def test_metrics_that_stand_still_under_load_are_named() -> None:
    (found,) = counters_move(frozen(CLEAN, "automation-2", 5, 17), UNDER_LOAD)
    assert (found.verdict, found.observed) == (Verdict.FAIL, "automation-2: no counter moved for 12.0 s")
    (found,) = counters_move(frozen(CLEAN, "automation-2", 5, 14), UNDER_LOAD)
    assert found.verdict is Verdict.PASS  # shorter than two of the largest gaps: a scrape or two may show the same


def test_a_component_without_load_may_be_quiet_for_a_minute() -> None:
    (found,) = counters_move(frozen(LONG, "automation-0", 5, 60), IDLE)
    assert found.verdict is Verdict.PASS
    (found,) = counters_move(frozen(LONG, "automation-0", 5, 80), IDLE)
    assert (found.verdict, found.observed) == (Verdict.FAIL, "automation-0: no counter moved for 75.0 s")


def test_a_time_without_any_sample_is_not_taken_for_standing_still() -> None:
    gone = changed(LONG, lambda rows, at_s: rows[(rows["replica"] != "automation-0") | (at_s < 5) | (at_s > 80)])
    (found,) = counters_move(gone, IDLE)
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize("restarted", [True, False])
def test_a_counter_may_begin_anew_only_with_a_new_process(restarted: bool) -> None:
    (found,) = counters_never_fall(reset(CLEAN, restarted=restarted), UNDER_LOAD)
    if restarted:
        assert found.verdict is Verdict.PASS
    else:
        assert found.verdict is Verdict.FAIL
        assert "automation-1 process_cpu_seconds_total fell 1 times in one life of its process" in found.observed
        assert "automation-0" not in found.observed


def test_without_a_start_time_a_fall_is_named() -> None:
    unknown = changed(
        reset(CLEAN, restarted=True), lambda rows, _: rows[rows["metric"] != "process_start_time_seconds"]
    )
    (found,) = counters_never_fall(unknown, UNDER_LOAD)
    assert found.verdict is Verdict.FAIL
