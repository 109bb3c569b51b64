"""Plans, results and decisions of runs that never were, for the tests of the report."""

from dataclasses import replace
from pathlib import Path

from readiness.model.interval import Interval
from readiness.model.quantity import show
from readiness.model.result import DataCheck, LoadProof, Measurement, ObjectiveResult, RunDecision, ScenarioResult
from readiness.model.run import RunPlan
from readiness.model.scenario import Objective
from readiness.model.verdict import Decision, Verdict
from readiness.spec.files import read_environment, read_scenario

SCENARIOS = Path(__file__).parents[3] / "scenarios"
DIGEST = "3f1c9a" + "0b7e" * 14 + "d2"
RUN_ID = "20260921T120000Z-local-a1b2c3"
MEASURED = {
    "accept-p95": (0.00905, 0.00899, 0.00911),
    "end-to-end-p95": (0.0174, 0.01731, 0.01748),
    "replicas-ready": (1.0, 0.9988, 1.0),
    "achieved-load": (1.0, 0.999975, 1.0),
}
"""Objective -> value and interval; the others are counts of zero."""


def example_plan(*names: str, **changes: object) -> RunPlan:
    """A full run of the scenarios (steady, if none is named) on three replicas."""
    plan = RunPlan(
        schema=1,
        run_id=RUN_ID,
        created_at="2026-09-21T12:00:00+00:00",
        requested_by="ada@example.org",
        environment=read_environment(SCENARIOS / "environments" / "local.yaml"),
        scenarios=tuple(read_scenario(SCENARIOS / f"{name}.yaml") for name in names or ("steady",)),
        profile="full",
        version_under_test="0.1.0",
        sign_off=False,
        replicas=3,
        port=0,
        seed=20260921,
        fingerprint={
            "environment": "9" * 64,
            "generator": {"gevent": "25.9.1", "locust": "2.42.0"},
            "machine": {"cores": 8, "cpu": "Example CPU 3.1 GHz", "memory_bytes": 33_554_432_000, "system": "Linux"},
            "profile": "full",
            "python": "3.11.9",
            "scenarios": {"steady": "7" * 64},
        },
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def held(objective: Objective) -> ObjectiveResult:
    """The result of an objective that holds."""
    value, low, high = MEASURED.get(objective.name, (0.0, 0.0, 0.0))
    interval = Interval(low, high, 0.95) if objective.name in MEASURED else None
    return judged(objective, Measurement(value, interval, 150_000), Verdict.PASS)


def judged(objective: Objective, measurement: Measurement, verdict: Verdict, reason: str = "") -> ObjectiveResult:
    """A result of that objective."""
    value = measurement.value
    return ObjectiveResult(
        name=objective.name,
        metric=objective.metric,
        statistic=objective.statistic,
        must=str(objective.must),
        severity=objective.severity,
        verdict=verdict,
        measurement=measurement,
        shown="no data" if value is None else show(value, objective.must.dimension),
        reason=reason,
    )


def proof(**changes: object) -> LoadProof:
    """A proof of load without a flaw."""
    clean = LoadProof(True, 150_000, 150_000, 83.33, 83.33, 1800, (), 1.42, ())
    return replace(clean, **changes)  # type: ignore[arg-type]


def data_checks() -> tuple[DataCheck, ...]:
    """Three checks that passed."""
    return (
        DataCheck("load/requests.parquet", "columns", Verdict.PASS, "10 columns of their types", "10 columns"),
        DataCheck("load/requests.parquet", "seq without gaps", Verdict.PASS, "0 to 149,999", "0 to 149,999"),
        DataCheck("observe/metrics.parquet", "no replica silent", Verdict.PASS, "gaps of at most 5 s", "longest 1 s"),
    )


def clean_result(plan: RunPlan, name: str) -> ScenarioResult:
    """A scenario whose every objective holds."""
    objectives = tuple(held(objective) for objective in plan.scenario(name).objectives)
    return ScenarioResult(name, True, (), Verdict.PASS, proof(), objectives, data_checks())


def approved(plan: RunPlan) -> RunDecision:
    """Everything holds."""
    results = tuple(clean_result(plan, name) for name in plan.scenario_names)
    scope = "release" if plan.profile == "full" else "merge"
    return RunDecision(plan.run_id, Decision.APPROVED, scope, (), DIGEST, results)


def rejected(plan: RunPlan) -> RunDecision:
    """Latency and ledger of the first scenario fail."""
    name, decision = plan.scenario_names[0], approved(plan)
    by_name = {objective.name: objective for objective in plan.scenario(name).objectives}
    bad = {
        "accept-p95": judged(
            by_name["accept-p95"], Measurement(0.312, Interval(0.301, 0.325, 0.95), 149_963), Verdict.FAIL,
            "312 ms is not < 200 ms",
        ),
        "alerts-undelivered": judged(
            by_name["alerts-undelivered"], Measurement(17.0, None, 90_120), Verdict.FAIL, "17 alerts never arrived"
        ),
        "no-errors": judged(by_name["no-errors"], Measurement(37.0, None, 150_000), Verdict.FAIL, "37 is not == 0"),
    }  # fmt: skip
    first = decision.scenarios[0]
    objectives = tuple(bad.get(item.name, item) for item in first.objectives)
    result = replace(first, verdict=Verdict.FAIL, objectives=objectives)
    reasons = (
        f"{name}: accept-p95 must be < 200 ms and is 312 ms",
        f"{name}: alerts-undelivered must be == 0 and is 17",
        f"{name}: no-errors must be == 0 and is 37",
    )
    scenarios = (result, *decision.scenarios[1:])
    return replace(decision, decision=Decision.REJECTED, reasons=reasons, scenarios=scenarios)


def inconclusive(plan: RunPlan) -> RunDecision:
    """The load of the first scenario is not proven, a data check fails, and an objective has no data."""
    name, decision = plan.scenario_names[0], approved(plan)
    problem = "the load was not offered as asked: 25 of 1,800 slices are invalid, at most 18 may be"
    gap = "automation-1 has no metrics for 12 s, at most 5 s are allowed"
    first = decision.scenarios[0]
    *objectives, last = first.objectives
    blind = Measurement(None, None, 0, "automation-1 was not observed for 12 s")
    last = judged(plan.scenario(name).objectives[-1], blind, Verdict.NO_DATA, "cannot be judged")
    bad_check = DataCheck("observe/metrics.parquet", "no replica silent", Verdict.FAIL, "gaps of at most 5 s", "12 s")
    slices = tuple(1_790_000_060_000_000_000 + (300 + second) * 1_000_000_000 for second in range(25))
    result = replace(
        first,
        trusted=False,
        problems=(problem, gap),
        verdict=Verdict.NO_DATA,
        load_proof=proof(valid=False, sent=149_100, achieved_per_s=82.83, invalid_slices=slices, reasons=(problem,)),
        objectives=(*objectives, last),
        data_checks=(*data_checks()[:2], bad_check),
    )
    reasons = (f"{name}: {problem}", f"{name}: {gap}")
    scenarios = (result, *decision.scenarios[1:])
    return replace(decision, decision=Decision.INCONCLUSIVE, reasons=reasons, scenarios=scenarios)
