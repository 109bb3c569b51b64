"""What keeps the platform there while replicas come and go."""

from collections.abc import Iterator

import click

from manifests.checks import check
from manifests.checks.platform import COMPONENTS, options
from manifests.objects import Manifests, Object, Workload, at

REPLICAS = {"automation": 3, "vpn-core": 3, "prometheus": 2, "grafana": 1, "postgres": 1, "valkey": 1, "sink": 1}
LEAST_LEFT = {"automation": 2, "vpn-core": 2, "prometheus": 1}


def _autoscalers(manifests: Manifests) -> list[Object]:
    return manifests.of("HorizontalPodAutoscaler", "ScaledObject")


def _is_scaled(workload: Workload, manifests: Manifests) -> bool:
    return any(at(item, "spec", "scaleTargetRef", "name") == workload.name for item in _autoscalers(manifests))


@check("three of what serves and two of what measures: one may fail at any time")
def has_its_replicas(manifests: Manifests) -> Iterator[str]:
    for name in ("automation", "vpn-core", "prometheus", "grafana"):
        if not manifests.workloads(name):
            yield f"{name}: is not there"
    for workload in manifests.workloads(*REPLICAS):
        stated = at(workload.item, "spec", "replicas")
        if _is_scaled(workload, manifests):
            if stated is not None:
                yield f"{workload.title}: states replicas that an autoscaler decides"
        elif stated != REPLICAS[workload.name]:
            yield f"{workload.title}: has {stated} replicas, not {REPLICAS[workload.name]}"


