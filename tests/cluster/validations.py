"""Validations of these tests: an Airflow whose stages are pods, a run in it, and what the archive says of the run."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from orchestration.airflow_home import prepare
from orchestration.following import FollowedRun
from orchestration.processes import descendants
from orchestration.services import AirflowServices

from .airflow_access import kubeconfig_of_airflow
from .environment import write_scenarios
from .installation import STAGES
from .kubectl import Kubectl, until

DAG_ID = "release_validation_dev"
ENDED = ("success", "failed", "upstream_failed")
_READINESS = str(Path(sys.executable).parent / "readiness")


@contextmanager
def airflow_of_pods(archive: str, kubectl: Kubectl, folder: Path) -> Iterator[AirflowServices]:
    """Scheduler, LocalExecutor and the rest, with the rights of the group phantommesh:airflow."""
    write_scenarios(folder / "scenarios")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("READINESS_SCENARIOS", str(folder / "scenarios"))
        patch.setenv("READINESS_ARCHIVE", archive)
        patch.setenv("READINESS_HOME", str(folder / "home"))
        patch.setenv("KUBECONFIG", str(kubeconfig_of_airflow(kubectl, folder)))
        with AirflowServices(prepare(folder / "home", pods=True)) as services:
            services.wait_for_dag(DAG_ID)
            _stand_back(services)
            yield services


def _stand_back(services: AirflowServices) -> None:
    """Elsewhere Airflow is not on the cluster's machine; here it must not be in the way of what keeps times. Where the
    kernel groups processes by session it is the nice value of theirs that counts (sched(7), autogroup)."""
    started = [*services.pids.values(), *(one.pid for one in descendants(services.pids.values()))]
    for pid in started:
        os.setpriority(os.PRIO_PROCESS, pid, 19)
        session = Path("/proc", str(pid), "autogroup")
        if session.exists():
            until(partial(_taken, session), 10, lambda: "the kernel takes no other nice value for a session")


def _taken(session: Path) -> bool:
    """Whether this session has the nice value 19 now. Of one without privilege the kernel takes a change each 0.1 s."""
    try:
        session.write_text("19")
    except BlockingIOError:
        return False
    return True


def begun(airflow: AirflowServices, name: str, **conf: Any) -> FollowedRun:
    """A validation that was triggered just now, under an id that the archive does not have."""
    run = FollowedRun(airflow, "dev", DAG_ID, f"{name}-{uuid.uuid4().hex[:8]}")
    run.trigger({"profile": "smoke", "sign_off": False, **conf})
    return run


def asked(command: str, run: FollowedRun) -> dict[str, Any]:
    """What readiness says of a run, from the archive alone."""
    argv = [_READINESS, command, run.run_id, "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout, (done.stderr, [(task.name, task.state, run.reason(task)) for task in run.tasks()])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def assert_ended_well(run: FollowedRun, kubectl: Kubectl) -> None:
    """The evidence confirms the decision, and no stage has left a pod."""
    found = asked("verify", run)
    assert (found["confirmed"], found["problems"]) == (True, [])
    assert kubectl("get", "pods", "-n", STAGES, "-o", "name") == ""


def only_its_load_is_not_proven(decided: dict[str, Any]) -> bool:
    """Then the machine was busy, and the release is not to blame."""
    return decided["decision"] == "INCONCLUSIVE" and all("load not proven" in why for why in decided["reasons"])


def state_of(run: FollowedRun, task_id: str) -> str | None:
    """The state of a task; None: it is not scheduled yet."""
    return next((task.state for task in run.tasks() if task.task_id == task_id), None)
