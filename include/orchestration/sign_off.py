"""The human sign-off: a question in Airflow's UI, and the task that records its answer.

Airflow only carries the answer. The record binds it to the evidence digest that the person was shown; whether that is
still the evidence, and what follows, is judged by the ``sign-off`` and ``decide`` stages.
"""

from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowSkipException
from readiness.clients.home import Home

from orchestration.run_identity import ASK, readiness_run_id
from orchestration.sealed_evidence import ShownReport, needs_signature, require_plan, shown_report
from orchestration.stage_operators import StageOperator
from orchestration.stage_place import StageCall, StagePlace

APPROVE, REJECT = "Approve", "Reject"
_SHOWN = "shown_digest"
"""Key under which the question leaves the evidence digest that it shows. It goes back with the answer, to be compared
with what the archive holds; it can make an answer void, never valid."""


def answer_form() -> dict[str, Param]:
    """What a person may add to the answer. Given as ``params`` to the task, since Airflow adds the DAG's own to it."""
    return {"comment": Param(None, type=["null", "string"], format="multiline", title="Comment")}


class AskForSignOff(HITLOperator):
    """Asks a person, showing the provisional decision, every objective and the evidence digest as they are sealed.
    Skipped when the plan asks for no sign-off. Nobody answering in time counts as Reject, without a name."""

    def __init__(self, *, series: str, place: StagePlace, **kwargs: Any) -> None:
        super().__init__(subject="Release readiness", options=[APPROVE, REJECT], defaults=REJECT, **kwargs)
        self.series, self.place = series, place

    def execute(self, context: Context) -> Any:
        run_id, at = readiness_run_id(self.series, str(context["run_id"])), self.place.home()
        if not needs_signature(at, run_id):
            raise AirflowSkipException("this run asks for no sign-off")
        shown = shown_report(at, run_id)
        version = context["params"]["version"]
        self.subject = f"{shown.decision}: may {version or 'this release'} ship? ({run_id})"
        self.body = question(run_id, list(context["params"]["scenarios"]), shown, at)
        context["ti"].xcom_push(key=_SHOWN, value=shown.evidence_digest)
        return super().execute(context)


class SignOffOperator(StageOperator):
    """Records the answer. Runs whatever became of the question: skipped, answered, timed out or failed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(stage="sign_off", **kwargs)

    def arguments(self, context: Context) -> list[str]:
        ti, at, run_id = context["ti"], self.place.home(), readiness_run_id(self.series, str(context["run_id"]))
        require_plan(at, StageCall(self.stage, run_id))
        if not needs_signature(at, run_id):
            return ["--answer=not-required"]
        return answer_arguments(ti.xcom_pull(task_ids=ASK), ti.xcom_pull(task_ids=ASK, key=_SHOWN))


def answer_arguments(answer: Any, shown_digest: str | None) -> list[str]:
    """The arguments of ``readiness stage sign-off`` for a question's result and the digest that it showed. Without a
    result, or without knowing what was shown, nobody was asked; a result without a person is a question that nobody
    answered in time."""
    if not answer or not shown_digest:
        return ["--answer=unasked"]
    person = answer.get("responded_by_user")
    if not person:
        return ["--answer=none"]
    word = "approve" if list(answer["chosen_options"]) == [APPROVE] else "reject"
    at = answer["responded_at"]
    comment = (answer.get("params_input") or {}).get("comment")
    arguments = [f"--answer={word}", f"--by={person.get('name') or person['id']}"]
    arguments += [f"--answered-at={at if isinstance(at, str) else at.isoformat()}"]
    arguments += [f"--comment={comment}"] if comment else []
    return [*arguments, f"--shown-digest={shown_digest}"]


def question(run_id: str, scenarios: list[str], shown: ShownReport, at: Home) -> str:
    """What the person reads (Markdown): the provisional decision, each objective, the digest that the answer binds."""
    rows = [row for scenario in scenarios for row in _objective_rows(run_id, scenario, at)]
    return "\n".join([
        f"Run `{run_id}`, decision so far: **{shown.decision}**. The report: `{shown.address}`.",
        "", "| scenario | objective | measured | must be | verdict |", "|---|---|---|---|---|", *rows, "",
        f"Your answer is bound to the evidence digest `{shown.evidence_digest}`.",
    ])  # fmt: skip


def _objective_rows(run_id: str, scenario: str, at: Home) -> list[str]:
    # Imported here: every task imports this module, and only the question reads the archive.
    from readiness.clients.archive import ArchiveError, open_archive
    from readiness.model.document import from_json
    from readiness.model.evidence import StageRef
    from readiness.model.result import ScenarioResult

    archive = open_archive(at)  # what is taken from it lives as long as it
    try:
        data = archive.file(run_id, StageRef(scenario, "check"), "result.json").read_bytes()
    except ArchiveError as error:
        return [_row(scenario, "no result", str(error), "", "NO_DATA")]
    result = from_json(ScenarioResult, data)
    rows = [_row(scenario, o.name, o.shown, o.must, o.verdict.value) for o in result.objectives]
    return rows + [_row(scenario, "evidence", problem, "", "not trusted") for problem in result.problems]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
