"""`readiness verify`: re-hash every file of a run and compute its decision again, on any machine."""

from collections.abc import Iterable
from dataclasses import dataclass

from readiness.clients.archive import ArchiveError
from readiness.model.evidence import RUN_SCOPE, StageRef, evidence_stages
from readiness.model.result import RunDecision
from readiness.stages.decide import DECIDE, current_decision, read_decision
from readiness.stages.release_fault import DEPLOY, release_fault
from readiness.stages.report import REPORT
from readiness.stages.run import Run
from readiness.stages.sign_off import SIGN_OFF


@dataclass(frozen=True)
class Verification:
    """``problems``: empty when every file is as it was sealed and the decision comes out the same."""

    decision: RunDecision | None
    files: int
    problems: tuple[str, ...]


def recompute(run: Run) -> Verification:
    """Check seals, results and decision of a run. Raises ArchiveError only if there is no such run."""
    names: Iterable[str] = run.plan.scenario_names
    refs = (*evidence_stages(run.plan.scenarios), REPORT, SIGN_OFF, DECIDE)
    if release_fault(run):  # nothing was measured then, nor judged; and what the deploy stage left is whole
        refs = tuple(ref for ref in refs if ref != DEPLOY and run.archive.is_sealed(run.run_id, ref))
        names = [name for name in names if StageRef(name, "check") in refs]
    later = StageRef(RUN_SCOPE, "teardown")
    refs += (later,) if run.archive.is_sealed(run.run_id, later) else ()
    sealed = [ref for ref in refs if run.archive.is_sealed(run.run_id, ref)]
    stated = _stated(run)
    expected = set(stated.reasons) if stated else set()
    problems = [item for item in run.archive.check_stages(run.run_id, refs) if not _known(item, expected)]
    problems += [f"{name}/check/result.json: is missing or damaged" for name in names
                 if run.result(name) is None and not _said_unchecked(name, expected)]  # fmt: skip
    if stated is None:
        problems.append(f"{DECIDE}: there is no readable decision")
    else:
        problems += _compare_decision(stated, current_decision(run), expected)
    files = sum(len(run.archive.read_seal(run.run_id, ref).files) for ref in sealed if _readable(run, ref))
    return Verification(stated, files, tuple(dict.fromkeys(problems)))


def _stated(run: Run) -> RunDecision | None:
    try:
        return read_decision(run)
    except ArchiveError:
        return None


def _known(problem: str, reasons: set[str]) -> bool:
    """Whether the decision itself names this problem: an INCONCLUSIVE run says what is missing, and that is no
    discovery."""
    return any(problem in reason for reason in reasons)


def _said_unchecked(scenario: str, reasons: set[str]) -> bool:
    """Whether the decision itself says that the scenario was not checked, as where its deploy had failed."""
    return any(reason.startswith(f"{StageRef(scenario, 'check')}: ") for reason in reasons)


def _readable(run: Run, ref: StageRef) -> bool:
    try:
        run.archive.read_seal(run.run_id, ref)
    except ArchiveError:
        return False
    return True


def _compare_decision(stated: RunDecision, again: RunDecision, expected: set[str]) -> list[str]:
    problems = [reason for reason in again.reasons if "result.json: says" in reason and not _known(reason, expected)]
    if stated.decision is not again.decision:
        problems.append(f"{DECIDE}/decision.json: says {stated.decision}, the evidence says {again.decision}")
    if stated.images not in ({}, again.images):  # decisions of before name none
        problems.append(f"{DECIDE}/decision.json: names other images than were deployed")
    if stated.evidence_digest != again.evidence_digest:
        problems.append(f"{DECIDE}/decision.json: names the evidence {stated.evidence_digest[:12]}..., "
                        f"the archive holds {again.evidence_digest[:12]}...")  # fmt: skip
    return problems
