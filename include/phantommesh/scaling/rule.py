"""The rule of Kubernetes' HorizontalPodAutoscaler: from what the pods use to how many there should be.

Source: Kubernetes documentation, "Horizontal Pod Autoscaling", sections "Algorithm details", "Configurable scaling
behavior" and "Pod readiness and autoscaling metrics",
https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from phantommesh.scaling.settings import Behaviour, Policy, Scaling


@dataclass(frozen=True, slots=True)
class Pod:
    """``use_percent``: of its request; None: no measurement of it is to be had. ``not_yet_ready``: it starts."""

    use_percent: float | None
    not_yet_ready: bool = False


@dataclass(frozen=True, slots=True)
class Recommendation:
    """``ratio``: use over target, of the pods that were measured; None when none was, and then nothing changes."""

    replicas: int
    ratio: float | None


@dataclass(frozen=True, slots=True)
class History:
    """(time in s, recommended replicas) and (time in s, replicas added, or removed if negative), oldest first."""

    recommended: tuple[tuple[float, int], ...] = ()
    changed: tuple[tuple[float, int], ...] = ()


def recommend(pods: Sequence[Pod], scaling: Scaling) -> Recommendation:
    """ceil(replicas x use / target), unchanged while the ratio is within the tolerance of 1.

    Pods without a measurement count as using the whole target when that speaks for fewer replicas, and nothing when it
    speaks for more; pods that are not yet ready count as using nothing when it speaks for more and are otherwise left
    out. If that turns the direction around, or comes within the tolerance, nothing changes.
    """
    current = len(pods)
    measured = [pod.use_percent for pod in pods if pod.use_percent is not None and not pod.not_yet_ready]
    if not measured:
        return Recommendation(current, None)
    target = scaling.target_percent
    ratio = sum(measured) / len(measured) / target
    starting = sum(pod.not_yet_ready for pod in pods)
    missing = current - len(measured) - starting
    assumed = [target if ratio < 1 else 0.0] * missing + [0.0] * (starting if ratio > 1 else 0)
    uses = [*measured, *assumed]
    cautious = sum(uses) / len(uses) / target
    turned = (ratio - 1) * (cautious - 1) < 0
    if turned or _within(cautious, scaling):
        return Recommendation(current, ratio)
    wanted = _ceil(cautious * len(uses))
    wrong_way = (cautious < 1 and wanted > current) or (cautious > 1 and wanted < current)
    return Recommendation(current if wrong_way else wanted, ratio)


def next_replicas(
    current: int, recommended: int, now_s: float, scaling: Scaling, history: History
) -> tuple[int, History]:
    """How many replicas there should be from now on, and the history that the next decision needs.

    Of the recommendations within the stabilisation windows the lowest bounds scaling up, the highest scaling down; the
    policies then bound how much may change at once, and least and most bound the whole.
    """
    kept = (*history.recommended, (now_s, min(max(recommended, scaling.least), scaling.most)))
    history = History(_recent(kept, now_s, scaling), _recent(history.changed, now_s, scaling))
    stable = _stabilised(current, now_s, scaling, history)
    if stable > current:
        wanted = min(stable, _highest(current, now_s, scaling.up, history))
    elif stable < current:
        wanted = max(stable, _lowest(current, now_s, scaling.down, history))
    else:
        wanted = current
    wanted = min(max(wanted, scaling.least), scaling.most)
    if wanted != current:
        history = replace(history, changed=(*history.changed, (now_s, wanted - current)))
    return wanted, history


def not_yet_ready(
    *, ready: bool, age_s: float, changed_at_age_s: float, measured_over_s: float, scaling: Scaling
) -> bool:
    """Whether a pod counts as one that starts.

    age_s: since its start; changed_at_age_s: its age when it last became ready, or not ready (0: never ready yet).
    In the initialisation period a pod that is not ready starts, and so does one whose use was measured over a span (of
    measured_over_s, until now) that began before it was ready: what starting costs is no load. Later only one that has
    not been ready since shortly after its start counts as starting.
    """
    if age_s < scaling.cpu_initialization_s:
        return not ready or age_s - changed_at_age_s < measured_over_s
    return not ready and changed_at_age_s < scaling.initial_readiness_s


def _within(ratio: float, scaling: Scaling) -> bool:
    slack = 1e-9  # 0.1 is no binary number: a ratio of exactly 1.1 is within
    return 1 - scaling.down.tolerance - slack <= ratio <= 1 + scaling.up.tolerance + slack


def _ceil(value: float) -> int:
    return math.ceil(value - 1e-9)


def _recent(entries: tuple[tuple[float, int], ...], now_s: float, scaling: Scaling) -> tuple[tuple[float, int], ...]:
    periods = [policy.period_s for way in (scaling.up, scaling.down) for policy in way.policies]
    oldest_s = now_s - max(scaling.up.window_s, scaling.down.window_s, *periods, 0.0)
    return tuple(entry for entry in entries if entry[0] >= oldest_s)


def _stabilised(current: int, now_s: float, scaling: Scaling, history: History) -> int:
    lowest = min(_in_window(history.recommended, now_s, scaling.up.window_s))
    highest = max(_in_window(history.recommended, now_s, scaling.down.window_s))
    return lowest if current < lowest else min(current, highest)


def _in_window(entries: tuple[tuple[float, int], ...], now_s: float, window_s: float) -> list[int]:
    return [count for at_s, count in entries if now_s - at_s <= window_s]


def _highest(current: int, now_s: float, way: Behaviour, history: History) -> int:
    """The most replicas that the policies of scaling up allow now."""
    if way.select == "disabled":
        return current
    limits = []
    for policy in way.policies:
        start = _at_start(current, now_s, policy, history)
        added = policy.value if policy.kind == "pods" else _ceil(start * policy.value / 100)
        limits.append(start + added)
    return max(current, (max if way.select == "max" else min)(limits, default=current))


def _lowest(current: int, now_s: float, way: Behaviour, history: History) -> int:
    """The fewest replicas that the policies of scaling down allow now. ``select`` "max" allows the larger change."""
    if way.select == "disabled":
        return current
    limits = []
    for policy in way.policies:
        start = _at_start(current, now_s, policy, history)
        removed = policy.value if policy.kind == "pods" else _ceil(start * policy.value / 100)
        limits.append(start - removed)
    return min(current, (min if way.select == "max" else max)(limits, default=current))


def _at_start(current: int, now_s: float, policy: Policy, history: History) -> int:
    """How many replicas there were when the policy's period began."""
    return current - sum(change for at_s, change in history.changed if now_s - at_s < policy.period_s)
