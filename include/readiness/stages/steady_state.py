"""The steady state between scenarios: what one of them leaves must not be measured by the next.

A target is steady when it is ready, has as many replicas as the plan says (what was scaled out under load is back),
none that is still ending, and its queue is empty. Nothing is restarted for it.
"""

import time
from typing import Any

from readiness.clients import platform_api
from readiness.clients.target_process import TargetError
from readiness.model.scenario import Scenario
from readiness.stages.run import Run, StageError

LONGEST_S = 240.0
"""Scaling in waits until fewer replicas have been enough for a while, then they drain."""
_BETWEEN_S = 1.0


class NotSteadyError(StageError):
    """The target did not come back: nothing was sent, and nothing that follows would be worth measuring."""


def settle(run: Run, scenario: Scenario) -> dict[str, Any]:
    """Bring the target into the state that the scenario begins in; what was waited for, for the record.

    Where the environment can say how far the target may scale, it may not until it is steady, so that what was scaled
    out before goes at once; afterwards it may again, but for a drill: its faults are declared against the declared
    number of replicas. Raises NotSteadyError."""
    under_load = run.plan.environment.under_load
    declared, most = run.replicas()[under_load], run.most_replicas().get(under_load)
    if most is None or most <= declared:
        return await_steady(run)
    try:
        held = run.target.scale(declared)
        facts = await_steady(run)
        freed = held and scenario.drill is None and run.target.scale(most)
    except TargetError as error:
        raise NotSteadyError(str(error)) from error
    return facts | {"max_replicas": most if freed or not held else declared}


def await_steady(run: Run, longest_s: float = LONGEST_S) -> dict[str, Any]:
    """Wait until the target is steady; what was waited for, for the record. Raises NotSteadyError."""
    started_s = time.monotonic()
    waited_for: list[str] = []
    while True:
        unsteady = _unsteady(run)
        took_s = time.monotonic() - started_s
        if not unsteady:
            return {"waited_s": took_s, "waited_for": waited_for}
        waited_for = unsteady
        if took_s > longest_s:
            raise NotSteadyError(f"the target was not steady within {longest_s:g} s: {'; '.join(unsteady)}")
        time.sleep(_BETWEEN_S)


def _unsteady(run: Run) -> list[str]:
    """Each reason why the target is not in its steady state now."""
    try:
        status = run.target.status()
    except (TargetError, ValueError) as error:
        return [str(error)]
    parts = status["components"]
    found = [] if status["state"] == "ready" else [f"the target says {status['state']}"]
    for component, replicas in run.replicas().items():
        there = sum(part["component"] == component for part in parts)
        if there != replicas:
            found.append(f"{there} {component} run instead of {replicas}")
    found += [f"{pod} is still ending" for pod in status.get("ending", ())]
    under_load = run.plan.environment.under_load
    urls = [part["admin_url"] for part in parts if part["component"] == under_load and part["admin_url"]]
    if found:
        return found
    try:
        depth = max((platform_api.read_metric(url, "phantommesh_queue_depth") for url in urls), default=0.0)
    except platform_api.ApiError as error:
        return [str(error)]
    return [f"the queue holds {depth:g} events"] if depth else []
