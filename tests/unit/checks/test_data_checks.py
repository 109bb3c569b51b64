"""All checks together: clean evidence passes, faults of the platform are not held against the evidence, and whatever
goes wrong while checking is an ERROR."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from planted_faults import (
    some_events,
    with_duplicate_deliveries,
    with_errors,
    with_metrics_gap,
    with_slow_tail,
    with_unknown_events,
    without_audit,
    without_deliveries,
)
from readiness.checks import data_checks, suites
from readiness.checks.data_checks import check_data
from readiness.checks.expectation import between
from readiness.model.dataset import DATASETS, ScenarioEvidence
from readiness.model.result import DataCheck
from readiness.model.verdict import Verdict
from synthetic_evidence import COMPONENTS, WITH_METRICS, source_of, steady_evidence

CLEAN = steady_evidence()


def checked(evidence: ScenarioEvidence) -> tuple[DataCheck, ...]:
    return check_data(evidence, max_gap_s=5, components=COMPONENTS, with_metrics=WITH_METRICS, source=source_of())


def bad(checks: tuple[DataCheck, ...]) -> dict[str, str]:
    return {f"{c.dataset}: {c.check}": f"{c.verdict} {c.observed}" for c in checks if c.verdict is not Verdict.PASS}


def test_clean_evidence_passes_every_check_and_every_data_set_has_some() -> None:
    checks = checked(CLEAN)
    assert bad(checks) == {}
    assert {check.dataset for check in checks} >= set(DATASETS)
    assert len({(check.dataset, check.check) for check in checks}) == len(checks)
    assert checked(CLEAN) == checks


def many_faults(evidence: ScenarioEvidence) -> ScenarioEvidence:
    ids = some_events(evidence, 8, due=True)
    faulty = with_duplicate_deliveries(without_deliveries(evidence, ids[:4]), ids[4:])
    faulty = with_errors(with_slow_tail(faulty, 0.2, 900), some_events(evidence, 9))
    return with_unknown_events(without_audit(faulty, some_events(evidence, 11)), 3)


@pytest.mark.parametrize(
    "plant",
    [
        many_faults,
        lambda e: with_errors(e, some_events(e, 9), status=0),
        lambda e: without_deliveries(e, e.requests["event_id"].tolist()),
    ],
)
def test_faults_of_the_platform_are_none_of_the_evidence(
    plant: Callable[[ScenarioEvidence], ScenarioEvidence],
) -> None:
    assert bad(checked(plant(CLEAN))) == {}


def test_a_gap_is_found_among_all_checks() -> None:
    assert list(bad(checked(with_metrics_gap(CLEAN, "automation-1", 6)))) == ["observe/metrics.parquet: no gaps"]


def test_a_library_that_cannot_start_is_an_error_of_every_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no library\nat all")

    monkeypatch.setattr(data_checks, "Expectations", broken)
    found = bad(checked(CLEAN))
    assert found == {f"{dataset}: Great Expectations": "ERROR RuntimeError: no library" for dataset in DATASETS}


def test_a_check_that_the_library_cannot_make_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    health = "observe/health.parquet"

    def suite(evidence: ScenarioEvidence, _: tuple[str, ...]) -> suites.Suite:
        return suites.Suite(health, evidence.health, (between("nowhere", 0, 1, "x"), between("replica", 0, 1, "x")))

    monkeypatch.setitem(suites.SUITES, health, suite)
    found = bad(checked(CLEAN))
    assert found[f"{health}: nowhere in range"].startswith("ERROR")
    assert "nowhere" in found[f"{health}: nowhere in range"]
    assert found[f"{health}: replica in range"].startswith("ERROR")


QUIET = """
import logging, socket
logging.basicConfig(level=logging.INFO)
def refuse(*_, **__): raise AssertionError("the checks used the network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from readiness.checks.data_checks import check_data
assert "great_expectations" not in sys.modules, "imported before it is needed"
from synthetic_evidence import COMPONENTS, WITH_METRICS, steady_evidence
found = check_data(steady_evidence(), max_gap_s=5, components=COMPONENTS, with_metrics=WITH_METRICS)
sys.exit(any(check.verdict != "PASS" for check in found))
"""


def test_checking_is_quiet_and_offline() -> None:
    path = [entry for entry in sys.path if entry]
    script = f"import sys; sys.path[:0] = {path!r}\n{QUIET}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
