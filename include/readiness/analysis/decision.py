"""The decision of a run: what its scenarios say, and what the person who signs says of that."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from readiness.model.result import RunDecision, ScenarioResult, SignOff
from readiness.model.run import RunPlan
from readiness.model.scenario import Scenario
from readiness.model.verdict import Decision, Verdict, decide, roll_up

AWAITING = "awaiting sign-off"


def decide_evidence(
    plan: RunPlan,
    results: tuple[ScenarioResult, ...],
    problems: tuple[str, ...],
    evidence_digest: str,
    release_fault: str = "",
) -> RunDecision:
    """What the evidence alone says, for the report that is shown to the one who signs; never the last word of a run
    that asks for a signature.

    Any problem, a scenario without a trusted result, or an objective that was not judged: INCONCLUSIVE, even beside a
    FAIL, for evidence that cannot be trusted convicts nobody. Otherwise the verdicts of all objectives roll up.
    ``release_fault``: why the release did not even come up, as sealed evidence has it. Nothing could be measured then,
    so that what is missing is no doubt: REJECTED.
    """
    if release_fault and evidence_digest:
        return _not_up(plan, results, evidence_digest, release_fault)
    distrust = [*problems, *_distrust(plan, results)] + ["the evidence has no digest"] * (not evidence_digest)
    verdict = roll_up(objective.verdict for result in results for objective in result.objectives)
    decision = Decision.INCONCLUSIVE if distrust else decide(verdict)
    reasons = (
        distrust or list(_findings(results, verdict)) or [f"every objective holds: {', '.join(plan.scenario_names)}"]
    )
    warnings = list(_findings(results, Verdict.WARN))
    return RunDecision(
        run_id=plan.run_id,
        decision=decision,
        scope=_scope(plan),
        reasons=tuple(dict.fromkeys(reasons)),
        evidence_digest=evidence_digest,
        scenarios=results,
        warnings=tuple(warnings + [AWAITING] * plan.sign_off),
        by_scenario={scenario.name: _of_scenario(scenario, results, problems) for scenario in plan.scenarios},
    )


def _scope(plan: RunPlan) -> Literal["drill", "release", "merge"]:
    """What the decision is good for."""
    if plan.purpose == "drill":
        return "drill"
    return "release" if plan.profile == "full" else "merge"


def _not_up(plan: RunPlan, results: tuple[ScenarioResult, ...], evidence_digest: str, fault: str) -> RunDecision:
    return RunDecision(
        run_id=plan.run_id,
        decision=Decision.REJECTED,
        scope=_scope(plan),
        reasons=(fault,),
        evidence_digest=evidence_digest,
        scenarios=results,
        warnings=(AWAITING,) * plan.sign_off,
        by_scenario=dict.fromkeys(plan.scenario_names, Decision.REJECTED),
    )


def _of_scenario(scenario: Scenario, results: tuple[ScenarioResult, ...], problems: tuple[str, ...]) -> Decision:
    """What the evidence of one scenario says; what is wrong with the evidence of the whole run touches every one."""
    mine = [result for result in results if result.scenario == scenario.name]
    theirs = tuple(f"{result.scenario}/" for result in results if result.scenario != scenario.name)
    wrong = [problem for problem in problems if not problem.startswith(theirs)]
    if len(mine) != 1 or wrong or any(_distrust_of(scenario, mine[0])):
        return Decision.INCONCLUSIVE
    return decide(roll_up(objective.verdict for objective in mine[0].objectives))


def decide_run(
    plan: RunPlan,
    results: tuple[ScenarioResult, ...],
    problems: tuple[str, ...],
    evidence_digest: str,
    sign_off: SignOff | None,
    unrecorded: str = "",
    release_fault: str = "",
) -> RunDecision:
    """The decision of the run. Where the plan asks for a signature, APPROVED needs a named person's "approve" that
    names this very evidence; anything else is REJECTED, and so is, whatever it says, a run whose evidence changed
    after it was shown. A signature never lifts REJECTED or INCONCLUSIVE, and a person's "reject" counts whether or not
    it was asked for. ``unrecorded``: why the answer could not be put down, which is no refusal of the release:
    INCONCLUSIVE where it would have been APPROVED. ``release_fault``: see decide_evidence."""
    of_evidence = decide_evidence(plan, results, problems, evidence_digest, release_fault)
    warnings = tuple(text for text in of_evidence.warnings if text != AWAITING)
    decided = replace(of_evidence, sign_off=sign_off, warnings=warnings)
    refusal = _refusal(plan.sign_off, evidence_digest, sign_off)
    if not refusal:
        return decided
    word = Decision.REJECTED
    if unrecorded and sign_off is None:
        word, refusal = Decision.INCONCLUSIVE, unrecorded
    changed = plan.sign_off and sign_off is not None and bool(sign_off.changes)
    if changed or decided.decision is Decision.APPROVED:
        return replace(decided, decision=word, reasons=(refusal,))
    return replace(decided, reasons=(*decided.reasons, refusal))


def _refusal(needed: bool, evidence_digest: str, sign_off: SignOff | None) -> str:
    """Why there is no valid signature where one is needed; empty otherwise."""
    if sign_off is not None and sign_off.answer == "reject":
        return f"rejected by {_name(sign_off) or 'an unnamed person'}" + (
            f": {sign_off.comment}" * bool(sign_off.comment)
        )
    if not needed:
        return ""
    if sign_off is not None and sign_off.changes:
        return f"the evidence changed after it was shown: {'; '.join(sign_off.changes)}"
    if sign_off is None or sign_off.answer == "none":
        return "the sign-off that this run needs was not given"
    if sign_off.answer != "approve":
        return f"this run needs a sign-off, and its answer is {sign_off.answer!r}"
    if not _name(sign_off):
        return "the sign-off names no person"
    if sign_off.evidence_digest != evidence_digest:
        return f"{_name(sign_off)} approved other evidence ({sign_off.evidence_digest[:12] or 'no digest'})"
    return ""


def _name(sign_off: SignOff) -> str:
    return (sign_off.by or "").strip()


def _distrust(plan: RunPlan, results: tuple[ScenarioResult, ...]) -> Iterable[str]:
    """Each reason why the results are no closed, trusted set of what the plan asked for."""
    if not plan.scenarios:
        yield "the run has no scenario"
    names = [result.scenario for result in results]
    for name in sorted(set(names)):
        if name not in plan.scenario_names:
            yield f"{name}: a result of a scenario that the run does not have"
        elif names.count(name) > 1:
            yield f"{name}: has more than one result"
    for scenario in plan.scenarios:
        found = [result for result in results if result.scenario == scenario.name]
        if not found:
            yield f"{scenario.name}: has no result"
        for result in found:
            yield from (f"{scenario.name}: {reason}" for reason in _distrust_of(scenario, result))


def _distrust_of(scenario: Scenario, result: ScenarioResult) -> Iterable[str]:
    yield from result.problems
    proven = result.load_proof is not None and result.load_proof.valid
    if not result.problems and not (result.trusted and proven):
        yield "is not trusted" if proven else "its load is not proven"
    asked, judged = [o.name for o in scenario.objectives], [o.name for o in result.objectives]
    if asked != judged:
        yield f"judged {', '.join(judged) or 'nothing'} instead of {', '.join(asked)}"


def _findings(results: tuple[ScenarioResult, ...], verdict: Verdict) -> Iterable[str]:
    """The objectives with this verdict, in words; those that PASS need none."""
    if verdict is Verdict.PASS:
        return
    for result in results:
        for objective in result.objectives:
            if objective.verdict is verdict:
                yield f"{result.scenario}/{objective.name}: {objective.reason}"
