"""Tasks that run one stage each as a process of its own (``readiness stage ...``)."""

import json
import os
import time
from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from orchestration.project import PROJECT, command, home, home_folder, stage_environment
from orchestration.run_identity import readiness_run_id
from orchestration.stage_process import StageProcess
from orchestration.trigger_form import plan_arguments, unknown_keys

_GRACE_S = 30.0
"""From SIGTERM to SIGKILL where the task itself stops its stage (a timeout, an error)."""
_FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
_POLL_S = 1.0


class StageOperator(BaseOperator):
    """One stage, for the whole run or for one scenario. Output goes to the task's log as it comes.

    When the task is killed (marked failed, cleared) the stage gets SIGTERM and its last lines are still logged; when
    the task times out it gets SIGTERM, and SIGKILL after 30 s.
    """

    template_fields: Sequence[str] = ("scenario",)

    def __init__(self, *, stage: str, environment: str, scenario: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage
        self.environment = environment
        self.scenario = scenario
        self._process: StageProcess | None = None

    def arguments(self, context: Context) -> list[str]:  # noqa: ARG002 - for those that override it
        """The arguments after ``--run``."""
        return [f"--scenario={self.scenario}"] if self.scenario is not None else []

    def outcome(self, exit_code: int, lines: list[str]) -> Any:
        """What the task returns. Raises AirflowFailException for a stage that failed."""
        if exit_code != 0:
            last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
            how = f"exit {exit_code}" if exit_code > 0 else f"signal {-exit_code}"
            raise AirflowFailException(f"stage {self.stage} failed ({how}): {last}")
        return None

    def execute(self, context: Context) -> Any:
        run_id = readiness_run_id(self.environment, str(context["run_id"]))
        self._require_plan(run_id)
        name = self.stage.replace("_", "-")
        argv = [command("readiness"), "stage", name, f"--run={run_id}", f"--home={home_folder()}"]
        argv += self.arguments(context)
        self.log.info("%s", " ".join(argv))
        self._process = StageProcess(argv, env=stage_environment(os.environ), cwd=PROJECT)
        lines: list[str] = []
        try:
            for line in self._process.lines():
                self.log.info("%s", line)
                lines = [*lines[-19:], line]
            exit_code = self._process.wait()
        except BaseException:  # a timeout of the task is one
            self._process.stop(_GRACE_S)
            raise
        return self.outcome(exit_code, lines)

    def _require_plan(self, run_id: str) -> None:
        """Raises AirflowFailException for a run that does not exist: what always runs must not begin to make it up."""
        # Imported here: every task imports this module.
        from readiness.clients.archive import open_archive
        from readiness.model.evidence import RUN_SCOPE, StageRef

        if self.stage != "plan" and not open_archive(home()).is_sealed(run_id, StageRef(RUN_SCOPE, "plan")):
            raise AirflowFailException(
                f"stage {self.stage}: run {run_id} was never planned; see why request or plan failed"
            )

    def on_kill(self) -> None:
        if self._process is not None:
            self._process.terminate()


class RequestOperator(BaseOperator):
    """The first task: refuses what the trigger form does not have, and returns the scenarios to map over."""

    def __init__(self, *, form: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = tuple(form)

    def execute(self, context: Context) -> list[str]:
        if problem := unknown_keys(context["dag_run"].conf or {}, self.form):
            raise AirflowFailException(problem)
        return list(context["params"]["scenarios"])


class PlanOperator(StageOperator):
    """Freezes what the trigger form asked for, in the name of the one who triggered the run."""

    def arguments(self, context: Context) -> list[str]:
        who = context["dag_run"].triggering_user_name
        return plan_arguments(context["params"], environment=self.environment, requested_by=who)


class LoadOperator(StageOperator):
    """Load of one scenario. Waits until the scenario before it has been checked: there is one platform, and what is
    collected late must not have seen another load."""

    def __init__(self, *, last_of_scenario: str, **kwargs: Any) -> None:
        super().__init__(stage="load", **kwargs)
        self.last_of_scenario = last_of_scenario

    def execute(self, context: Context) -> Any:
        before = int(context["ti"].map_index or 0) - 1
        while before >= 0 and self._state(context, before) not in _FINISHED:
            time.sleep(_POLL_S)  # between two looks; the task's execution_timeout is the deadline
        return super().execute(context)

    def _state(self, context: Context, map_index: int) -> str | None:
        run_id = str(context["run_id"])
        states = context["ti"].get_task_states(
            dag_id=self.dag_id, task_ids=[self.last_of_scenario], map_index=map_index, run_ids=[run_id]
        )
        found: dict[str, str | None] = states.get(run_id, {})
        return next(iter(found.values()), None)


class ReportOperator(StageOperator):
    """Returns what the report shows: the last line of the stage, ``{"evidence_digest", "report_sha256", ...}``.

    Only to be shown to people and handed back for comparison: nothing is judged by it."""

    def outcome(self, exit_code: int, lines: list[str]) -> dict[str, Any]:
        super().outcome(exit_code, lines)
        try:
            shown = json.loads(lines[-1])
            return {key: str(shown[key]) for key in ("evidence_digest", "report_sha256", "decision", "report")}
        except (IndexError, KeyError, TypeError, ValueError) as error:
            last = lines[-1] if lines else ""
            raise AirflowFailException(f"stage report: its last line is not the JSON of a report: {last!r}") from error


class DecideOperator(StageOperator):
    """The last task: fails unless the decision is APPROVED."""

    def outcome(self, exit_code: int, lines: list[str]) -> Any:
        decision = {2: "REJECTED", 3: "INCONCLUSIVE"}.get(exit_code)
        if decision:
            raise AirflowFailException(f"the decision is {decision}: this release may not ship")
        return super().outcome(exit_code, lines)


class CloseOperator(BaseOperator):
    """Fails the run if the platform was not torn down, or the run was ended by hand before its decision.

    Airflow skips what waits in a run that is marked failed, executes its teardowns, and would then call the run a
    success because nothing at its end failed; release gates read that state. So this is a teardown itself, after the
    real one. It does not wait for the decision: that fails the run by itself, also when it is made once more."""

    def __init__(self, *, teardown: str, decide: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.teardown_id, self.decide_id = teardown, decide

    def execute(self, context: Context) -> None:
        run_id = str(context["run_id"])
        ids = [self.teardown_id, self.decide_id]
        found = context["ti"].get_task_states(dag_id=self.dag_id, task_ids=ids, run_ids=[run_id]).get(run_id, {})
        if found.get(self.decide_id) == "skipped":
            raise AirflowFailException("the run was ended by hand before its decision")
        if found.get(self.teardown_id) != "success":
            raise AirflowFailException(f"the platform was not torn down: the task is {found.get(self.teardown_id)}")
