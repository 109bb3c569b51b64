"""Whether the drills of a run can be made in its cluster, known before anything is changed there."""

from readiness.clients.kubernetes.faults import makers_of
from readiness.clients.kubernetes.target import ClusterTarget
from readiness.model.drill import DependencyDown
from readiness.stages.run import Run, UnusableEnvironmentError


def require_breakable(run: Run) -> None:
    """A dependency is taken down by its scale, which only a deployment or a stateful set has; an operator's pods have
    none that would last. Raises UnusableEnvironmentError, TargetError."""
    steps = [
        (scenario.name, number, step)
        for scenario in run.plan.scenarios
        for number, step in enumerate(scenario.drill.steps if scenario.drill else (), 1)
        if isinstance(step, DependencyDown)
    ]
    if not steps or not isinstance(run.target, ClusterTarget):
        return
    workloads = run.target.workloads()
    for name, number, step in steps:
        found = makers_of(workloads, step.component)
        if len(found) != 1:
            what = ", ".join(" ".join(one) for one in found) or "none"
            raise UnusableEnvironmentError(
                f"scenario {name}, step {number} of its drill: dependency_down cannot take {step.component} down in "
                f"the environment {run.plan.environment.name}: exactly one deployment or stateful set must make pods "
                f"with the label app.kubernetes.io/name: {step.component}, and there is {what} (pods of an operator "
                "cannot be scaled to nothing); write kill or partition for it, or leave the scenario out"
            )
