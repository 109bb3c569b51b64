"""Deploy: take the environment, remove what an earlier run left, start the version under test (or find the one that
runs already)."""

import time
from typing import Any

from readiness.clients.kubernetes.rollout import RolloutError
from readiness.clients.lease import LeaseError
from readiness.clients.target_process import TargetError
from readiness.drills.victims import DrillError
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.run import RunPlan
from readiness.stages.breakable import require_breakable
from readiness.stages.doctor import require_usable
from readiness.stages.recording import recording
from readiness.stages.release_fault import ROLLOUT
from readiness.stages.run import EnvironmentInUseError, Run, StageError, UnusableEnvironmentError, project_folder
from readiness.stages.steady_state import LONGEST_S

_STAGES_S = 900.0
_ANSWER_S = 4 * 3600.0


def deploy(run: Run) -> None:
    """Start the target and wait until it is ready. Raises StageError if another run has the environment, it cannot be
    used, or the target does not start."""
    plan = run.plan
    with recording(run, StageRef(RUN_SCOPE, "deploy"), (StageRef(RUN_SCOPE, "plan"),)) as record:
        started = time.monotonic()
        try:
            _require_usable(plan)
            require_breakable(run)
            run.claim.take(run.run_id, lease_duration_s(plan))
            leftover = run.target.clear()  # whoever left it has no lease any more
            faults = _without_faults(run)
            status = run.target.up(plan.replicas, plan.port, plan.links)
        except LeaseError as error:
            raise EnvironmentInUseError(str(error)) from error
        except RolloutError as error:
            record.write(ROLLOUT, error.facts)
            raise StageError(str(error)) from error
        except (TargetError, DrillError, ValueError) as error:
            raise StageError(str(error)) from error
        took_s = time.monotonic() - started
        facts = {"took_s": took_s, "status": status, "leftover_removed": leftover, "faults_taken_back": faults}
        record.write("deploy.json", facts)


def _require_usable(plan: RunPlan) -> None:
    """Before anything is changed in a cluster. Raises UnusableEnvironmentError."""
    if isinstance(plan.environment, KubernetesEnvironment):
        try:
            require_usable(plan.environment, project_folder())
        except StageError as error:
            raise UnusableEnvironmentError(str(error)) from error


def _without_faults(run: Run) -> list[dict[str, Any]]:
    """Take back what an interrupted drill left in a cluster, where no target was stopped that would have taken it
    along: a version must not be rejected because a node was not used again. What was found. Raises StageError for what
    stays."""
    found = run.take_back_leftovers() if run.cluster is not None else []
    for one in found:
        if not one["removed"]:
            raise StageError(f"a fault of an earlier run is still in place: {one['describe']}: {one['error']}")
    return found


def lease_duration_s(plan: RunPlan) -> float:
    """An upper bound for the whole run: phases and drains, the stages around them, and the wait for a signature."""
    profiles = [scenario.profiles[plan.profile] for scenario in plan.scenarios]
    loads_s = sum(LONGEST_S + profile.warmup + profile.measure + 4 * profile.drain for profile in profiles)
    return loads_s + 2 * plan.environment.start_timeout + _STAGES_S + (_ANSWER_S if plan.sign_off else 0.0)
