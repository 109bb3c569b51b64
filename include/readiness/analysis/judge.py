"""Measurements compared with what must hold: verdicts of objectives, and all that is said of one scenario."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from readiness.analysis.bound import AtLeast
from readiness.analysis.interruption import interruptions, probing_problem
from readiness.analysis.load_proof import prove_load
from readiness.analysis.measure import measure_from
from readiness.analysis.readings import Readings
from readiness.analysis.shape import CLOCK, LEDGER_SETS, not_offered, shape_problems, unfit_for
from readiness.model.dataset import ScenarioEvidence
from readiness.model.metric import PROBES, Kind
from readiness.model.quantity import show
from readiness.model.result import DataCheck, LoadProof, Measurement, ObjectiveResult, ScenarioResult
from readiness.model.scenario import Objective, Profile, Scenario
from readiness.model.verdict import Verdict, roll_up

_LENGTH_TOLERANCE_S = 0.001


def judge_objective(objective: Objective, measurement: Measurement) -> ObjectiveResult:
    """Compare one measurement with its target.

    - No value: NO_DATA with the measurement's note. A value of which only a lower bound is known (AtLeast) FAILs if
      nothing from the bound upwards satisfies the target.
    - The value violates the target: FAIL.
    - The value and both ends of its interval satisfy it: PASS.
    - The value satisfies it and an end does not, or the sample is too small for an interval: NO_DATA, measure longer.
    - Counts and maxima are exact, as is a proportion whose target is its very edge ("== 100 %", ">= 100 %",
      "<= 0 %"): an interval of a share never shrinks to 100 %, and what is meant is that every one counted. There
      the value alone decides. The same holds for values of methods that give no interval.

    An advisory objective that does not PASS is a WARN, whatever the cause, and holds up no decision.
    """
    if measurement.value is not None and math.isnan(measurement.value):
        measurement = Measurement(None, None, measurement.n, "the evidence has no number")
    verdict, reason = _compared(objective, measurement)
    if objective.severity == "advisory" and verdict is not Verdict.PASS:
        verdict, reason = Verdict.WARN, f"advisory: {reason}"
    return ObjectiveResult(
        name=objective.name,
        metric=objective.metric,
        statistic=objective.statistic,
        must=str(objective.must),
        severity=objective.severity,
        verdict=verdict,
        measurement=Measurement(measurement.value, measurement.interval, measurement.n, measurement.note),
        shown=_shown(objective, measurement),
        reason=reason,
    )


def judge_scenario(
    scenario: Scenario,
    evidence: ScenarioEvidence | None,
    data_checks: tuple[DataCheck, ...],
    problems: tuple[str, ...],
    *,
    profile: Profile | None = None,
    absent: Mapping[str, str] = MappingProxyType({}),
    readings: Readings | None = None,
) -> ScenarioResult:
    """Everything that is said of one scenario.

    evidence: None if a data set is missing or unreadable (``problems`` says which); problems: what the archive found;
    profile: if given, the load must have lasted as long as it says; readings: of this evidence, if they were begun.
    Evidence that nobody checked is not trusted.
    """
    reasons = list(problems) + [_failed(check) for check in data_checks if check.verdict is not Verdict.PASS]
    if scenario.baseline.required:
        reasons.append(f"0 of {scenario.baseline.runs} baselines: too few runs to compare with")
    if evidence is None:
        reasons = reasons or ["the evidence is missing"]
        objectives = tuple(_without_data(objective, reasons[0]) for objective in scenario.objectives)
        return _result(scenario, reasons, None, objectives, data_checks)
    if not data_checks:
        reasons.append("no data check was made")
    wrong = shape_problems(evidence)
    reasons += wrong.values()
    proof: LoadProof | None = None
    if not {CLOCK, "load/requests.parquet"} & wrong.keys():
        proof = prove_load(evidence, scenario.load.rate)
        reasons += [f"load not proven: {reason}" for reason in proof.reasons]
        reasons += _length_problems(evidence, profile)
    readings = readings or Readings(evidence)
    objectives = tuple(_judged(objective, readings, wrong, absent) for objective in scenario.objectives)
    result = _result(scenario, reasons, proof, objectives, data_checks)
    if not LEDGER_SETS & (wrong.keys() | absent.keys()):
        result = replace(result, ledger=readings.ledger.summary())
    if {CLOCK, PROBES} & wrong.keys() or probing_problem(evidence):
        return result
    return replace(result, interruptions=interruptions(evidence))


def _result(
    scenario: Scenario,
    problems: Iterable[str],
    proof: LoadProof | None,
    objectives: tuple[ObjectiveResult, ...],
    data_checks: tuple[DataCheck, ...],
) -> ScenarioResult:
    named = tuple(dict.fromkeys(problems))
    verdict = roll_up(objective.verdict for objective in objectives)
    return ScenarioResult(scenario.name, not named, named, verdict, proof, objectives, data_checks)


def _judged(
    objective: Objective, readings: Readings, wrong: dict[str, str], absent: Mapping[str, str]
) -> ObjectiveResult:
    unfit = not_offered(objective.definition, absent) or unfit_for(objective.definition, wrong)
    if unfit:
        return _without_data(objective, unfit)
    return judge_objective(
        objective, measure_from(readings, objective.metric, objective.statistic, objective.confidence)
    )


def _without_data(objective: Objective, why: str) -> ObjectiveResult:
    return judge_objective(objective, Measurement(None, None, 0, why))


def _compared(objective: Objective, measurement: Measurement) -> tuple[Verdict, str]:
    must, value, interval = objective.must, measurement.value, measurement.interval
    if value is None:
        if isinstance(measurement, AtLeast) and _excluded(objective, measurement.bound):
            return Verdict.FAIL, f"{_shown(objective, measurement)} is not {must}: {measurement.note}"
        return Verdict.NO_DATA, measurement.note or "the evidence has no value"
    if not must.holds(value):
        return Verdict.FAIL, _with_note(f"{show(value, must.dimension)} is not {must}", measurement.note)
    if _exact(objective, measurement):
        return Verdict.PASS, _with_note(f"{show(value, must.dimension)} is {must}", measurement.note)
    if interval is None:
        return Verdict.NO_DATA, f"measure longer: {measurement.note}"
    ends = f"{show(interval.low, must.dimension)} to {show(interval.high, must.dimension)}"
    if must.holds(interval.low) and must.holds(interval.high):
        return Verdict.PASS, _with_note(f"all of {ends} is {must}", measurement.note)
    return Verdict.NO_DATA, _with_note(f"measure longer: {ends} does not lie wholly {must}", measurement.note)


def _exact(objective: Objective, measurement: Measurement) -> bool:
    """Whether the value alone decides."""
    kind, must = objective.definition.kind, objective.must
    if kind is Kind.PROPORTION:
        return must.comparison == "==" or (must.comparison, must.value) in ((">=", 1.0), ("<=", 0.0))
    if measurement.interval is not None:
        return False
    return kind in (Kind.COUNT, Kind.VALUE) or objective.statistic == "max"


def _excluded(objective: Objective, bound: float) -> bool:
    """Whether no value from ``bound`` upwards satisfies the target."""
    comparison, target = objective.must.comparison, objective.must.value
    return {"<": bound >= target, "<=": bound > target, "==": bound > target}.get(comparison, False)


def _shown(objective: Objective, measurement: Measurement) -> str:
    dimension = objective.must.dimension
    if measurement.value is None:
        if not isinstance(measurement, AtLeast):
            return "no data"
        return "without end" if math.isinf(measurement.bound) else f"at least {show(measurement.bound, dimension)}"
    interval, value = measurement.interval, show(measurement.value, dimension)
    if interval is None:
        return value
    return f"{value} ({show(interval.low, dimension)} to {show(interval.high, dimension)})"


def _with_note(text: str, note: str) -> str:
    return f"{text}; {note}" if note else text


def _failed(check: DataCheck) -> str:
    return f"{check.dataset}: {check.check}: {check.observed} (expected: {check.expected})"


def _length_problems(evidence: ScenarioEvidence, profile: Profile | None) -> list[str]:
    if profile is None:
        return []
    lengths: dict[str, float] = {phase.name: (phase.end_ns - phase.start_ns) / 1e9 for phase in evidence.clock.phases}
    asked = {"warmup": profile.warmup, "measure": profile.measure}
    return [
        f"load not proven: {name} lasted {lengths.get(name, 0):g} s, the profile asks for {asked_s:g} s"
        for name, asked_s in asked.items()
        if abs(lengths.get(name, 0) - asked_s) > _LENGTH_TOLERANCE_S
    ]
