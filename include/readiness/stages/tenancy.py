"""Whether the environment is still this run's: a task that is cleared the next day, or that comes late, finds another's
release there, ready and of as many replicas."""

from datetime import UTC, datetime

from readiness.clients.lease import LeaseError
from readiness.clients.target_process import TargetError
from readiness.stages.run import Run, StageError


class NotHeldError(StageError):
    """The environment is not this run's any more: whatever is measured there says nothing of its release."""


def not_held(run: Run) -> str:
    """Why the environment is not this run's, and what to do, in a line; empty while it is. A lease that is over and
    that nobody took is as good as one that is not. Raises StageError when nobody can tell."""
    name = run.plan.environment.name
    try:
        held = run.claim.holder()
    except (LeaseError, TargetError) as error:
        raise StageError(f"who has the environment {name} cannot be told: {error}") from error
    if held is None:
        return (f"the environment {name} is not this run's any more, its lease was given back (as a teardown does): "
                "what runs there may be another release; begin a new run")  # fmt: skip
    if held.owner != run.run_id:
        since = datetime.fromtimestamp(held.taken_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return (f"the environment {name} is not this run's any more, run {held.owner} has it since {since}: what runs "
                "there is that run's; begin a new run when it is done")  # fmt: skip
    return ""


def require_held(run: Run) -> None:
    """Raises NotHeldError for an environment that is not this run's any more."""
    if problem := not_held(run):
        raise NotHeldError(problem)
