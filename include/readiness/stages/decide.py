"""Decide: one word, from sealed evidence and - where one is asked for - a signature that fits it."""

from dataclasses import replace

from readiness.clients.archive import ArchiveError
from readiness.model.document import from_json
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.result import RunDecision, SignOff
from readiness.stages.recording import recording
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
    """The decision that the archive leads to as it is now; nothing is written."""
    from readiness.analysis.decision import decide_run

    names = run.plan.scenario_names
    problems = run.archive.check(run.run_id, names)
    digest = run.archive.evidence_digest(run.run_id, names)
    return decide_run(run.plan, run.results(), problems, digest, _signed(run))


def _signed(run: Run) -> SignOff | None:
    """The answer with everything that changed since it was shown; None if there is none."""
    if not run.archive.is_sealed(run.run_id, SIGN_OFF):
        return None
    try:
        signed = from_json(SignOff, run.read(SIGN_OFF, "sign-off.json"))
    except (ArchiveError, ValueError):
        return None  # an answer that cannot be read is no answer
    tampered = run.archive.check_stages(run.run_id, (SIGN_OFF,))
    later = changes_since(run) if run.plan.sign_off else ()
    return replace(signed, changes=tuple(dict.fromkeys((*signed.changes, *tampered, *later))))


def read_decision(run: Run) -> RunDecision:
    """The decision as it was sealed. Raises ArchiveError if there is none or it is damaged."""
    try:
        return from_json(RunDecision, run.read(DECIDE, "decision.json"))
    except ValueError as error:
        raise ArchiveError(f"{DECIDE}/decision.json: damaged ({str(error).splitlines()[0]})") from error
