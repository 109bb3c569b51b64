"""Tasks that execute one stage each, wherever the stages of their environment run."""

import time
from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from orchestration.run_identity import readiness_run_id
from orchestration.sealed_evidence import require_approved, teardown_problem
from orchestration.stage_place import RunningStage, StageCall, StagePlace
from orchestration.trigger_form import plan_arguments, unknown_keys

_FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
_POLL_S = 1.0
_WITHOUT_PLAN = frozenset({"plan", "teardown"})
"""The stages that do not ask who made the plan: the one that makes it, and the one that stops what may run."""


class StageOperator(BaseOperator):
    """One stage, for the whole run or for one scenario. Output goes to the task's log as it comes.

    ``series``: what the ids of the runs begin with. ``place``: where the stage runs, and where its evidence lies."""

    template_fields: Sequence[str] = ("scenario",)

    def __init__(self, *, stage: str, series: str, place: StagePlace, scenario: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage = stage
        self.series = series
        self.place = place
        self.scenario = scenario
        self._running: RunningStage | None = None

    def arguments(self, context: Context) -> list[str]:  # noqa: ARG002 - for those that override it
        """What else the stage is given on its command line."""
        return []

    def conclude(self, run_id: str) -> None:
        """Look at what the stage left behind. Raises AirflowFailException where that is to fail the task."""

    def execute(self, context: Context) -> None:
        run_id = readiness_run_id(self.series, str(context["run_id"]))
        self._require_own_plan(context, run_id)
        scenario = None if self.scenario is None else str(self.scenario)
        call = StageCall(self.stage, run_id, scenario, tuple(self.arguments(context)))
        self._running = self.place.prepare(call, context, self.log)
        self._running.follow()
        self.conclude(run_id)

    def _require_own_plan(self, context: Context, run_id: str) -> None:
        """What always runs must not speak for the evidence of another go: a run that is cleared whole, or triggered by
        the same id in another Airflow, finds an archive in which it is planned, measured and approved already."""
        if self.stage in _WITHOUT_PLAN:
            return
        if (state := state_of(context, self.dag_id, "plan")) != "success":
            raise AirflowFailException(
                f"stage {self.stage}: its plan was not made by this DAG run (the task is {state}); what the archive "
                f"may have of {run_id} is of another go and says nothing of this one; see why request or plan failed"
            )

    def on_kill(self) -> None:
        if self._running is not None:
            self._running.terminate()


def state_of(context: Context, dag_id: str, task_id: str, map_index: int | None = None) -> str | None:
    """The state of a task of the same DAG run as Airflow has it now; None before it is scheduled."""
    run_id = str(context["run_id"])
    states = context["ti"].get_task_states(dag_id=dag_id, task_ids=[task_id], map_index=map_index, run_ids=[run_id])
    found: dict[str, str | None] = states.get(run_id, {})
    return next(iter(found.values()), None)


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

    def __init__(self, *, environment: str, purpose: str, **kwargs: Any) -> None:
        super().__init__(stage="plan", **kwargs)
        self.environment = environment
        self.purpose = purpose

    def arguments(self, context: Context) -> list[str]:
        who = context["dag_run"].triggering_user_name
        asked = plan_arguments(context["params"], environment=self.environment, requested_by=who)
        return [*asked, f"--purpose={self.purpose}"]


class LoadOperator(StageOperator):
    """Load of one scenario. Waits until the scenario before it has been checked: there is one platform, and what is
    collected late must not have seen another load."""

    def __init__(self, *, last_of_scenario: str, **kwargs: Any) -> None:
        super().__init__(stage="load", **kwargs)
        self.last_of_scenario = last_of_scenario

    def execute(self, context: Context) -> None:
        before = int(context["ti"].map_index or 0) - 1
        while before >= 0 and state_of(context, self.dag_id, self.last_of_scenario, before) not in _FINISHED:
            time.sleep(_POLL_S)  # between two looks; the task's execution_timeout is the deadline
        super().execute(context)


class DecideOperator(StageOperator):
    """The last task: fails unless the sealed decision is APPROVED."""

    def conclude(self, run_id: str) -> None:
        require_approved(self.place.home(), run_id)


class CloseOperator(BaseOperator):
    """Fails the run if the platform was not torn down, or the run was ended by hand before its decision.

    Airflow skips what waits in a run that is marked failed, executes its teardowns, and would then call the run a
    success because nothing at its end failed; release gates read that state. So this is a teardown itself, after the
    real one. It does not wait for the decision: that fails the run by itself, also when it is made once more. Whether
    the platform is down says the sealed evidence; the task's state only tells that this was said in the present go."""

    def __init__(self, *, series: str, place: StagePlace, teardown: str, decide: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.series, self.place = series, place
        self.teardown_id, self.decide_id = teardown, decide

    def execute(self, context: Context) -> None:
        run_id = str(context["run_id"])
        ids = [self.teardown_id, self.decide_id]
        found = context["ti"].get_task_states(dag_id=self.dag_id, task_ids=ids, run_ids=[run_id]).get(run_id, {})
        if found.get(self.decide_id) == "skipped":
            raise AirflowFailException("the run was ended by hand before its decision")
        if found.get(self.teardown_id) != "success":
            raise AirflowFailException(f"the platform was not torn down: the task is {found.get(self.teardown_id)}")
        if problem := teardown_problem(self.place.home(), readiness_run_id(self.series, run_id)):
            raise AirflowFailException(f"the platform was not torn down: {problem}")
