"""What harms the pods of a validation, and not the release: a stage is tried again, or the run is INCONCLUSIVE."""

import json
import os
import shlex
import subprocess

import pytest
from orchestration.following import FollowedRun
from orchestration.pod_manifest import RUN_LABEL, STAGE_LABEL
from orchestration.services import AirflowServices

from .installation import STAGES
from .kubectl import Kubectl, until
from .validations import asked, assert_ended_well, begun, only_its_load_is_not_proven, state_of

API_SERVER_AWAY_S = 30
pytestmark = pytest.mark.timeout(1200)


def test_a_stage_that_loses_its_pod_says_nothing_of_the_release(airflow: AirflowServices, kubectl: Kubectl) -> None:
    run = begun(airflow, "lost-pod", scenarios=["steady"], version="dev")
    until(lambda: _pods(kubectl, run, "load"), 300, lambda: f"load: {state_of(run, 'scenario.load')}")
    kubectl("delete", "pods", "-n", STAGES, "-l", _labels(run, "load"), "--grace-period=0", "--force")
    run.wait(600)
    decided = asked("show", run)
    assert decided["decision"] == "INCONCLUSIVE", decided["reasons"]
    # Its pod is gone, or the stage saw first that the token of a pod that is gone is worth nothing: it says which.
    assert any(reason.startswith("steady/load: the stage failed") for reason in decided["reasons"]), decided["reasons"]
    assert_ended_well(run, kubectl)


def test_an_evicted_stage_and_an_api_server_that_is_away_cost_no_run(
    airflow: AirflowServices, kubectl: Kubectl
) -> None:
    """Of a stage that may be repeated. PHANTOMMESH_API_SERVER_PAUSE: a command that is given the seconds for which the
    API server answers nobody."""
    pause = os.environ.get("PHANTOMMESH_API_SERVER_PAUSE", "")
    if not pause:
        pytest.skip("PHANTOMMESH_API_SERVER_PAUSE must say how the API server is kept from answering")
    run = begun(airflow, "withstood", scenarios=["steady"], version="dev")
    until(lambda: _pods(kubectl, run, "verify"), 300, lambda: f"verify: {state_of(run, 'verify')}")
    (evicted,) = _pods(kubectl, run, "verify")
    _evict(kubectl, evicted)
    until(lambda: _pods(kubectl, run, "check"), 400, lambda: f"check: {state_of(run, 'scenario.check')}")
    subprocess.run([*shlex.split(pause), str(API_SERVER_AWAY_S)], check=True, timeout=API_SERVER_AWAY_S + 30)
    run.wait(600)
    decided = asked("show", run)
    assert decided["decision"] == "APPROVED" or only_its_load_is_not_proven(decided), decided["reasons"]
    assert {task.name: task.state for task in run.tasks() if task.state not in ("success", "skipped")} == {}
    assert [task.attempt for task in run.tasks() if task.task_id == "verify"] == [2]
    assert_ended_well(run, kubectl)


def _labels(run: FollowedRun, stage: str) -> str:
    return f"{RUN_LABEL}={run.run_id},{STAGE_LABEL}={stage}"


def _pods(kubectl: Kubectl, run: FollowedRun, stage: str) -> list[str]:
    """The names of the stage's pods whose containers run."""
    running = ("--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].metadata.name}")
    return kubectl("get", "pods", "-n", STAGES, "-l", _labels(run, stage), *running).split()


def _evict(kubectl: Kubectl, pod: str) -> None:
    """As a drain or a node without memory does it, at once."""
    eviction = {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": STAGES},
        "deleteOptions": {"gracePeriodSeconds": 0},
    }  # fmt: skip
    kubectl("create", "--raw", f"/api/v1/namespaces/{STAGES}/pods/{pod}/eviction", "-f", "-", text=json.dumps(eviction))
