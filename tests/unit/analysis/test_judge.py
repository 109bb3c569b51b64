"""Verdicts: only proof passes, only a violation fails, and what cannot be told says so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted_faults import some_events, with_errors, with_generator_lag, without_audit
from readiness.analysis.bound import AtLeast
from readiness.analysis.judge import judge_objective, judge_scenario
from readiness.model.dataset import ScenarioEvidence
from readiness.model.document import from_json, to_json
from readiness.model.interval import Interval
from readiness.model.result import DataCheck, Measurement, ScenarioResult
from readiness.model.scenario import Objective, Scenario
from readiness.model.verdict import Verdict
from readiness.spec.files import read_scenario
from synthetic_evidence import steady_evidence

SCENARIOS = Path(__file__).parents[3] / "scenarios"
CHECKED = (DataCheck("load/requests.parquet", "columns", Verdict.PASS, "", ""),)
PASS, WARN, FAIL, NO_DATA = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.NO_DATA


def objective(metric: str, must: str, **more: Any) -> Objective:
    return Objective.model_validate({"name": "one", "metric": metric, "must": must} | more)


def measured(value: float | None, low: float | None = None, high: float | None = None) -> Measurement:
    interval = None if low is None or high is None else Interval(low, high, 0.95)
    return Measurement(value, interval, 100, "a note")


LATENCY = objective("accept_latency", "< 200ms", statistic="p95")
LARGEST = objective("accept_latency", "< 200ms", statistic="max")
LOST = objective("events_lost", "== 0")
READY = objective("replica_ready", "== 100%")
ERRORS = objective("error_rate", "< 0.1%")
AVAILABLE = objective("availability", ">= 99.99%")
RECOVERY = objective("queue_recovery_time", "< 2min")
SLOPE = objective("memory_slope", "<= 1MiB/h")


@pytest.mark.parametrize(
    ("asked", "found", "verdict"),
    [
        (LATENCY, measured(0.1, 0.09, 0.11), PASS),
        (LATENCY, measured(0.19, 0.18, 0.2), NO_DATA),
        (LATENCY, measured(0.2, 0.18, 0.25), FAIL),
        (LATENCY, measured(0.3, 0.25, 0.35), FAIL),
        (LATENCY, measured(0.1), NO_DATA),
        (LATENCY, measured(0.3), FAIL),
        (LATENCY, measured(None), NO_DATA),
        (LATENCY, measured(float("nan")), NO_DATA),
        (LATENCY, AtLeast(None, None, 100, "7 of 100 requests without success"), FAIL),
        (LARGEST, measured(0.1), PASS),
        (LARGEST, measured(0.3), FAIL),
        (LOST, measured(0), PASS),
        (LOST, measured(1), FAIL),
        (LOST, measured(None), NO_DATA),
        (READY, measured(1, 0.99, 1), PASS),
        (READY, measured(0.999, 0.99, 1), FAIL),
        (objective("availability", ">= 100%"), measured(1, 0.99, 1), PASS),
        (objective("error_rate", "<= 0%"), measured(0, 0, 0.01), PASS),
        (ERRORS, measured(0, 0, 0.0009), PASS),
        (ERRORS, measured(0, 0, 0.002), NO_DATA),
        (ERRORS, measured(0.002, 0.0001, 0.004), FAIL),
        (AVAILABLE, measured(1, 0.99985, 1), NO_DATA),
        (AVAILABLE, measured(1, 0.99995, 1), PASS),
        (RECOVERY, measured(30, 29, 30), PASS),
        (RECOVERY, measured(120.5, 119.5, 120.5), FAIL),
        (RECOVERY, AtLeast(None, None, 100, "still 7", bound=60), NO_DATA),
        (RECOVERY, AtLeast(None, None, 100, "still 7", bound=120), FAIL),
        (SLOPE, measured(1000, -1e5, 1e5), PASS),
        (SLOPE, measured(1000, -1e7, 1e7), NO_DATA),
        (SLOPE, measured(2e6, 1.5e6, 2.5e6), FAIL),
        (objective("achieved_rate", "> 60/min"), measured(1.5), PASS),
        (objective("achieved_rate", "> 60/min"), measured(0.5), FAIL),
    ],
)
def test_verdict_of_an_objective(asked: Objective, found: Measurement, verdict: Verdict) -> None:
    result = judge_objective(asked, found)
    assert result.verdict is verdict
    assert result.reason
    assert result.must == str(asked.must)


def test_what_cannot_be_told_says_measure_longer_and_shows_the_interval() -> None:
    result = judge_objective(LATENCY, measured(0.19, 0.18, 0.21))
    assert result.reason.startswith("measure longer: 180 ms to 210 ms does not lie wholly < 200 ms")
    assert result.shown == "190 ms (180 ms to 210 ms)"


@pytest.mark.parametrize("found", [measured(0.3, 0.2, 0.4), measured(None), measured(0.1)])
def test_an_advisory_objective_warns_and_no_more(found: Measurement) -> None:
    advisory = objective("accept_latency", "< 200ms", statistic="p95", severity="advisory")
    assert judge_objective(advisory, found).verdict is WARN
    assert judge_objective(advisory, measured(0.1, 0.1, 0.1)).verdict is PASS


def test_a_result_without_end_can_be_stored() -> None:
    result = judge_objective(LATENCY, AtLeast(None, None, 100, "7 of 100 requests without success"))
    assert from_json(type(result), to_json(result)) == result
    assert result.shown == "without end"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(SCENARIOS / "steady.yaml")


@pytest.fixture(scope="module")
def clean() -> ScenarioEvidence:
    return steady_evidence(rate_per_s=5000 / 60, measure_s=60)


def judged(scenario: Scenario, evidence: ScenarioEvidence | None, **more: Any) -> ScenarioResult:
    return judge_scenario(scenario, evidence, more.pop("checks", CHECKED), more.pop("problems", ()), **more)


def test_clean_evidence_is_trusted_and_passes(scenario: Scenario, clean: ScenarioEvidence) -> None:
    result = judged(scenario, clean, profile=scenario.profiles["smoke"])
    assert (result.trusted, result.problems, result.verdict) == (True, (), PASS)
    assert [o.name for o in result.objectives] == [o.name for o in scenario.objectives]
    assert from_json(ScenarioResult, to_json(result)) == result
    assert to_json(judged(scenario, clean)) == to_json(judged(scenario, clean))


@pytest.mark.parametrize("name", [path.stem for path in sorted(SCENARIOS.glob("*.yaml"))])
def test_every_shipped_scenario_can_be_judged_and_stored(name: str, clean: ScenarioEvidence) -> None:
    result = judged(read_scenario(SCENARIOS / f"{name}.yaml"), clean)
    assert from_json(ScenarioResult, to_json(result)) == result


def test_faults_of_the_platform_fail_on_trusted_evidence(scenario: Scenario, clean: ScenarioEvidence) -> None:
    result = judged(scenario, without_audit(clean, some_events(clean, 2)))
    assert result.trusted
    assert result.verdict is FAIL
    lost = next(o for o in result.objectives if o.name == "events-lost")
    assert (lost.verdict, lost.shown, lost.reason) == (FAIL, "2", "2 is not == 0")


def test_a_platform_that_refuses_everything_fails(scenario: Scenario, clean: ScenarioEvidence) -> None:
    result = judged(scenario, with_errors(clean, clean.requests["event_id"].tolist()))
    assert result.verdict is FAIL


def without_column(evidence: ScenarioEvidence, column: str) -> ScenarioEvidence:
    return replace(evidence, requests=evidence.requests.drop(columns=column))


def test_each_reason_for_distrust_is_named(scenario: Scenario, clean: ScenarioEvidence) -> None:
    failed = (*CHECKED, DataCheck("observe/metrics.parquet", "no gaps", FAIL, "none", "automation-1: 6.0 s"))
    baselines = scenario.model_copy(update={"baseline": scenario.baseline.model_copy(update={"required": True})})
    cases: list[tuple[ScenarioResult, str]] = [
        (judged(scenario, clean, problems=("steady/load: was altered",)), "was altered"),
        (judged(scenario, clean, checks=failed), "no gaps: automation-1: 6.0 s"),
        (judged(scenario, clean, checks=(replace(CHECKED[0], verdict=Verdict.ERROR),)), "columns"),
        (judged(scenario, clean, checks=()), "no data check was made"),
        (judged(scenario, with_generator_lag(clean, 3)), "load not proven: 1 of 5 slices of 12 s"),
        (judged(baselines, clean), "0 of 20 baselines"),
        (judged(scenario, clean, profile=scenario.profiles["full"]), "measure lasted 60 s, the profile asks for 1800"),
        (judged(scenario, without_column(clean, "status")), "load/requests.parquet: lacks status"),
        (judged(scenario, replace(clean, clock=replace(clean.clock, phases=()))), "must have one measured phase"),
    ]
    for result, says in cases:
        assert not result.trusted
        assert any(says in problem for problem in result.problems), (says, result.problems)
    assert cases[4][0].load_proof is not None


def test_missing_evidence_judges_nothing(scenario: Scenario) -> None:
    result = judged(scenario, None, checks=(), problems=("load/requests.parquet: is missing",))
    assert not result.trusted
    assert result.problems == ("load/requests.parquet: is missing",)
    assert {o.verdict for o in result.objectives} == {NO_DATA}
    assert not judged(scenario, None, checks=()).trusted


def test_a_data_set_of_another_form_leaves_only_its_own_metrics_out(
    scenario: Scenario, clean: ScenarioEvidence
) -> None:
    result = judged(scenario, replace(clean, health=clean.health.astype({"ready": "int64"})))
    verdicts = {o.name: o.verdict for o in result.objectives}
    assert verdicts.pop("replicas-ready") is NO_DATA
    assert set(verdicts.values()) == {PASS}
    assert "observe/health.parquet: ready is int64, not bool" in result.problems
