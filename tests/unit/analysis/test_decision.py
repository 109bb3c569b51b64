"""The decision: APPROVED needs trusted evidence, every objective, and the signature that was asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from readiness.analysis.decision import AWAITING, decide_evidence, decide_run
from readiness.analysis.judge import judge_scenario
from readiness.model.document import from_json, to_json
from readiness.model.result import DataCheck, ObjectiveResult, RunDecision, ScenarioResult, SignOff
from readiness.model.run import RunPlan
from readiness.model.verdict import Decision, Verdict
from readiness.model.written import ProfileName
from readiness.spec.files import read_environment, read_scenario
from synthetic_evidence import steady_evidence

SCENARIOS = Path(__file__).parents[3] / "scenarios"
DIGEST = "d" * 64
APPROVED, REJECTED, INCONCLUSIVE = Decision.APPROVED, Decision.REJECTED, Decision.INCONCLUSIVE
SCENARIO = read_scenario(SCENARIOS / "steady.yaml")
PLAN = RunPlan(
    schema=1, run_id="run-1", created_at="2026-01-01T00:00:00Z", requested_by="ann",
    environment=read_environment(SCENARIOS / "environments" / "local.yaml"), scenarios=(SCENARIO,), profile="full",
    version_under_test="0.1.0", sign_off=False, replicas=3, port=0, seed=1, fingerprint={},
)  # fmt: skip
SIGNED = replace(PLAN, sign_off=True)
APPROVAL = SignOff("approve", "Ann", "2026-01-01T00:00:00Z", None, DIGEST, None)


def test_a_release_that_did_not_come_up_is_rejected_whatever_is_missing() -> None:
    missing = ("_run/verify: no sealed evidence in run run-1",)
    decision = decide_run(PLAN, (), missing, DIGEST, None, release_fault="its image cannot be had")
    assert (decision.decision, decision.reasons) == (REJECTED, ("its image cannot be had",))
    assert decision.by_scenario == {"steady": REJECTED}
    assert (
        decide_run(SIGNED, (), missing, DIGEST, APPROVAL, release_fault="its image cannot be had").decision is REJECTED
    )
    assert decide_run(PLAN, (), missing, "", None, release_fault="its image cannot be had").decision is INCONCLUSIVE


@pytest.fixture(scope="module")
def good() -> ScenarioResult:
    checked = (DataCheck("load/requests.parquet", "columns", Verdict.PASS, "", ""),)
    return judge_scenario(SCENARIO, steady_evidence(rate_per_s=5000 / 60, measure_s=60), checked, ())


def with_verdict(result: ScenarioResult, verdict: Verdict, number: int = 0) -> ScenarioResult:
    objectives: list[ObjectiveResult] = list(result.objectives)
    objectives[number] = replace(objectives[number], verdict=verdict, reason="because")
    return replace(result, objectives=tuple(objectives), verdict=verdict)


def decided(result: ScenarioResult, plan: RunPlan = PLAN, sign_off: SignOff | None = None, **more: Any) -> RunDecision:
    return decide_run(plan, (result,), more.get("problems", ()), more.get("digest", DIGEST), sign_off)


def test_trusted_evidence_whose_objectives_all_hold_is_approved(good: ScenarioResult) -> None:
    decision = decided(good)
    assert (decision.decision, decision.scope, decision.warnings) == (APPROVED, "release", ())
    assert from_json(RunDecision, to_json(decision)) == decision


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.WARN, APPROVED),
        (Verdict.FAIL, REJECTED),
        (Verdict.NO_DATA, INCONCLUSIVE),
        (Verdict.ERROR, INCONCLUSIVE),
    ],
)
def test_the_worst_objective_decides_and_is_named(good: ScenarioResult, verdict: Verdict, expected: Decision) -> None:
    decision = decided(with_verdict(good, verdict))
    assert decision.decision is expected
    said = decision.warnings if verdict is Verdict.WARN else decision.reasons
    assert said == ("steady/accept-p95: because",)


def test_the_verdicts_are_rolled_up_anew(good: ScenarioResult) -> None:
    assert decided(replace(with_verdict(good, Verdict.FAIL), verdict=Verdict.PASS)).decision is REJECTED


def test_whatever_is_not_a_closed_trusted_set_is_inconclusive_even_beside_a_failure(good: ScenarioResult) -> None:
    bad = with_verdict(good, Verdict.FAIL)
    proof = bad.load_proof
    assert proof is not None
    cases: list[tuple[tuple[ScenarioResult, ...], dict[str, Any], str]] = [
        ((bad,), {"problems": ("_run/plan: was altered",)}, "was altered"),
        ((bad,), {"digest": ""}, "no digest"),
        ((), {}, "steady: has no result"),
        ((bad, bad), {}, "more than one result"),
        ((bad, replace(bad, scenario="burst")), {}, "burst: a result of a scenario"),
        ((replace(bad, trusted=False, problems=("gap",)),), {}, "steady: gap"),
        ((replace(bad, trusted=False),), {}, "is not trusted"),
        ((replace(bad, load_proof=None),), {}, "load is not proven"),
        ((replace(bad, load_proof=replace(proof, valid=False)),), {}, "load is not proven"),
        ((replace(bad, objectives=bad.objectives[:-1]),), {}, "instead of"),
        ((replace(bad, objectives=()),), {}, "judged nothing"),
    ]
    for results, more, says in cases:
        decision = decide_run(PLAN, results, more.get("problems", ()), more.get("digest", DIGEST), None)
        assert decision.decision is INCONCLUSIVE, says
        assert any(says in reason for reason in decision.reasons), decision.reasons


def test_a_smoke_run_gates_a_merge_and_says_so(good: ScenarioResult) -> None:
    decision = decided(good, replace(PLAN, profile="smoke"))
    assert (decision.decision, decision.scope, decision.warnings) == (APPROVED, "merge", ())


def test_a_named_approval_of_this_evidence_approves(good: ScenarioResult) -> None:
    decision = decided(good, SIGNED, APPROVAL)
    assert (decision.decision, decision.sign_off, decision.warnings) == (APPROVED, APPROVAL, ())


@pytest.mark.parametrize(
    ("sign_off", "says"),
    [
        (None, "was not given"),
        (replace(APPROVAL, answer="none"), "was not given"),
        (replace(APPROVAL, answer="reject", comment="too slow"), "rejected by Ann: too slow"),
        (replace(APPROVAL, answer="not required"), "needs a sign-off"),
        (replace(APPROVAL, by=None), "names no person"),
        (replace(APPROVAL, by="  "), "names no person"),
        (replace(APPROVAL, evidence_digest="e" * 64), "Ann approved other evidence (eeeeeeeeeeee)"),
        (replace(APPROVAL, evidence_digest=""), "other evidence (no digest)"),
    ],
)
def test_anything_but_that_approval_rejects(good: ScenarioResult, sign_off: SignOff | None, says: str) -> None:
    decision = decided(good, SIGNED, sign_off)
    assert decision.decision is REJECTED
    assert says in decision.reasons[0]


def test_an_answer_that_could_not_be_written_down_is_the_harnesss_failure(good: ScenarioResult) -> None:
    why = "_run/sign_off: the stage failed (Evicted)"
    decision = decide_run(SIGNED, (good,), (), DIGEST, None, why)
    assert (decision.decision, decision.reasons) == (INCONCLUSIVE, (why,))
    failed = with_verdict(good, Verdict.FAIL)
    decision = decide_run(SIGNED, (failed,), (), DIGEST, None, why)
    assert (decision.decision, decision.reasons[-1]) == (REJECTED, why)  # what the evidence says needs no signature
    assert decide_run(SIGNED, (good,), (), DIGEST, replace(APPROVAL, answer="none"), why).decision is REJECTED
    assert decide_run(PLAN, (good,), (), DIGEST, None, why).decision is APPROVED  # none is needed


@pytest.mark.parametrize("profile", ["full", "smoke"])
def test_a_drill_gates_nothing_and_says_so(good: ScenarioResult, profile: ProfileName) -> None:
    decision = decided(good, replace(PLAN, profile=profile, purpose="drill"))
    assert (decision.decision, decision.scope) == (APPROVED, "drill")


@pytest.mark.parametrize(("verdict", "expected"), [(Verdict.FAIL, REJECTED), (Verdict.NO_DATA, INCONCLUSIVE)])
def test_a_signature_lifts_nothing(good: ScenarioResult, verdict: Verdict, expected: Decision) -> None:
    assert decided(with_verdict(good, verdict), SIGNED, APPROVAL).decision is expected
    assert decided(with_verdict(good, verdict), SIGNED, None).decision is expected


def test_a_persons_no_counts_although_nobody_asked(good: ScenarioResult) -> None:
    assert decided(good, PLAN, replace(APPROVAL, answer="reject")).decision is REJECTED
    assert decided(good, PLAN, replace(APPROVAL, answer="not required", by=None)).decision is APPROVED


def test_before_the_signature_the_evidence_speaks_and_says_that_it_waits(good: ScenarioResult) -> None:
    shown = decide_evidence(SIGNED, (good,), (), DIGEST)
    assert (shown.decision, shown.sign_off) == (APPROVED, None)
    assert AWAITING in shown.warnings
    assert decide_evidence(PLAN, (good,), (), DIGEST).warnings == ()


def test_evidence_that_changed_after_it_was_shown_is_rejected_whatever_else_is_wrong() -> None:
    plan = replace(PLAN, sign_off=True)
    signed = SignOff("approve", "ann", "2026-01-01T00:00:00Z", None, DIGEST, None, changes=("requests were altered",))
    for problems in ((), ("steady/load/requests.parquet: was altered",)):
        decision = decide_run(plan, (), problems, DIGEST, signed)
        assert decision.decision is REJECTED
        assert "changed after it was shown: requests were altered" in decision.reasons[0]


def test_each_scenario_gets_its_own_word_and_the_runs_is_never_better(good: ScenarioResult) -> None:
    both = replace(PLAN, scenarios=(*PLAN.scenarios, PLAN.scenarios[0].model_copy(update={"name": "peak"})))
    other = replace(with_verdict(good, Verdict.FAIL), scenario="peak")

    def words(*results: ScenarioResult, problems: tuple[str, ...] = ()) -> dict[str, Decision]:
        return decide_run(both, results, problems, DIGEST, None).by_scenario

    assert words(good, other) == {"steady": APPROVED, "peak": REJECTED}
    assert words(good) == {"steady": APPROVED, "peak": INCONCLUSIVE}
    assert words(good, other, problems=("peak/load: is missing",)) == {"steady": APPROVED, "peak": INCONCLUSIVE}
    assert words(good, other, problems=("_run/plan: was altered",)) == dict.fromkeys(("steady", "peak"), INCONCLUSIVE)
    assert words(replace(good, trusted=False, problems=("bad",)), other)["steady"] is INCONCLUSIVE
    assert decide_run(both, (good, other), (), DIGEST, None).decision is REJECTED
