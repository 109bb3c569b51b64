"""The DAG that validates a release: one for each environment, made of the environment's stages."""

from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, TriggerRule
from readiness.model.environment import Environment
from readiness.model.scenario import Scenario

from orchestration.stage_factory import StageFactory, read_all
from orchestration.trigger_form import trigger_form

DAG_PREFIX = "release_validation_"


def release_validation_dags(doc_md: str | None, folder: Path | None = None) -> Iterator[DAG]:
    """One DAG for each environment file below ``folder``. Raises SpecError."""
    for environment, scenarios in read_all(folder):
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
    stages = StageFactory(environment, scenarios, series=environment.name)
    with DAG(
        DAG_PREFIX + environment.name, schedule=None, catchup=False, max_active_runs=1, params=form, doc_md=doc_md,
        dag_display_name=f"Release validation: {environment.title}", tags=["release", environment.name],
        default_args={"retries": 0},
    ) as dag:  # fmt: skip
        request = stages.request(form)
        plan = stages.plan("release")
        deploy = stages.stage("deploy")
        verify = stages.stage("verify")
        measured = stages.measured(request)
        report = stages.stage("report", trigger_rule=TriggerRule.ALL_DONE)
        ask = stages.ask()
        sign_off = stages.sign_off()
        decide = stages.decide()
        teardown = stages.stage("teardown")
        close = stages.close(teardown, decide)

        request >> plan >> deploy >> verify >> measured >> report >> ask >> sign_off >> decide
        # plan is a setup too: a deploy that was killed half-way has not succeeded, and must be cleaned up all the same.
        measured >> teardown.as_teardown(setups=[plan, deploy])
        teardown >> close.as_teardown(on_failure_fail_dagrun=True)
    return dag
