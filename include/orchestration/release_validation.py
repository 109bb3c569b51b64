"""The DAG that validates a release: one for each environment, made of the environment's stages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, TriggerRule, task_group
from readiness.model.environment import Environment
from readiness.model.scenario import Scenario
from readiness.spec.files import read_environment, read_scenario

from orchestration.project import scenarios_folder
from orchestration.run_identity import ASK
from orchestration.sign_off import AskForSignOff, SignOffOperator, answer_form
from orchestration.stage_operators import (
    CloseOperator,
    DecideOperator,
    LoadOperator,
    PlanOperator,
    ReportOperator,
    RequestOperator,
    StageOperator,
)
from orchestration.time_limits import TimeLimits, sign_off_timeout, time_limits
from orchestration.trigger_form import trigger_form

DAG_PREFIX = "release_validation_"


def release_validation_dags(doc_md: str | None, folder: Path | None = None) -> Iterator[DAG]:
    """One DAG for each environment file below ``folder``; the stages run as local processes. Raises SpecError."""
    folder = folder or scenarios_folder()
    scenarios = [read_scenario(path) for path in sorted(folder.glob("*.yaml"))]
    for path in sorted((folder / "environments").glob("*.yaml")):
        environment = read_environment(path)
        if environment.driver == "kubernetes":
            continue  # its stages are pods, not processes of this machine
        yield build_dag(environment, scenarios, doc_md)


def build_dag(environment: Environment, scenarios: list[Scenario], doc_md: str | None = None) -> DAG:
    """The stages of a run in an environment, in order.

    - Scenarios are executed one after the other: each load waits until the scenario before it has been checked.
    - From check on every stage runs whatever happened before it: a platform that died still gets its decision, from the
      evidence there is. The last task fails unless that is APPROVED.
    - Teardown runs once the last scenario is checked, while the report is made and people think: also after a failure,
      also when the run was marked failed.
    - Close fails the run if the teardown failed, or if it was ended by hand, which Airflow would call a success.
    """
    form = trigger_form(environment, [scenario.name for scenario in scenarios])
    limits = time_limits(environment, scenarios)
    always = TriggerRule.ALL_DONE
    with DAG(
        DAG_PREFIX + environment.name, schedule=None, catchup=False, max_active_runs=1, params=form, doc_md=doc_md,
        dag_display_name=f"Release validation: {environment.title}", tags=["release", environment.name],
        default_args={"retries": 0},
    ) as dag:  # fmt: skip
        common: dict[str, Any] = {"environment": environment.name}
        request = RequestOperator(task_id="request", form=list(form), execution_timeout=limits.of("request"))
        plan = _stage("plan", limits, PlanOperator, **common)
        deploy = _stage("deploy", limits, **common)
        verify = _stage("verify", limits, **common)
        measured = _scenario_group(limits, common).expand(name=request.output)
        report = _stage("report", limits, ReportOperator, trigger_rule=always, **common)
        ask = AskForSignOff(task_id=ASK, params=answer_form(), response_timeout=sign_off_timeout(), **common)
        sign_off = _stage("sign_off", limits, SignOffOperator, trigger_rule=always, **common)
        decide = _stage("decide", limits, DecideOperator, trigger_rule=always, **common)
        teardown = _stage("teardown", limits, **common)
        close = CloseOperator(
            task_id="close", teardown="teardown", decide="decide", execution_timeout=limits.of("close")
        )

        request >> plan >> deploy >> verify >> measured >> report >> ask >> sign_off >> decide
        # plan is a setup too: a deploy that was killed half-way has not succeeded, and must be cleaned up all the same.
        measured >> teardown.as_teardown(setups=[plan, deploy])
        teardown >> close.as_teardown(on_failure_fail_dagrun=True)
    return dag


def _scenario_group(limits: TimeLimits, common: dict[str, Any]) -> Any:
    """load >> collect >> check of one scenario, to be mapped over the names that the run chose."""

    @task_group(group_id="scenario", prefix_group_id=True)
    def scenario(name: str) -> None:
        serial = {
            "scenario": name,
            "max_active_tis_per_dagrun": 1,
            "map_index_template": "{{ task.scenario }}",
            **common,
        }
        load = _stage("load", limits, LoadOperator, last_of_scenario="scenario.check", **serial)
        collect = _stage("collect", limits, **serial)
        check = _stage("check", limits, trigger_rule=TriggerRule.ALL_DONE, **serial)
        load >> collect >> check

    return scenario


def _stage(name: str, limits: TimeLimits, kind: type[StageOperator] = StageOperator, **kwargs: Any) -> StageOperator:
    """The task of a stage, named like it and bounded in time."""
    if kind not in (LoadOperator, SignOffOperator):
        kwargs["stage"] = name
    return kind(task_id=name, execution_timeout=limits.of(name), **kwargs)