@check("a rollout that takes a replica away before the next is ready interrupts the service")
def updates_take_nothing_away(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        if workload.kind != "Deployment":
            continue
        strategy = at(workload.item, "spec", "strategy", default={})
        rolling = strategy.get("rollingUpdate", {})
        if strategy.get("type", "RollingUpdate") != "RollingUpdate" or rolling.get("maxUnavailable") != 0:
            yield f"{workload.title}: maxUnavailable is not 0"
        if rolling.get("maxSurge") != 1:
            yield f"{workload.title}: maxSurge is {rolling.get('maxSurge')}: one at a time keeps within the connections"


@check("a rollout that hangs must be noticed, and rolled back, in minutes")
def rollouts_have_a_deadline(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads(*COMPONENTS):
        if not 30 <= at(workload.item, "spec", "progressDeadlineSeconds", default=600) <= 300:
            yield f"{workload.title}: a rollout that hangs is noticed too late"


@check("a drained node must not take the last replica with it, and a budget that allows nothing blocks the drain")
def disruptions_are_bounded(manifests: Manifests) -> Iterator[str]:
    budgets = {str(at(item, "metadata", "name")): item for item in manifests.of("PodDisruptionBudget")}
    for workload in manifests.workloads(*LEAST_LEFT):
        spec = at(budgets.get(workload.name), "spec", default={})
        if spec.get("minAvailable") != LEAST_LEFT[workload.name] or "maxUnavailable" in spec:
            yield f"{workload.title}: its budget does not keep {LEAST_LEFT[workload.name]}"
        if spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{workload.title}: a replica that is not ready blocks the drain of its node"
    for name in sorted(budgets.keys() - LEAST_LEFT.keys()):
        yield f"PodDisruptionBudget {name}: of one replica it would block every drain"


@check("replicas on one node fail together")
def spreads_over_nodes(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads(*LEAST_LEFT):
        rules = at(workload.pod, "topologySpreadConstraints", default=[])
        if not any(rule.get("topologyKey") == "kubernetes.io/hostname" and rule.get("maxSkew") == 1 for rule in rules):
            yield f"{workload.title}: is not spread over nodes"
        strict = manifests.environment != "dev" and workload.name in COMPONENTS
        wanted = "DoNotSchedule" if strict else "ScheduleAnyway"
        if any(rule.get("nodeTaintsPolicy") != "Honor" for rule in rules):
            yield f"{workload.title}: counts nodes that take no pod: while one is drained, its replica has no place"
        if any(rule.get("whenUnsatisfiable") != wanted for rule in rules):
            yield f"{workload.title}: whenUnsatisfiable is not {wanted}"
        if workload.kind == "Deployment" and any(rule.get("matchLabelKeys") != ["pod-template-hash"] for rule in rules):
            yield f"{workload.title}: counts the replicas of the version before, too, while it rolls"


@check("the default of five minutes on a dead node is longer than anyone waits")
def leaves_a_dead_node(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads(*COMPONENTS):
        for state in ("unreachable", "not-ready"):
            stays_s = [
                item.get("tolerationSeconds", 300)
                for item in at(workload.pod, "tolerations", default=[])
                if item.get("key") == f"node.kubernetes.io/{state}" and item.get("effect") == "NoExecute"
            ]
            if not stays_s or max(stays_s) > 30:
                yield f"{workload.title}: stays on a node that is {state}"
        if any("key" not in item for item in at(workload.pod, "tolerations", default=[])):
            yield f"{workload.title}: tolerates every taint"


@check("the ranges that the requirements name; scaling up waits for nothing, or two minutes are not enough")
def scales_as_required(manifests: Manifests) -> Iterator[str]:
    found = _autoscalers(manifests)
    if len(found) != 1:
        yield f"automation: {len(found)} autoscalers decide its replicas, not one"
    for item in found:
        where, spec = f"{item['kind']} {at(item, 'metadata', 'name')}", at(item, "spec", default={})
        least = spec.get("minReplicas", spec.get("minReplicaCount"))
        most = spec.get("maxReplicas", spec.get("maxReplicaCount"))
        if least != REPLICAS["automation"] or not isinstance(most, int) or most <= least:
            yield f"{where}: scales from {least} to {most} replicas"
        cpu, memory = (_target(spec, resource) for resource in ("cpu", "memory"))
        if cpu is None or not 50 <= cpu <= 200:
            yield f"{where}: its CPU target is {cpu} % of the request, not 50 to 200"
        if memory is None or not 70 <= memory <= 90:
            yield f"{where}: its memory target is {memory} % of the request, not 70 to 90"
        nested = at(spec, "advanced", "horizontalPodAutoscalerConfig", "behavior")
        behaviour = spec.get("behavior", nested) or {}
        if at(behaviour, "scaleUp", "stabilizationWindowSeconds") != 0:
            yield f"{where}: waits before it scales up"
        if at(behaviour, "scaleUp", "selectPolicy", default="Max") != "Max":
            yield f"{where}: scales up by the smaller of its steps, or not at all"
        if at(behaviour, "scaleDown", "stabilizationWindowSeconds", default=300) < 120:
            yield f"{where}: takes away at once what it has just added"
        yield from _wrong_share(manifests, where, most)
        if item["kind"] == "ScaledObject":
            yield from _wrong_queue_trigger(manifests, where, spec)


def _target(spec: Object, resource: str) -> float | None:
    for metric in spec.get("metrics", []):
        if at(metric, "resource", "name") == resource:
            found = at(metric, "resource", "target", "averageUtilization")
            return None if at(metric, "resource", "target", "type") != "Utilization" else found
    for trigger in spec.get("triggers", []):
        if trigger.get("type") == resource and trigger.get("metricType") == "Utilization":
            return float(at(trigger, "metadata", "value", default="0"))
    return None


def _wrong_share(manifests: Manifests, where: str, most: object) -> Iterator[str]:
    for workload in manifests.workloads("automation"):
        try:
            shared_by = options(workload.pod["containers"][0]).get("replicas")
        except click.ClickException:
            return  # is-started-as-its-commands-are says what is wrong
        if shared_by != most:
            yield f"{where}: up to {most} replicas share what {shared_by} may open"


def _wrong_queue_trigger(manifests: Manifests, where: str, spec: Object) -> Iterator[str]:
    queue = next((item for item in spec.get("triggers", []) if item.get("type") == "prometheus"), {})
    told = at(queue, "metadata", default={})
    if "phantommesh_queue_depth" not in told.get("query", "") or queue.get("metricType") != "AverageValue":
        yield f"{where}: does not scale by the queue's depth for each replica"
    if told.get("ignoreNullValues") != "false":
        yield f"{where}: takes a Prometheus that knows nothing for an empty queue"
    if not 100 <= float(told.get("threshold", 0)) <= 10_000:
        yield f"{where}: the threshold of the queue is {told.get('threshold')}"
    address = f"http://prometheus.phantommesh-{manifests.environment}.svc:9090"
    if told.get("serverAddress") != address:
        yield f"{where}: asks {told.get('serverAddress')}, not {address}"
    if at(spec, "fallback", "behavior") != "currentReplicasIfHigher":
        yield f"{where}: takes replicas away when Prometheus does not answer"
