"""Sign-off: a person's answer, bound to what that person was shown."""

from dataclasses import dataclass
from typing import Literal

from readiness.clients.archive import ArchiveError
from readiness.model.document import sha256
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.result import SignOff
from readiness.stages.recording import recording
from readiness.stages.report import REPORT
from readiness.stages.run import Run, StageError

SIGN_OFF = StageRef(RUN_SCOPE, "sign_off")


@dataclass(frozen=True)
class Answer:
    """``shown_digest``: the evidence digest in the question that was answered; None: that of the sealed report.
    "none": nobody answered in time; "unasked": the question could not be put, which is nobody's refusal."""

    answer: Literal["not required", "approve", "reject", "none", "unasked"]
    by: str | None = None
    answered_at: str | None = None
    comment: str | None = None
    shown_digest: str | None = None


def sign_off(run: Run, answer: Answer) -> SignOff:
    """Seal the answer together with the digest it is bound to and whatever changed since it was shown. Raises
    StageError for an answer that cannot be one."""
    required = run.plan.sign_off
    if required and answer.answer == "not required":
        raise StageError(f"run {run.run_id} asks for a signature; the answer must be approve, reject or none")
    if answer.answer in ("approve", "reject") and not answer.by:
        raise StageError("an answer needs the person who gave it: --by NAME")
    with recording(run, SIGN_OFF, (REPORT,)) as record:
        word = answer.answer
        if word == "unasked":
            if required:
                raise StageError("nobody could be asked for the signature that this run needs")
            word = "not required"
        facts = run.read_facts(REPORT, "report.json")
        signed = SignOff(
            answer=word if required or word == "reject" else "not required",
            by=answer.by,
            answered_at=answer.answered_at,
            comment=answer.comment,
            evidence_digest=answer.shown_digest or facts["evidence_digest"],
            report_sha256=facts["report_sha256"],
            changes=changes_since(run, answer.shown_digest),
        )
        record.write("sign-off.json", signed)
        return signed


def changes_since(run: Run, shown_digest: str | None = None) -> tuple[str, ...]:
    """How the evidence and the report differ now from what the report showed when it was sealed."""
    scenarios = run.plan.scenarios
    try:
        facts = run.read_facts(REPORT, "report.json")
        page = sha256(run.read(REPORT, "report.html"))
    except ArchiveError as error:
        return (str(error),)
    changes = list(run.archive.check_stages(run.run_id, (REPORT,)))
    changes += [item for item in run.archive.check(run.run_id, scenarios) if item not in facts["problems"]]
    digest = run.archive.evidence_digest(run.run_id, scenarios)
    if page != facts["report_sha256"]:
        changes.append("the report is not the one that was sealed")
    for what, shown in (("the report shows", facts["evidence_digest"]), ("the question showed", shown_digest)):
        if shown is not None and shown != digest:
            changes.append(f"the evidence digest is {digest[:12]}..., {what} {shown[:12]}...")
    return tuple(dict.fromkeys(changes))
