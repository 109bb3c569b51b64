"""Each fault in the rows of a data set is found by its rule and shown."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from readiness.checks.data_checks import check_data_set
from readiness.checks.great_expectations_run import Expectations
from readiness.model.dataset import DATASETS
from readiness.model.verdict import Verdict
from synthetic_evidence import COMPONENTS, S, steady_evidence

CLEAN = steady_evidence()
MEASURE = CLEAN.clock.phase("measure")
EVENT = str(CLEAN.requests["event_id"].iloc[0])
Change = Callable[[pd.DataFrame], pd.DataFrame]


def cell(column: str, value: Any, row: int = 5) -> Change:
    return lambda rows: rows.assign(**{column: rows[column].where(rows.index != row, value)})


def earlier(column: str, by_ns: int, row: int = 9) -> Change:
    return lambda rows: rows.assign(**{column: rows[column] - by_ns * (rows.index == row)})


def last_twice(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows, rows.iloc[-1:]])


def none(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[:0]


# How to plant it, the check that finds it, what the check says.
FAULTS: dict[str, list[tuple[Change, str, str]]] = {
    "load/requests.parquet": [
        (none, "not empty", "0"),
        (lambda r: r.astype({"sent_ns": "float64"}), "types", "sent_ns: float64"),
        (cell("event_id", None), "event_id present", "1 of 700"),
        (cell("event_id", ""), "event_id named", "1 of 700"),
        (cell("event_id", EVENT), "unique event_id", f"2 of 700 rows do not, such as {EVENT}"),
        (cell("seq", 0), "unique seq", "2 of 700"),
        (cell("status", 99), "status legal", "99"),
        (cell("phase", "drain"), "phase legal", "drain"),
        (cell("phase", "measure"), "phase and time agree", "1 of 700"),
        (earlier("sent_ns", 10**7), "send_lag_ns in range", "1 of 700"),
        (earlier("done_ns", 10**8), "answer_took_ns in range", "1 of 700"),
        (cell("sent_ns", MEASURE.end_ns + 99 * S), "sent_ns in range", "1 of 700"),
        (cell("done_ns", MEASURE.end_ns + 99 * S), "done_ns in range", "1 of 700"),
        (cell("intended_ns", MEASURE.end_ns + 1000), "intended_ns in range", "1 of 700"),
        (cell("done_ns", pd.NA), "answer and status agree", "1 of 700"),
        (cell("error", "timeout"), "answer and status agree", "1 of 700"),
    ],
    "observe/metrics.parquet": [
        (none, "not empty", "0"),
        (cell("value", np.nan), "value present", "1 of"),
        (cell("value", np.inf), "value in range", "1 of"),
        (last_twice, "unique time_ns and replica and metric and labels", "2 of"),
        (cell("component", "vpn"), "component legal", "vpn"),
        (cell("metric", ""), "metric named", "1 of"),
        (cell("time_ns", MEASURE.end_ns + 99 * S), "time_ns in range", "1 of"),
    ],
    "observe/health.parquet": [
        (none, "not empty", "0"),
        (lambda r: r.astype({"replica": object}), "types", "replica: object"),
        (last_twice, "unique time_ns and replica", "2 of"),
        (cell("component", "vpn"), "component legal", "vpn"),
        (cell("answered", False), "ready only if answered", "1 of"),
        (cell("took_ms", -1.0), "took_ms in range", "-1.0"),
        (cell("took_ms", np.nan), "answered has a time", "1 of"),
        (cell("time_ns", MEASURE.end_ns + 99 * S), "time_ns in range", "1 of"),
    ],
    "collect/audit.parquet": [
        (none, "not empty", "0"),
        (lambda r: r.drop(columns="due"), "columns", "action, at_ns"),
        (lambda r: r.assign(more=1), "columns", "more"),
        (cell("seq", 1), "unique seq", "2 of"),
        (cell("action", "eaten"), "action legal", "eaten"),
        (cell("level", "mild"), "level legal", "mild"),
        (cell("risk", 11.0), "risk in range", "11.0"),
        (cell("at_ns", MEASURE.start_ns - 3600 * S), "at_ns in range", "1 of"),
        (lambda r: r.assign(level="").astype({"level": "str"}), "assessed has its fields", "700 of"),
        (lambda r: r.assign(channel="").astype({"channel": "str"}), "delivery has its channel", "of"),
    ],
    "collect/deliveries.parquet": [
        (cell("level", ""), "level legal", "1 of"),
        (cell("channel", ""), "channel named", "1 of"),
        (cell("delivery_id", None), "delivery_id present", "1 of"),
        (cell("received_at_ns", 5), "received_at_ns in range", "1 of"),
    ],
}


@pytest.fixture(scope="module")
def runner() -> Expectations:
    return Expectations()


@pytest.mark.parametrize(
    ("dataset", "number"), [(dataset, number) for dataset, faults in FAULTS.items() for number in range(len(faults))]
)
def test_a_planted_fault_is_found_by_its_rule(runner: Expectations, dataset: str, number: int) -> None:
    plant, check, says = FAULTS[dataset][number]
    name = dataset.split("/")[1].removesuffix(".parquet")
    evidence = replace(CLEAN, **{name: plant(getattr(CLEAN, name).copy())})
    checks = check_data_set(runner, evidence, dataset, tuple(COMPONENTS))
    found = {c.check: c.observed for c in checks if c.verdict is Verdict.FAIL}
    assert check in found, found
    assert says in found[check]
    assert Verdict.ERROR not in {c.verdict for c in checks}


@pytest.mark.parametrize("dataset", DATASETS)
def test_clean_rows_pass(runner: Expectations, dataset: str) -> None:
    checks = check_data_set(runner, CLEAN, dataset, tuple(COMPONENTS))
    assert [c for c in checks if c.verdict is not Verdict.PASS] == []
    assert len(checks) > 5


def test_a_suite_that_lacks_a_fact_is_an_error(runner: Expectations) -> None:
    facts = {key: value for key, value in CLEAN.observe.items() if key != "interval_s"}
    checks = check_data_set(runner, replace(CLEAN, observe=facts), "observe/health.parquet", tuple(COMPONENTS))
    assert [(c.verdict, c.observed) for c in checks] == [(Verdict.ERROR, "KeyError: 'interval_s'")]


def test_events_of_probes_may_come_before_the_load_starts() -> None:
    early = replace(CLEAN, audit=CLEAN.audit.assign(at_ns=CLEAN.audit["at_ns"].where(CLEAN.audit.index != 5, 0)))
    first_ns = CLEAN.clock.phases[0].start_ns
    early = replace(early, audit=early.audit.replace({"at_ns": {0: first_ns - 4 * S}}))
    runner = Expectations()

    def found(probe: dict[str, Any] | None) -> Verdict:
        checks = check_data_set(runner, replace(early, probe=probe), "collect/audit.parquet", tuple(COMPONENTS))
        return next(check.verdict for check in checks if check.check == "at_ns in range")

    assert found({"started_ns": first_ns - 5 * S}) is Verdict.PASS
    assert found({"started_ns": first_ns - 2 * S}) is Verdict.FAIL
    assert found(None) is Verdict.FAIL
