"""Decide: one word, from sealed evidence and - where one is asked for - a signature that fits it."""

from dataclasses import replace

from readiness.clients.archive import ArchiveError
from readiness.model.document import from_json
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.result import RunDecision, ScenarioResult, SignOff
from readiness.stages.check import examination, ledger_problems
from readiness.stages.recording import recording
from readiness.stages.release_fault import release_fault
from readiness.stages.report import REPORT
from readiness.stages.run import Run
from readiness.stages.sign_off import SIGN_OFF, changes_since

DECIDE = StageRef(RUN_SCOPE, "decide")


def decide(run: Run) -> RunDecision:
    """Compute and seal the decision."""
    with recording(run, DECIDE, (REPORT, SIGN_OFF)) as record:
        decision = current_decision(run)
        record.write("decision.json", decision)
        return decision


def current_decision(run: Run) -> RunDecision:
    """The decision that the archive leads to as it is now; nothing is written. The results are computed anew: one that
    does not follow from the evidence beside it is a problem, however well it is sealed."""
    from readiness.analysis.decision import decide_run

    scenarios = run.plan.scenarios
    problems = (*run.archive.check(run.run_id, scenarios), *result_problems(run))
    digest = run.archive.evidence_digest(run.run_id, scenarios)
    decided = decide_run(
        run.plan, run.results(), problems, digest, _signed(run), _unrecorded_answer(run), release_fault(run)
    )
    return replace(decided, images=run.images())


def result_problems(run: Run) -> tuple[str, ...]:
    """Each scenario whose sealed result is not what its evidence says."""
    problems = []
    for name in run.plan.scenario_names:
        found = examination(run, name)
        sealed, again = run.result(name), found.result
        if sealed is not None and _verdicts(sealed) != _verdicts(again):
            problems.append(f"{name}/check/result.json: says {sealed.verdict}, the evidence says {again.verdict}"
                            f"{'' if again.trusted else ' and cannot be trusted'}")  # fmt: skip
        problems += ledger_problems(run, name, found)
    return tuple(problems)


def _verdicts(result: ScenarioResult) -> tuple[object, ...]:
    """What must come out the same. Measured values are left out: the last digits may differ between machines."""
    objectives = tuple((item.name, item.verdict) for item in result.objectives)
    checks = tuple(sorted((item.dataset, item.check, item.verdict) for item in result.data_checks))
    ledger = None if result.ledger is None else result.ledger.digest
    return (result.trusted, result.verdict, objectives, checks, ledger)


def _unrecorded_answer(run: Run) -> str:
    """Why nobody can know what the answer was: the stage that records it left none. Empty where it did; a question that
    nobody answered is recorded as such."""
    if not run.archive.is_sealed(run.run_id, SIGN_OFF):
        return f"{SIGN_OFF}: no answer was recorded"
    try:
        seal = run.archive.read_seal(run.run_id, SIGN_OFF)
    except ArchiveError:
        return ""  # damaged after it was sealed, which is a change like any other
    return f"{SIGN_OFF}: the stage failed ({seal.reason})" if seal.outcome == "failed" else ""


def _signed(run: Run) -> SignOff | None:
    """The answer with everything that changed since it was shown; None if there is none."""
    if not run.archive.is_sealed(run.run_id, SIGN_OFF):
        return None
    try:
        signed = from_json(SignOff, run.read(SIGN_OFF, "sign-off.json"))
    except (ArchiveError, ValueError):
        return None  # an answer that cannot be read is no answer
    signed = _refused_before(run, signed) or signed
    tampered = run.archive.check_stages(run.run_id, (SIGN_OFF,))
    later = changes_since(run) if run.plan.sign_off else ()
    return replace(signed, changes=tuple(dict.fromkeys((*signed.changes, *tampered, *later))))


def _refused_before(run: Run, last: SignOff) -> SignOff | None:
    """An earlier refusal of the same evidence: asking until somebody approves is no sign-off."""
    for path in run.archive.in_every_attempt(run.run_id, SIGN_OFF, "sign-off.json"):
        try:
            earlier = from_json(SignOff, path.read_bytes())
        except (OSError, ValueError):
            continue  # a stage that failed left no answer
        if earlier.answer == "reject" and earlier.evidence_digest == last.evidence_digest:
            return earlier
    return None


def read_decision(run: Run) -> RunDecision:
    """The decision as it was sealed. Raises ArchiveError if there is none or it is damaged."""
    if run.archive.is_sealed(run.run_id, DECIDE) and (wrong := run.archive.check_stages(run.run_id, (DECIDE,))):
        raise ArchiveError(f"the decision is not as it was sealed: {'; '.join(wrong)}")
    try:
        return from_json(RunDecision, run.read(DECIDE, "decision.json"))
    except ValueError as error:
        raise ArchiveError(f"{DECIDE}/decision.json: damaged ({str(error).splitlines()[0]})") from error
