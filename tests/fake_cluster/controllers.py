"""What becomes of pods: as many as declared, of the images of the release that was applied - or pods that wait for an
image that nobody has (``state["bad"]``: image -> the reason that the kubelet gives)."""

import copy
import hashlib
import itertools
from collections.abc import Iterator

from fake_cluster.state import Object, add, merge, objects, touch


def apply(state: Object, whole: Object) -> str:
    """Each object of the list as it is wanted, created where it is not there."""
    for wanted in whole["items"]:
        meta = wanted["metadata"]
        found = [item for item in objects(state, wanted["kind"], meta.get("namespace"))
                 if item["metadata"]["name"] == meta["name"]]  # fmt: skip
        if not found:
            item = add(state, wanted)
            if item["kind"] in ("Deployment", "StatefulSet"):
                item["spec"].setdefault("replicas", 1)
            continue
        merge(found[0], {key: value for key, value in wanted.items() if key != "metadata"})
        touch(state, found[0])
    settle(state)
    return "\n".join(f"{item['kind'].lower()}/{item['metadata']['name']} serverside-applied" for item in whole["items"])


def stored(state: Object, whole: Object) -> Object:
    """Those of the list that are there."""
    wanted = {(item["kind"], item["metadata"]["name"]) for item in whole["items"]}
    return {"kind": "List", "items": [item for item in state["objects"] if _key(item) in wanted]}


def remove(state: Object, item: Object) -> None:
    """It is gone."""
    state["objects"].remove(item)
    settle(state)


def _key(item: Object) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


def image_of(owner: Object) -> str:
    """What the owner's pods are made of."""
    return str(owner["spec"]["template"]["spec"]["containers"][0]["image"])


def image_id(state: Object, image: str) -> str:
    """What a node says of the image; ``state["moved"]``: image -> what its tag is moved to."""
    content = state.get("moved", {}).get(image, image)
    return f"docker.io/library/{image.split('@')[0]}@sha256:{hashlib.sha256(content.encode()).hexdigest()}"


def roll(state: Object, owner: Object, own: list[Object], waiting: list[Object]) -> list[Object]:
    """The pods of before that stay: none when a new image can be had, all of them while it cannot. ``waiting``: those
    that wait for one."""
    image, wanted = image_of(owner), owner["spec"]["replicas"]
    bad = state.get("bad", {}).get(image)
    for pod in waiting:
        if not bad:
            state["objects"].remove(pod)
    owner["status"] = {"replicas": wanted, "updatedReplicas": wanted, "availableReplicas": wanted,
                       "readyReplicas": wanted}  # fmt: skip
    if bad:
        owner["status"] |= {"replicas": wanted + 1, "updatedReplicas": 1}
        if not waiting:
            _add_waiting(state, owner, image, bad)
        return own
    stale = [pod for pod in own if pod["spec"]["containers"][0]["image"] != image]
    for pod in stale:
        state["objects"].remove(pod)
    return [pod for pod in own if pod not in stale]


def _add_waiting(state: Object, owner: Object, image: str, reason: str) -> None:
    name = owner["metadata"]["name"]
    add(state, {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": f"{name}-waits", "namespace": owner["metadata"]["namespace"],
                     "labels": {"app.kubernetes.io/name": name, "waits": "yes"}, "creationTimestamp": ""},
        "spec": {"containers": [{"name": name, "image": image}]},
        "status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [
            {"name": name, "restartCount": 0, "ready": False,
             "state": {"waiting": {"reason": reason, "message": f"{image}: not found"}}}]},
    })  # fmt: skip


def settle(state: Object) -> None:
    """What the controllers would do: as many pods as declared, each on a node that takes pods, ready."""
    for owner in [*objects(state, "Deployment", None), *objects(state, "StatefulSet", None)]:
        meta, wanted = owner["metadata"], owner["spec"]["replicas"]
        pods = [pod for pod in objects(state, "Pod", meta["namespace"])
                if _component(pod) == _component(owner) and "deletionTimestamp" not in pod["metadata"]]  # fmt: skip
        waiting = [pod for pod in pods if "waits" in pod["metadata"]["labels"]]
        own = roll(state, owner, [pod for pod in pods if pod not in waiting], waiting)
        for pod in own[wanted:]:
            state["objects"].remove(pod)
        taken = {pod["metadata"]["name"] for pod in own}
        for _ in range(wanted - len(own)):
            name = next(name for name in _names(state, owner) if name not in taken)
            taken.add(name)
            _add_pod(state, owner, name)


def _ports(owner: Object) -> list[Object]:
    found: list[Object] = owner["spec"]["template"]["spec"]["containers"][0].get("ports", [])
    return found


def _component(item: Object) -> str:
    """Of a pod, or of the pods that an owner makes: it need not have their labels itself."""
    made = item["spec"].get("template", item)
    return str(made["metadata"]["labels"]["app.kubernetes.io/name"])


def _names(state: Object, owner: Object) -> Iterator[str]:
    if owner["kind"] == "StatefulSet":
        return (f"{owner['metadata']['name']}-{number}" for number in itertools.count())
    return (f"{owner['metadata']['name']}-{number:x}" for number in itertools.count(state["next"] + 4096))


def _add_pod(state: Object, owner: Object, name: str) -> None:
    nodes = [node["metadata"]["name"] for node in objects(state, "Node", None) if not node["spec"].get("unschedulable")]
    state["next"] += 1
    meta, labels = owner["metadata"], copy.deepcopy(owner["spec"]["template"]["metadata"]["labels"])
    kind = "StatefulSet" if owner["kind"] == "StatefulSet" else "ReplicaSet"
    add(state, {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": meta["namespace"], "labels": labels,
            "creationTimestamp": f"2026-01-01T00:{state['next'] // 60 % 60:02}:{state['next'] % 60:02}Z",
            "ownerReferences": [{"kind": kind, "name": meta["name"], "controller": True}],
        },
        "spec": {
            "nodeName": nodes[state["next"] % len(nodes)] if nodes else "",
            "containers": [{"name": meta["name"], "image": image_of(owner), "ports": _ports(owner)}],
        },
        "status": {
            "phase": "Running", "podIP": f"198.18.0.{state['next'] % 250 + 1}",
            "conditions": [{"type": "Ready", "status": "True" if nodes else "False"}],
            "containerStatuses": [{"name": meta["name"], "restartCount": 0, "imageID": image_id(state, image_of(owner)),
                                   "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
        },
    })  # fmt: skip
