"""A rollout that failed through the release's own fault: evidence enough to reject it without any load."""

from readiness.clients.archive import ArchiveError
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.stages.run import Run

ROLLOUT = "rollout.json"
"""In the evidence of a deploy stage whose rollout failed: what was found (docs/archive.md)."""
_PLAN, DEPLOY = StageRef(RUN_SCOPE, "plan"), StageRef(RUN_SCOPE, "deploy")


def release_fault(run: Run) -> str:
    """Why the version under test is rejected, from the sealed evidence of its deploy stage; empty where that says
    nothing of the kind, or cannot be trusted."""
    from readiness.analysis.rollout import release_fault as fault

    if not _failed_and_whole(run):
        return ""
    try:
        return fault(run.read_facts(DEPLOY, ROLLOUT))
    except (ArchiveError, KeyError, TypeError):
        return ""  # another failure, or a file that is not as it is written: the archive's check names it


def rolled_back(run: Run) -> bool:
    """Whether the deploy stage put the release of before back, which runs again."""
    try:
        return run.read_facts(DEPLOY, ROLLOUT)["rolled_back"] is True
    except (ArchiveError, KeyError, TypeError):
        return False


def _failed_and_whole(run: Run) -> bool:
    """Whether the deploy stage failed and left its evidence as it was sealed, for the plan that is there."""
    if not run.archive.is_sealed(run.run_id, DEPLOY):
        return False
    try:
        seal = run.archive.read_seal(run.run_id, DEPLOY)
    except ArchiveError:
        return False
    # A stage that failed has no status to show; that is known, and all else would be wrong.
    known = {f"{DEPLOY}: the stage failed ({seal.reason})", f"{DEPLOY}/deploy.json: is missing"}
    return seal.outcome == "failed" and not set(run.archive.check_stages(run.run_id, (_PLAN, DEPLOY))) - known
