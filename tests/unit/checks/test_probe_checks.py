"""Each fault in the probes' samples is found by its rule and shown."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from readiness.analysis.events import write_probes
from readiness.checks.completeness import Expected
from readiness.checks.data_checks import check_data_set
from readiness.checks.great_expectations_run import Expectations
from readiness.checks.probe_checks import probing_complete
from readiness.model.dataset import PROBES as COLUMNS
from readiness.model.dataset import ScenarioEvidence, data_sets_of
from readiness.model.metric import PROBES
from readiness.model.verdict import Verdict
from synthetic_evidence import MS, S, steady_evidence
from synthetic_probes import Down, with_probes

BASE = steady_evidence(rate_per_s=1, measure_s=5)
CLEAN = with_probes(BASE, [Down(BASE.clock.phase("measure").start_ns + S, 0.3)], tail_s=2)
Change = Callable[[pd.DataFrame], pd.DataFrame]
NOTHING = Expected(5, {}, frozenset())


def cell(column: str, value: Any, row: int = 5) -> Change:
    return lambda rows: rows.assign(**{column: rows[column].where(rows.index != row, value)})


def changed(change: Change) -> ScenarioEvidence:
    assert CLEAN.probes is not None
    return replace(CLEAN, probes=change(CLEAN.probes.copy()))


FAULTS: list[tuple[Change, str]] = [
    (lambda rows: rows.iloc[:0], "not empty"),
    (lambda rows: rows.astype({"sent_ns": "float64"}), "types"),
    (lambda rows: rows.drop(columns="connection"), "columns"),
    (cell("path", "delete"), "path legal"),
    (cell("connection", "old"), "connection legal"),
    (cell("status", 99), "status legal"),
    (cell("seq", 0), "unique seq"),
    (cell("event_id", "", 1), "event of writes only"),
    (cell("event_id", "x", 0), "event of writes only"),
    (lambda rows: cell("event_id", rows["event_id"].iloc[1], 3)(rows), "unique own_event"),
    (cell("error", "reset"), "failure has its reason"),
    (cell("done_ns", pd.NA), "failure has its reason"),
    (lambda rows: rows.assign(sent_ns=rows["sent_ns"] - 10 * MS * (rows.index == 9)), "sent in order"),
    (lambda rows: rows.assign(sent_ns=rows["sent_ns"] - 10 * MS * (rows.index == 9)), "send_lag_ns in range"),
    (lambda rows: rows.assign(done_ns=rows["done_ns"] - S * (rows.index == 900)), "took_ns in range"),
    (cell("sent_ns", BASE.clock.phase("measure").end_ns + 99 * S), "sent_ns in range"),
]


@pytest.fixture(scope="module")
def runner() -> Expectations:
    return Expectations()


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_a_planted_fault_is_found_by_its_rule(runner: Expectations, number: int) -> None:
    change, check = FAULTS[number]
    found = {c.check: c.verdict for c in check_data_set(runner, changed(change), PROBES, ())}
    assert found[check] is Verdict.FAIL, found
    assert Verdict.ERROR not in found.values()


def test_clean_samples_pass(runner: Expectations) -> None:
    assert PROBES in data_sets_of(CLEAN)
    assert PROBES not in data_sets_of(BASE)
    checks = (*check_data_set(runner, CLEAN, PROBES, ()), *probing_complete(CLEAN, NOTHING))
    assert [check for check in checks if check.verdict is not Verdict.PASS] == []
    assert tuple(probing_complete(BASE, NOTHING)) == ()


def test_a_path_that_nobody_probed_is_named() -> None:
    evidence = changed(lambda rows: rows[(rows["path"] != "write") | (rows["connection"] != "new")])
    found = {check.check: check for check in probing_complete(evidence, NOTHING)}
    assert (found["every path probed"].verdict, found["every path probed"].observed) == (Verdict.FAIL, "write new")


def test_a_rate_that_was_not_reached_is_named() -> None:
    evidence = changed(lambda rows: rows[(rows.index % 5 != 0) | (rows["path"] != "read")].astype(COLUMNS))
    found = {check.check: check for check in probing_complete(evidence, NOTHING)}
    assert found["rate reached"].verdict is Verdict.FAIL
    assert "read new 88" in found["rate reached"].observed
    assert "write" not in found["rate reached"].observed


@pytest.mark.parametrize(
    ("fact", "value", "says"),
    [
        ("started_ns", BASE.clock.phase("measure").start_ns + 1, "started after"),
        ("finished_ns", BASE.clock.phase("measure").end_ns - 1, "ended before"),
        ("wall_clock_drift_ns", 3_600 * S, "set by 3600000 ms"),
        ("wall_clock_drift_ns", float("nan"), "set by nan"),
    ],
)
def test_probing_that_missed_the_load_or_its_clock_is_named(fact: str, value: float, says: str) -> None:
    assert CLEAN.probe is not None
    evidence = replace(CLEAN, probe=CLEAN.probe | {fact: value})
    found = {check.check: check for check in probing_complete(evidence, NOTHING)}
    assert found["probed throughout"].verdict is Verdict.FAIL
    assert says in found["probed throughout"].observed


def test_paths_through_the_ingress_follow_the_environment(runner: Expectations) -> None:
    with_ingress = with_probes(BASE, ingress=True)
    checks = (*check_data_set(runner, with_ingress, PROBES, ()), *probing_complete(with_ingress, NOTHING))
    assert [check for check in checks if check.verdict is not Verdict.PASS] == []
    named_and_not_probed = {check.check: check for check in probing_complete(replace(CLEAN, ingress=True), NOTHING)}
    assert named_and_not_probed["every path probed"].verdict is Verdict.FAIL
    assert (
        "ingress-read new; ingress-read reused; ingress-write new" in named_and_not_probed["every path probed"].observed
    )
    probed_and_not_named = replace(with_ingress, ingress=False)
    found = {check.check: check.verdict for check in check_data_set(runner, probed_and_not_named, PROBES, ())}
    assert found["path legal"] is Verdict.FAIL


def test_a_write_through_the_ingress_is_an_event_of_its_own(runner: Expectations) -> None:
    evidence = with_probes(BASE, ingress=True)
    assert evidence.probes is not None
    rows = evidence.probes.assign(
        event_id=evidence.probes["event_id"].where(evidence.probes["path"] != "ingress-write", "")
    )
    found = {check.check: check.verdict for check in check_data_set(runner, replace(evidence, probes=rows), PROBES, ())}
    assert found["event of writes only"] is Verdict.FAIL
    written = write_probes(evidence)
    assert written is not None
    assert len(written) == evidence.probes["path"].isin(["write", "ingress-write"]).sum() > 0
    assert set(written["path"]) == {"write", "ingress-write"}
