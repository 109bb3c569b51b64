"""Each change that a fault makes to a cluster, and what it looks at to be sure.

What is deleted or evicted is named with its uid, so that nothing that came later in its place is hit.
"""

from collections.abc import Iterable
from typing import Any

from readiness.clients.kubernetes.kubectl import PATIENCE_S, Kubectl, KubectlError
from readiness.clients.kubernetes.own_api import own_api
from readiness.clients.kubernetes.pods import NAME_LABEL
from readiness.clients.kubernetes.rendering import Object
from readiness.model.kubernetes_environment import IN_CLUSTER

DRAINED = "phantommesh.io/readiness-drill"
"""The annotation of a node that a drill has cordoned."""
_OTHER = ("notfound", "conflict")


def delete_pod(kubectl: Kubectl, name: str, uid: str, grace_s: int | None) -> bool:
    """Delete that very pod; False if it is gone. ``grace_s``: None for the pod's own, 0 to delete it at once. Raises
    KubectlError."""
    options = _options(uid) | ({} if grace_s is None else {"gracePeriodSeconds": grace_s})
    try:
        if kubectl.context == IN_CLUSTER:  # beside a load, at the moment of the fault: no program is started for it
            own_api(kubectl).delete_pod(name, options)
        else:
            kubectl.call("delete", f"--raw={_path(kubectl, name)}", "--filename=-", stdin=options, namespaced=False)
    except KubectlError as error:
        if error.kind not in _OTHER:
            raise
        return False
    return True


def evict(kubectl: Kubectl, name: str, uid: str) -> str:
    """Ask that the pod go, as its disruption budget allows: empty when it is granted, else why not now. Raises
    KubectlError."""
    eviction = {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": kubectl.namespace},
        "deleteOptions": _options(uid),
    }  # fmt: skip
    try:
        path = f"{_path(kubectl, name)}/eviction"
        kubectl.call("create", f"--raw={path}", "--filename=-", stdin=eviction, namespaced=False)
    except KubectlError as error:
        if error.kind == "toomanyrequests":
            return str(error)
        if error.kind not in _OTHER:
            raise
    return ""


def _options(uid: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}


def _path(kubectl: Kubectl, pod: str) -> str:
    return f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}"


def workload_of(kubectl: Kubectl, component: str) -> tuple[str, str] | None:
    """("deployment" or "statefulset", name) of what keeps the component's pods; None if there is not exactly one.
    Raises KubectlError."""
    found = makers_of(kubectl.items("deployments,statefulsets", patience_s=PATIENCE_S), component)
    return found[0] if len(found) == 1 else None


def makers_of(workloads: Iterable[Object], component: str) -> list[tuple[str, str]]:
    """Those of the deployments and stateful sets whose pods are the component's: they have its label, whatever the
    workload itself has."""
    return [
        (str(item["kind"]).lower(), str(item["metadata"]["name"]))
        for item in workloads
        if item["spec"]["template"]["metadata"].get("labels", {}).get(NAME_LABEL) == component
    ]


def workload(kubectl: Kubectl, kind: str, name: str) -> Object | None:
    """It as it is; None if it is gone. Raises KubectlError."""
    return kubectl.find(kind, name, patience_s=PATIENCE_S)


def set_replicas(kubectl: Kubectl, kind: str, name: str, replicas: int) -> None:
    """How many pods it keeps from now on. Raises KubectlError."""
    kubectl.call(
        "patch", kind, name, "--subresource=scale", "--type=merge", "--patch-file=/dev/stdin", "--output=name",
        stdin={"spec": {"replicas": replicas}}, patience_s=PATIENCE_S,
    )  # fmt: skip


def network_policies(kubectl: Kubectl) -> list[Object]:
    """All of the namespace. Raises KubectlError."""
    return kubectl.items("networkpolicies", patience_s=PATIENCE_S)


def replace_policy(kubectl: Kubectl, name: str, uid: str, was: Any, becomes: Any) -> bool:
    """Give a policy another spec; False if it is gone, is another one, or does not say ``was`` any more. Raises
    KubectlError."""
    found = kubectl.find("networkpolicy", name, patience_s=PATIENCE_S)
    if found is None or found["metadata"]["uid"] != uid or found["spec"] != was:
        return False
    operations = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": found["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/spec", "value": becomes},
    ]
    kubectl.call("patch", "networkpolicy", name, "--type=json", "--patch-file=/dev/stdin", "--output=name",
                 stdin=operations)  # fmt: skip
    return True


def node(kubectl: Kubectl, name: str) -> Object | None:
    """A node; None if there is none of that name. Raises KubectlError."""
    return kubectl.find("node", name, patience_s=PATIENCE_S, namespaced=False)


def nodes(kubectl: Kubectl) -> list[Object]:
    """All nodes. Raises KubectlError."""
    return kubectl.items("nodes", patience_s=PATIENCE_S, namespaced=False)


def takes_pods(item: Object) -> bool:
    """Whether the scheduler may give a node another pod: it is ready and not cordoned."""
    conditions = item.get("status", {}).get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not item["spec"].get("unschedulable")


def hard_taints(item: Object) -> list[Object]:
    """The taints of a node that keep pods away which do not tolerate them."""
    return [one for one in item["spec"].get("taints", []) if one["effect"] in ("NoSchedule", "NoExecute")]


def cordon(kubectl: Kubectl, name: str, why: str) -> None:
    """The node takes no more pods, and says why. Raises KubectlError."""
    _patch_node(kubectl, name, {"metadata": {"annotations": {DRAINED: why}}, "spec": {"unschedulable": True}})


def uncordon(kubectl: Kubectl, name: str) -> bool:
    """The node takes pods again, if it was a drill that had cordoned it; whether it was. Raises KubectlError."""
    found = node(kubectl, name)
    if found is None or DRAINED not in found["metadata"].get("annotations", {}):
        return False
    _patch_node(kubectl, name, {"metadata": {"annotations": {DRAINED: None}}, "spec": {"unschedulable": None}})
    return True


def _patch_node(kubectl: Kubectl, name: str, change: dict[str, Any]) -> None:
    kubectl.call("patch", "node", name, "--type=merge", "--patch-file=/dev/stdin", "--output=name", stdin=change,
                 patience_s=PATIENCE_S, namespaced=False)  # fmt: skip
