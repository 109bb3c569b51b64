"""Everything that is looked at before a run begins, in the order in which people would mend it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from readiness.clients.kubernetes.doctor.allowed import rights
from readiness.clients.kubernetes.doctor.ground import Ground
from readiness.clients.kubernetes.doctor.ingress import ingress
from readiness.clients.kubernetes.doctor.kinds import kinds, metrics
from readiness.clients.kubernetes.doctor.namespaces import namespace, stages
from readiness.clients.kubernetes.doctor.network import networks, policies
from readiness.clients.kubernetes.doctor.quota import quota, quota_of_stages
from readiness.clients.kubernetes.doctor.secrets import secrets
from readiness.clients.kubernetes.doctor.stage_image import stage_image
from readiness.clients.kubernetes.doctor.stage_nodes import stage_nodes
from readiness.clients.kubernetes.kubectl import Kubectl, KubectlError
from readiness.clients.kubernetes.overlay import of_namespace
from readiness.clients.kubernetes.rendering import rendered
from readiness.clients.target_process import TargetError
from readiness.model.finding import Finding, FindingState, fine, problem, unknown
from readiness.model.kubernetes_environment import IN_CLUSTER, KubernetesEnvironment

Check = Callable[[Ground], Iterator[Finding]]
_OF_THE_CLUSTER: dict[str, Check] = {"image": stage_image, "kinds": kinds, "metrics": metrics, "policies": policies}
_OF_THE_NAMESPACE: dict[str, Check] = {
    "secrets": secrets, "rights": rights, "quota": quota, "networks": networks, "ingress": ingress,
}  # fmt: skip


def examine(environment: KubernetesEnvironment, project: Path) -> Iterator[Finding]:
    """Each finding as it is made; nothing is changed. ``project``: the folder with k8s/. Ends early where nothing more
    can be asked: without a cluster that may be used, and without the platform's namespace."""
    kubectl = Kubectl(environment.name, environment.cluster.contexts, environment.cluster.namespace)
    reached = list(_reach(kubectl))
    yield from reached
    if any(finding.state is FindingState.PROBLEM for finding in reached):
        return
    try:
        objects = of_namespace(rendered(project, environment.cluster.overlay), environment.cluster.namespace)
        ground = Ground(environment, kubectl, objects)
    except TargetError as error:
        yield problem("overlay", str(error))
        return
    yield fine("overlay", f"{environment.cluster.overlay} renders {len(ground.objects)} objects")
    for name, check in _OF_THE_CLUSTER.items():
        yield from _asked(name, check, ground)
    found = list(_asked("namespace", namespace, ground))
    yield from found
    if kubectl.context != IN_CLUSTER:  # a stage that runs in a pod has all that a stage's pod needs
        yield from _asked("stages", stages, ground)
        yield from _asked("stages", quota_of_stages, ground)
        yield from _asked("stages", stage_nodes, ground)
    if any(finding.state is FindingState.PROBLEM for finding in found):
        return
    for name, check in _OF_THE_NAMESPACE.items():
        yield from _asked(name, check, ground)


def _reach(kubectl: Kubectl) -> Iterator[Finding]:
    try:
        yield fine("context", f"{kubectl.context} may be used in the environment {kubectl.environment}")
        version = kubectl.json("get", "--raw=/version", namespaced=False).get("gitVersion", "of an unknown version")
        yield fine("cluster", f"the API server answers ({version})")
    except KubectlError as error:
        yield problem("context" if error.kind == "refused" else "cluster", str(error))
    except TargetError as error:
        yield problem("kubectl", str(error))


def _asked(name: str, check: Check, ground: Ground) -> Iterator[Finding]:
    """What a check found; what it was not allowed to see is unknown, what the cluster failed to answer a problem."""
    try:
        yield from check(ground)
    except KubectlError as error:
        yield (unknown if error.kind == "forbidden" else problem)(name, str(error))
    except (KeyError, TypeError, ValueError) as error:
        yield problem(name, f"the cluster's answer is not what its API promises ({error!r})")
