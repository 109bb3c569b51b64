"""What the overlay and the stages ask for, against what the quotas of their namespaces leave them."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any

from readiness.clients.kubernetes.doctor.ground import Ground, pod_specs
from readiness.clients.kubernetes.kubectl import KubectlError
from readiness.clients.kubernetes.rendering import Object
from readiness.model.finding import Finding, fine, problem, unknown
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.model.stage_resources import DEMANDING, resources_of

_PART_OF = "app.kubernetes.io/part-of"
_UNITS = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_LIMITED = ("pods", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_OTHER_NAMES = {"count/pods": "pods", "cpu": "requests.cpu", "memory": "requests.memory"}
_BRIEF = frozenset({"Job", "CronJob"})

Amounts = dict[str, Decimal]
"""Of each of ``_LIMITED``: pods, cores, bytes."""


def quota(ground: Ground) -> Iterator[Finding]:
    """The declared replicas, and those that a rolling update adds, fit into every quota. Pods of this release that run
    already count once: they go as the new ones come."""
    namespace = ground.kubectl.namespace
    try:
        quotas = [item for item in ground.kubectl.items("resourcequotas") if not _scoped(item)]
        pods = ground.kubectl.items("pods")
    except KubectlError as error:
        if error.kind != "forbidden":
            raise
        yield unknown("quota", f"this account may not read the quotas of {namespace}")
        return
    if not quotas:
        yield fine("quota", f"{namespace} has no quota")
        return
    need = needed(ground.environment, ground.objects)
    for pod in pods:
        if not _ours(ground, pod) and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            need = _sum(need, of_pod(pod["spec"]))
    short = [line for item in quotas for line in _short("the release needs", item, need)]
    yield from (problem("quota", f"{line} in {namespace}; raise that quota or take less in the overlay")
                for line in short)  # fmt: skip
    if not short:
        yield fine("quota", f"the quota of {namespace} is enough for the declared replicas and their update")


def quota_of_stages(ground: Ground) -> Iterator[Finding]:
    """The pods of the stages fit into every quota of theirs. What other runs take there is for the moment only, and not
    counted."""
    kubectl = ground.stages
    try:
        quotas = [item for item in kubectl.items("resourcequotas") if not _scoped(item)]
    except KubectlError as error:
        if error.kind != "forbidden":
            raise
        yield unknown("stages", f"this account may not read the quotas of {kubectl.namespace}")
        return
    short = [line for item in quotas for line in _short("the stages need", item, _of_stages())]
    yield from (problem("stages", f"{line} in {kubectl.namespace}; raise that quota") for line in short)
    if not short:
        yield fine("stages", f"no quota of {kubectl.namespace} is too small for the stages of a run")


def _of_stages() -> Amounts:
    """The most that a run takes at once: one stage comes after the other, but for the teardown beside the report."""
    needs = [_of_stage(name) for name in DEMANDING]
    needs.append(_sum(_of_stage("report"), _of_stage("teardown")))
    return {name: max(each[name] for each in needs) for name in _LIMITED}


def _of_stage(name: str) -> Amounts:
    return of_pod({"containers": [{"resources": resources_of(name)}]})


def _scoped(item: Object) -> bool:
    """Whether it limits some pods only: which ones is up to the cluster."""
    return bool(item["spec"].get("scopes") or item["spec"].get("scopeSelector"))


def _ours(ground: Ground, pod: Object) -> bool:
    ours = next((item["metadata"].get("labels", {}).get(_PART_OF) for item, _ in pod_specs(ground.objects)), None)
    return ours is not None and pod["metadata"].get("labels", {}).get(_PART_OF) == ours


def _short(who: str, item: Object, need: Amounts) -> Iterator[str]:
    for key, text in item["spec"].get("hard", {}).items():
        name = _OTHER_NAMES.get(key, key)
        if name in need and need[name] > amount(text):
            yield (f"{who} {_shown(name, need[name])} of {key} and the quota {item['metadata']['name']} "
                   f"allows {text}")  # fmt: skip


def _shown(name: str, value: Decimal) -> str:
    if name.endswith("memory"):
        return f"{ceil(value / 2**20)}Mi"
    return f"{value.normalize():f}"


def needed(environment: KubernetesEnvironment, objects: tuple[Object, ...]) -> Amounts:
    """Of all pods that stay, with what a rolling update adds for a while."""
    total = dict.fromkeys(_LIMITED, Decimal(0))
    for item, spec in pod_specs(objects):
        if item["kind"] in _BRIEF:
            continue
        component = environment.components.get(item["metadata"]["name"])
        replicas = int(item["spec"].get("replicas", component.replicas if component else 1))
        more = _surge(item, replicas) if item["kind"] == "Deployment" else 0
        total = _sum(total, of_pod(spec), replicas + more)
    return total


def _surge(item: Object, replicas: int) -> int:
    rolling = item["spec"].get("strategy", {})
    if rolling.get("type", "RollingUpdate") != "RollingUpdate":
        return 0
    most = rolling.get("rollingUpdate", {}).get("maxSurge", "25%")
    return ceil(replicas * int(most[:-1]) / 100) if isinstance(most, str) and most.endswith("%") else int(most)


def of_pod(spec: dict[str, Any]) -> Amounts:
    """What one pod counts for: its containers together, or its largest one of those that come before, whichever is
    more (https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers)."""
    found = dict.fromkeys(_LIMITED, Decimal(0)) | {"pods": Decimal(1)}
    stay = [*spec.get("containers", []), *(one for one in spec.get("initContainers", []) if _stays(one))]
    before = [one for one in spec.get("initContainers", []) if not _stays(one)]
    for name in _LIMITED[1:]:
        together = sum((_of_container(one, name) for one in stay), Decimal(0))
        found[name] = max([together, *(_of_container(one, name) for one in before)])
    return found


def _stays(container: dict[str, Any]) -> bool:
    return bool(container.get("restartPolicy") == "Always")


def _of_container(container: dict[str, Any], name: str) -> Decimal:
    part, _, resource = name.partition(".")
    resources = container.get("resources", {})
    # What has a limit and no request requests its limit.
    return amount(resources.get(part, {}).get(resource) or resources.get("limits", {}).get(resource, 0))


def amount(text: str | int) -> Decimal:
    """A quantity of Kubernetes ("250m", "64Mi", "2") in cores, bytes or pieces. Raises ValueError."""
    written = str(text)
    try:
        if written[-2:] in _BINARY:
            return Decimal(written[:-2]) * Decimal(1 << _BINARY[written[-2:]])
        if written[-1:] in _UNITS:
            return Decimal(written[:-1]).scaleb(_UNITS[written[-1]])
        return Decimal(written)
    except InvalidOperation as error:
        raise ValueError(f"{written!r} is no quantity like 250m or 64Mi") from error


def _sum(one: Amounts, other: Amounts, times: int = 1) -> Amounts:
    return {name: one[name] + times * other[name] for name in _LIMITED}
