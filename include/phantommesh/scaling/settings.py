"""What the scaling rule is told: the fields of a HorizontalPodAutoscaler (autoscaling/v2) that are used here.

Defaults are those of Kubernetes: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Policy:
    """At most ``value`` pods, or per cent of the pods, may be added or removed within ``period_s`` seconds."""

    kind: Literal["pods", "percent"]
    value: int
    period_s: float


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Of one direction. ``window_s``: stabilisation, in seconds: of all that was recommended in it, the most cautious
    counts. ``select``: which of several policies holds. ``tolerance``: a ratio this close to 1 changes nothing."""

    window_s: float
    policies: tuple[Policy, ...]
    select: Literal["max", "min", "disabled"] = "max"
    tolerance: float = 0.1


UP = Behaviour(0.0, (Policy("pods", 4, 15.0), Policy("percent", 100, 15.0)))
DOWN = Behaviour(300.0, (Policy("percent", 100, 15.0),))


@dataclass(frozen=True, slots=True)
class Scaling:
    """``least`` to ``most`` replicas, so that each uses ``target_percent`` of ``request_cores`` of CPU.

    ``sync_s``: seconds between two decisions. ``cpu_initialization_s``, ``initial_readiness_s``: how long after its
    start a pod may count as not yet ready (the controller's --horizontal-pod-autoscaler-cpu-initialization-period and
    -initial-readiness-delay).
    """

    least: int
    most: int
    request_cores: float
    target_percent: float
    up: Behaviour = field(default=UP)
    down: Behaviour = field(default=DOWN)
    sync_s: float = 15.0
    cpu_initialization_s: float = 300.0
    initial_readiness_s: float = 30.0

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError(f"scaling needs 1 <= least <= most, got {self.least} to {self.most}")
        if min(self.request_cores, self.target_percent, self.sync_s) <= 0:
            raise ValueError("scaling needs a request, a target and a period above 0")


def from_document(document: dict[str, Any]) -> Scaling:
    """Settings as dataclasses.asdict wrote them. Raises KeyError or TypeError for another document."""
    directions = {
        name: Behaviour(**{**document[name], "policies": tuple(Policy(**item) for item in document[name]["policies"])})
        for name in ("up", "down")
    }
    return Scaling(**{**document, **directions})
