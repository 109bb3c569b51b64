"""The DAGs of an environment in a cluster: the same list of stages as on one machine, and what differs."""

from pathlib import Path

import pytest
from airflow.sdk import DAG
from cluster_environment import cluster_environment
from orchestration import failover_drill, release_validation
from orchestration.pod_place import PodPlace
from orchestration.process_place import ProcessPlace
from orchestration.project import PROJECT
from orchestration.stage_operators import StageOperator
from readiness.model.scenario import Scenario
from readiness.spec.files import read_environment, read_scenario

AIRFLOWS_OWN = {"request", "ask_for_sign_off", "close"}


@pytest.fixture(scope="module")
def scenarios() -> list[Scenario]:
    return [read_scenario(path) for path in sorted((PROJECT / "scenarios").glob("*.yaml"))]


@pytest.fixture(scope="module")
def drilled(scenarios: list[Scenario]) -> list[Scenario]:
    return [scenario for scenario in scenarios if scenario.drill is not None]


def _lines(dag: DAG) -> dict[str, set[str]]:
    return {task.task_id: set(task.downstream_task_ids) for task in dag.tasks}


def test_a_cluster_has_the_stages_of_one_machine(scenarios: list[Scenario], tmp_path: Path) -> None:
    local = read_environment(PROJECT / "scenarios" / "environments" / "local.yaml")
    here = release_validation.build_dag(local, scenarios)
    there = release_validation.build_dag(cluster_environment(tmp_path), scenarios)
    assert (here.dag_id, there.dag_id) == ("release_validation_local", "release_validation_dev")
    assert _lines(here) == _lines(there)
    for dag, kind in ((here, ProcessPlace), (there, PodPlace)):
        stages = [task for task in dag.tasks if isinstance(task, StageOperator)]
        assert {task.task_id for task in dag.tasks} - {task.task_id for task in stages} == AIRFLOWS_OWN
        assert {type(task.place) for task in stages} == {kind}


def test_pods_are_tried_twice_and_what_is_airflows_own_once(scenarios: list[Scenario], tmp_path: Path) -> None:
    dag = release_validation.build_dag(cluster_environment(tmp_path), scenarios)
    tried = {task.task_id: task.retries for task in dag.tasks}
    assert {name for name, retries in tried.items() if retries == 0} == AIRFLOWS_OWN
    assert {retries for name, retries in tried.items() if name not in AIRFLOWS_OWN} == {1}


def test_a_drill_is_a_validation_that_nobody_signs(drilled: list[Scenario], tmp_path: Path) -> None:
    environment = cluster_environment(tmp_path)
    dag = failover_drill.build_dag(environment, drilled)
    assert dag.dag_id == "failover_drill_dev"
    names = set(_lines(dag))
    assert {"deploy", "scenario.load", "scenario.check", "report", "decide", "teardown", "close"} <= names
    assert not {"sign_off", "ask_for_sign_off"} & names
    assert _lines(dag)["report"] == {"decide"}
    assert "sign_off" not in dag.params
    assert dag.params["scenarios"] == ["failover"]
    stages = [task for task in dag.tasks if isinstance(task, StageOperator)]
    assert {task.series for task in stages} == {"dev.drill"}
    assert dag.get_task("plan").purpose == "drill"


def test_the_products_own_environments_have_theirs() -> None:
    folder = PROJECT / "scenarios"
    names = ("dev", "local", "prod", "staging")
    releases = [dag.dag_id for dag in release_validation.release_validation_dags(None, folder)]
    drills = [dag.dag_id for dag in failover_drill.failover_drill_dags(None, folder)]
    assert releases == [f"release_validation_{name}" for name in names]
    assert drills == [f"failover_drill_{name}" for name in names]


def test_every_environment_gets_both_dags(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    (folder / "environments").mkdir(parents=True)
    for name in ("steady", "failover"):
        (folder / f"{name}.yaml").write_text((PROJECT / "scenarios" / f"{name}.yaml").read_text())
    cluster_environment(folder / "environments")
    local = PROJECT / "scenarios" / "environments" / "local.yaml"
    (folder / "environments" / "local.yaml").write_text(local.read_text())
    releases = [dag.dag_id for dag in release_validation.release_validation_dags(None, folder)]
    drills = [dag.dag_id for dag in failover_drill.failover_drill_dags(None, folder)]
    assert releases == ["release_validation_dev", "release_validation_local"]
    assert drills == ["failover_drill_dev", "failover_drill_local"]
