"""What tasks read of a run's sealed evidence. Nothing that a stage found out reaches a task in another way."""

from dataclasses import dataclass

from airflow.sdk.exceptions import AirflowFailException
from readiness.clients.home import Home
from readiness.model.evidence import RUN_SCOPE, StageRef

from orchestration.stage_place import StageCall

# The archive's client and the model of results are imported where they are needed: every task imports this module.

PLAN, REPORT, DECIDE, TEARDOWN = (StageRef(RUN_SCOPE, stage) for stage in ("plan", "report", "decide", "teardown"))


@dataclass(frozen=True)
class ShownReport:
    """What a person is shown before signing. ``decision``: so far; ``address``: of the report."""

    evidence_digest: str
    decision: str
    address: str


def require_plan(at: Home, call: StageCall) -> None:
    """Raises AirflowFailException for a run that does not exist: what always runs must not begin to make it up."""
    from readiness.clients.archive import open_archive

    if call.stage != "plan" and not open_archive(at).is_sealed(call.run_id, PLAN):
        raise AirflowFailException(
            f"stage {call.stage}: run {call.run_id} was never planned; see why request or plan failed"
        )


def needs_signature(at: Home, run_id: str) -> bool:
    """Whether the run asks for one: the environment may demand what the trigger form did not ask for. Raises
    ArchiveError, StoreError."""
    from readiness.clients.archive import open_archive
    from readiness.model.document import from_json
    from readiness.model.run import RunPlan

    archive = open_archive(at)  # what is taken from it lives as long as it
    return from_json(RunPlan, archive.file(run_id, PLAN, "run.json").read_bytes()).sign_off


def shown_report(at: Home, run_id: str) -> ShownReport:
    """The sealed report. Raises ArchiveError if there is none or it is not as it was sealed, StoreError if the archive
    cannot be asked."""
    from readiness.clients.archive import ArchiveError, open_archive
    from readiness.model.document import from_json

    archive = open_archive(at)
    if wrong := archive.check_stages(run_id, (REPORT,)):
        raise ArchiveError("; ".join(wrong))
    facts = from_json(dict[str, object], archive.file(run_id, REPORT, "report.json").read_bytes())
    return ShownReport(
        str(facts["evidence_digest"]), str(facts["decision"]), archive.address_of(run_id, REPORT, "report.html")
    )


def require_approved(at: Home, run_id: str) -> None:
    """Raises AirflowFailException unless the sealed decision is APPROVED."""
    from readiness.clients.archive import ArchiveError, open_archive
    from readiness.clients.stores.store import StoreError
    from readiness.model.document import from_json
    from readiness.model.result import RunDecision
    from readiness.model.verdict import Decision

    archive = open_archive(at)
    try:
        wrong = "; ".join(archive.check_stages(run_id, (DECIDE,)))
        decided = None if wrong else from_json(RunDecision, archive.file(run_id, DECIDE, "decision.json").read_bytes())
    except (ArchiveError, StoreError, ValueError) as error:
        wrong, decided = str(error).splitlines()[0], None
    if decided is None or decided.run_id != run_id:
        raise AirflowFailException(f"there is no decision to go by, which is INCONCLUSIVE: {wrong or 'of another run'}")
    if decided.decision is not Decision.APPROVED:
        what = "" if decided.scope == "drill" else ", this release may not ship"
        raise AirflowFailException(f"the decision is {decided.decision}{what}: {'; '.join(decided.reasons[:3])}")


def teardown_problem(at: Home, run_id: str) -> str:
    """Why the sealed evidence does not say that the platform was torn down; empty if it does."""
    from readiness.clients.archive import ArchiveError, open_archive
    from readiness.clients.stores.store import StoreError

    try:
        seal = open_archive(at).read_seal(run_id, TEARDOWN)
    except (ArchiveError, StoreError) as error:
        return str(error)
    return "" if seal.outcome == "done" else seal.reason
