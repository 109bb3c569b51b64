"""The tasks of an environment's stages, wherever these run. DAGs are lists of what is made here."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator, TriggerRule, task_group
from readiness.model.environment import Environment
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.scenario import Scenario
from readiness.spec.files import read_environment, read_scenario

from orchestration.pod_place import PodPlace
from orchestration.process_place import ProcessPlace
from orchestration.project import scenarios_folder
from orchestration.run_identity import ASK
from orchestration.sign_off import AskForSignOff, SignOffOperator, answer_form
from orchestration.stage_operators import (
    CloseOperator,
    DecideOperator,
    LoadOperator,
    PlanOperator,
    RequestOperator,
    StageOperator,
)
from orchestration.stage_place import StagePlace
from orchestration.time_limits import TimeLimits, sign_off_timeout, time_limits


def stage_place(environment: Environment, limits: TimeLimits) -> StagePlace:
    """Where the stages of this environment run: as pods beside a platform in a cluster, else as processes here."""
    if isinstance(environment, KubernetesEnvironment):
        return PodPlace(environment, limits)
    return ProcessPlace(limits)


def read_all(folder: Path | None = None) -> Iterator[tuple[Environment, list[Scenario]]]:
    """Every environment below the scenarios' folder, each with all scenarios. Raises SpecError."""
    folder = folder or scenarios_folder()
    scenarios = [read_scenario(path) for path in sorted(folder.glob("*.yaml"))]
    for path in sorted((folder / "environments").glob("*.yaml")):
        yield read_environment(path), scenarios


class StageFactory:
    """Makes the tasks, each named like its stage and bounded in time. ``series``: what the run ids begin with."""

    def __init__(self, environment: Environment, scenarios: Iterable[Scenario], series: str) -> None:
        self._environment = environment
        self._limits = time_limits(environment, scenarios)
        self._common: dict[str, Any] = {"series": series, "place": stage_place(environment, self._limits)}

    def request(self, form: Iterable[str]) -> RequestOperator:
        """Refuses a trigger that the form does not have."""
        return RequestOperator(
            task_id="request", form=list(form), execution_timeout=self._limits.of("request"), retries=0
        )

    def plan(self, purpose: str) -> StageOperator:
        """Freezes what was asked for."""
        return self._made("plan", PlanOperator, environment=self._environment.name, purpose=purpose)

    def stage(self, name: str, **more: Any) -> StageOperator:
        """A stage without anything special."""
        return self._made(name, StageOperator, stage=name, **more)

    def measured(self, request: RequestOperator) -> Any:
        """load >> collect >> check of each scenario that the run chose, one scenario after the other."""

        @task_group(group_id="scenario", prefix_group_id=True)
        def scenario(name: str) -> None:
            serial = {
                "scenario": name,
                "max_active_tis_per_dagrun": 1,
                "map_index_template": "{{ task.scenario }}",
            }
            load = self._made("load", LoadOperator, last_of_scenario="scenario.check", **serial)
            collect = self.stage("collect", **serial)
            check = self.stage("check", trigger_rule=TriggerRule.ALL_DONE, **serial)
            load >> collect >> check

        return scenario.expand(name=request.output)

    def ask(self) -> AskForSignOff:
        """Asks a person, where the plan says so."""
        return AskForSignOff(
            task_id=ASK, params=answer_form(), response_timeout=sign_off_timeout(), retries=0, **self._common
        )

    def sign_off(self) -> StageOperator:
        """Records the answer, whatever became of the question."""
        return self._made("sign_off", SignOffOperator, trigger_rule=TriggerRule.ALL_DONE)

    def decide(self) -> StageOperator:
        """Says the word, whatever happened; the task fails unless it is APPROVED."""
        return self._made("decide", DecideOperator, stage="decide", trigger_rule=TriggerRule.ALL_DONE)

    def close(self, teardown: BaseOperator, decide: BaseOperator) -> CloseOperator:
        """Fails the run if the teardown failed or the run was ended by hand."""
        return CloseOperator(
            task_id="close", teardown=teardown.task_id, decide=decide.task_id, retries=0,
            execution_timeout=self._limits.of("close"), **self._common,
        )  # fmt: skip

    def _made(self, name: str, kind: type[StageOperator], **more: Any) -> StageOperator:
        place: StagePlace = self._common["place"]
        return kind(task_id=name, **place.task_options(name), **self._common, **more)
