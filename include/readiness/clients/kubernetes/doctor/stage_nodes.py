"""Whether the stages' pods find a node, where the environment names nodes of their own."""

from collections.abc import Iterator

from readiness.clients.kubernetes.doctor.ground import Ground
from readiness.clients.kubernetes.faults import hard_taints, takes_pods
from readiness.clients.kubernetes.kubectl import KubectlError
from readiness.clients.kubernetes.rendering import Object
from readiness.model.finding import Finding, fine, problem, unknown
from readiness.model.kubernetes_environment import StageNodes


def stage_nodes(ground: Ground) -> Iterator[Finding]:
    """One at least has the labels, takes pods, and has no taint that the stages do not tolerate."""
    wanted = ground.environment.stages.nodes
    if wanted is None:
        return
    try:
        nodes = ground.stages.items("nodes", namespaced=False)
    except KubectlError as error:
        if error.kind != "forbidden":
            raise
        yield unknown("stages", "this account may not see the nodes, so not whether one is for the stages' pods")
        return
    labelled = [node for node in nodes if wanted.labels.items() <= node["metadata"].get("labels", {}).items()]
    refused = {str(node["metadata"]["name"]): reason for node in labelled if (reason := _why_not(node, wanted))}
    fit = [str(node["metadata"]["name"]) for node in labelled if node["metadata"]["name"] not in refused]
    if fit:
        yield fine("stages", f"the stages' pods go to {', '.join(fit)}")
    elif refused:
        reasons = "; ".join(f"{name} {reason}" for name, reason in refused.items())
        yield problem("stages", f"no node of stages.nodes takes the stages' pods: {reasons}")
    else:
        labels = ",".join(f"{key}={value}" for key, value in wanted.labels.items())
        yield problem("stages", f"no node has the labels of stages.nodes ({labels}); kubectl label node NODE "
                      f"{labels.replace(',', ' ')}, or leave stages.nodes out")  # fmt: skip


def _why_not(node: Object, wanted: StageNodes) -> str:
    """Why a node takes none of the pods; empty if it does."""
    if not takes_pods(node):
        return "is not ready or cordoned"
    for taint in hard_taints(node):
        key, value = str(taint["key"]), str(taint.get("value", ""))
        if wanted.taints.get(key) != value:
            return f"has the taint {key}={value}, which is not under stages.nodes.taints"
    return ""
