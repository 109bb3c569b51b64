"""The Prometheus of an environment: whom to ask, and whether it measures every replica before anything is loaded."""

import time
from dataclasses import dataclass
from typing import Any

from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.clients.kubernetes.measuring import Measuring, prometheus_replicas
from readiness.clients.prometheus import Prometheus, PrometheusError
from readiness.clients.target_process import TargetError
from readiness.model.environment import PrometheusSource
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.stages.metric_rows import selector
from readiness.stages.run import Run

_BETWEEN_S = 1.0


@dataclass(frozen=True)
class Asking:
    """Whom to ask, and where it is."""

    kubectl: Kubectl
    environment: KubernetesEnvironment
    source: PrometheusSource


def asking_of(run: Run) -> Asking | None:
    """None where the observer scrapes."""
    environment = run.plan.environment
    source = environment.observation.of_prometheus
    if source is None or not isinstance(environment, KubernetesEnvironment) or run.cluster is None:
        return None
    return Asking(run.cluster, environment, source)


def replicas_there(asking: Asking) -> tuple[tuple[Measuring, ...], str]:
    """The replicas of Prometheus that can be asked; why there is none."""
    cluster = asking.environment.cluster
    try:
        found = prometheus_replicas(asking.kubectl, asking.environment)
    except (TargetError, ValueError) as error:
        return (), str(error)
    if found:
        return found, ""
    return (), (
        f"the namespace {cluster.namespace} has no pod with app.kubernetes.io/name={asking.source.component} and a "
        "port named http; is it applied, or is observation.prometheus.component another?"
    )


def unmeasured(asking: Asking, status: dict[str, Any]) -> str:
    """Why no replica of Prometheus measures every replica of the target whose metrics are needed; empty when one does.
    A pod that has just appeared has as much time to be found as the environment says."""
    components = asking.environment.components
    wanted = {str(part["pod"]) for part in status["components"] if components[part["component"]].metrics}
    ends_s = time.monotonic() + asking.source.finds_within
    while True:
        there, problem = replicas_there(asking)
        reasons = []
        for one in there:
            said = _lacking(asking, one, wanted)
            if not said:
                return ""
            reasons.append(f"{one.pod}: {said}")
        if time.monotonic() > ends_s:
            return "; ".join(reasons) or problem
        time.sleep(_BETWEEN_S)  # between two questions


def _lacking(asking: Asking, one: Measuring, wanted: set[str]) -> str:
    """What this one has not got of the last moments."""
    now_ns = time.time_ns()
    recent_s = asking.environment.observation.max_gap
    with Prometheus(one.url) as prometheus:
        try:
            pages = list(prometheus.raw(selector(asking.source.job), now_ns - round(recent_s * 1e9), now_ns))
        except PrometheusError as error:
            return str(error)
    measured = {series.labels.get("replica", "") for page in pages for series in page if series.times_ms}
    missing = sorted(wanted - measured)
    return f"no sample of {', '.join(missing)} within the last {recent_s:g} s" if missing else ""
