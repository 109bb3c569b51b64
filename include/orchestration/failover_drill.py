"""The DAG that breaks what runs in an environment and says how it stood it: no release is judged, nobody signs."""

from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, TriggerRule
from readiness.model.environment import Environment
from readiness.model.scenario import Scenario

from orchestration.run_identity import drill_series
from orchestration.stage_factory import StageFactory, read_all
from orchestration.trigger_form import drill_form

DAG_PREFIX = "failover_drill_"


def failover_drill_dags(doc_md: str | None, folder: Path | None = None) -> Iterator[DAG]:
    """One DAG for each environment file below ``folder``; none where no scenario has a drill. Raises SpecError."""
    for environment, scenarios in read_all(folder):
        drilled = [scenario for scenario in scenarios if scenario.drill is not None]
        if drilled:
            yield build_dag(environment, drilled, doc_md)


def build_dag(environment: Environment, drilled: list[Scenario], doc_md: str | None = None) -> DAG:
    """The stages of a release validation but for the signature, over scenarios with a drill."""
    form = drill_form(environment, [scenario.name for scenario in drilled])
    stages = StageFactory(environment, drilled, series=drill_series(environment.name))
    with DAG(
        DAG_PREFIX + environment.name, schedule=None, catchup=False, max_active_runs=1, params=form, doc_md=doc_md,
        dag_display_name=f"Failover drill: {environment.title}", tags=["drill", environment.name],
        default_args={"retries": 0},
    ) as dag:  # fmt: skip
        request = stages.request(form)
        plan = stages.plan("drill")
        deploy = stages.stage("deploy")
        verify = stages.stage("verify")
        measured = stages.measured(request)
        report = stages.stage("report", trigger_rule=TriggerRule.ALL_DONE)
        decide = stages.decide()
        teardown = stages.stage("teardown")
        close = stages.close(teardown, decide)

        request >> plan >> deploy >> verify >> measured >> report >> decide
        measured >> teardown.as_teardown(setups=[plan, deploy])
        teardown >> close.as_teardown(on_failure_fail_dagrun=True)
    return dag
