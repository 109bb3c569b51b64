"""How far a workload's rollout is, and what keeps its pods from running. Pure: from objects as the API has them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from readiness.clients.kubernetes.pods import NAME_LABEL

Item = Mapping[str, Any]
What = Literal["image", "crash", "config", "unschedulable", "quota"]

_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_LONGEST_WORD = 1500
"""What a registry said comes last in the message of a pull, after the image's name up to four times."""
_CRASHES = 3
"""A container that ended so often does not come up by being started once more."""


@dataclass(frozen=True)
class Trouble:
    """What keeps a pod, or a workload that gets no pod, from running. ``image``: of the container that it is about."""

    what: What
    component: str
    pod: str
    image: str
    text: str

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def unfinished(item: Item) -> str:
    """Why a rollout is not at its end; empty if it is."""
    spec, status = item["spec"], item.get("status", {})
    if int(status.get("observedGeneration", 0)) < int(item["metadata"].get("generation", 0)):
        return "the change has not been taken up yet"
    if item["kind"] == "DaemonSet":
        wanted, updated = int(status.get("desiredNumberScheduled", 0)), int(status.get("updatedNumberScheduled", 0))
        there, available = int(status.get("currentNumberScheduled", 0)), int(status.get("numberAvailable", 0))
    else:
        wanted, updated = int(spec.get("replicas", 1)), int(status.get("updatedReplicas", 0))
        there, available = int(status.get("replicas", 0)), int(status.get("availableReplicas", 0))
    if updated < wanted:
        return f"{updated} of {wanted} replicas are of the new release"
    if there > wanted:
        return f"{there - wanted} replicas of before are still there"
    if available < wanted:
        return f"{available} of {wanted} replicas are available"
    return ""


def troubles(component: str, workload: Item, pods: Iterable[Item]) -> Iterator[Trouble]:
    """What stands in the way of this workload. ``pods``: of the component."""
    for condition in workload.get("status", {}).get("conditions", []):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            yield Trouble("quota", component, "", "", f"no pod can be made: {condition.get('message', '')[:300]}")
    for pod in pods:
        if pod["metadata"].get("labels", {}).get(NAME_LABEL) == component:
            yield from _of_pod(component, pod)


def _of_pod(component: str, pod: Item) -> Iterator[Trouble]:
    name, status = str(pod["metadata"]["name"]), pod.get("status", {})
    for condition in status.get("conditions", []):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield Trouble("unschedulable", component, name, "", f"no node takes it: {condition.get('message', '')}")
    spec = pod.get("spec", {})
    images = {one["name"]: str(one.get("image", "")) for part in ("initContainers", "containers")
              for one in spec.get(part, [])}  # fmt: skip
    for told in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        image, waiting = images.get(told["name"], ""), told.get("state", {}).get("waiting", {})
        reason, said = str(waiting.get("reason", "")), str(waiting.get("message", "")).strip()[:_LONGEST_WORD]
        if reason in _IMAGE:
            yield Trouble("image", component, name, image, f"image {image} cannot be had: {reason} ({said})")
        elif reason in _CONFIG:
            yield Trouble("config", component, name, image, f"container {told['name']}: {reason} ({said})")
        elif int(told.get("restartCount", 0)) >= _CRASHES and not told.get("ready"):
            ended = told.get("lastState", {}).get("terminated", {})
            how = f"{ended.get('reason', 'ended')}, code {ended.get('exitCode', 'unknown')}"
            yield Trouble("crash", component, name, image,
                          f"container {told['name']} ended {told['restartCount']} times ({how})")  # fmt: skip
