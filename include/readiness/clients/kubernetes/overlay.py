"""The objects of an overlay as a validation applies them: with the version under test, and the secrets that are there.

Pure: what was rendered and what lives in the namespace goes in, what is to be applied comes out.
"""

import copy
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from readiness.clients.kubernetes.rendering import Object
from readiness.clients.target_process import TargetError

WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
AUTOSCALERS: Mapping[str, tuple[str, str]] = {
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}
"""Kind -> its keys for the least and the most replicas."""
_NOT_OURS = frozenset(
    {"Namespace", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Secret"}
)
"""Whoever sets an environment up makes these; a validation gives no rights and reads no secrets."""
_OTHERS_GROUPS = ("postgresql.cnpg.io/", "external-secrets.io/", "cert-manager.io/")
"""A database, secrets and certificates outlive a release: their operators keep them."""
_HASHED = re.compile(r"^(?P<name>.+)-[bcdfghkmt2456789]{10}$")  # kustomize's alphabet


def of_namespace(objects: Collection[Object], namespace: str) -> tuple[Object, ...]:
    """Those in this namespace, itself and what belongs to none: an overlay may hold the stages' namespace, too, so that
    what each of the two says of the other fits."""
    return tuple(
        item
        for item in objects
        if (item["metadata"]["name"] if item["kind"] == "Namespace" else item["metadata"].get("namespace", namespace))
        == namespace
    )


def applied(objects: Collection[Object]) -> tuple[Object, ...]:
    """Those of the overlay's objects that a validation applies: it needs rights for these alone."""
    return tuple(
        item
        for item in objects
        if item["kind"] not in _NOT_OURS and not str(item["apiVersion"]).startswith(_OTHERS_GROUPS)
    )


def with_version(objects: Collection[Object], images: Collection[str], version: str) -> tuple[Object, ...]:
    """Each container of one of these images gets the version as its tag; an empty version leaves them as they are.
    Raises TargetError for an image that no container has: nothing of the version would run."""
    changed, used = copy.deepcopy(tuple(objects)), set[str]()
    for container in (one for item in changed for one in containers_of(item)):
        name = image_name(str(container.get("image", "")))
        if name in images:
            used.add(name)
            container["image"] = f"{name}:{version}" if version else container["image"]
    if missing := sorted(set(images) - used):
        raise TargetError(f"cluster.images: no container of the overlay has the image {', '.join(missing)}")
    return changed


def with_live_secrets(
    objects: Collection[Object], secrets: Collection[str], live: Collection[Object], there: Collection[str]
) -> tuple[Object, ...]:
    """Each name in ``secrets`` that kustomize generated becomes the one that is in use: that of the very object as it
    lives, else the one that others name, else the one that is ``there``. Its hash comes from what a user wrote into it,
    which nobody knows here. Raises TargetError where two are in use and nothing says which."""
    own = {key_of(item): set(_strings(item)) for item in live}
    everywhere = set[str]().union(*own.values())
    return tuple(
        _renamed(item, {name: _live_name(name, own.get(key_of(item), set()), everywhere, there) for name in secrets})
        for item in objects
    )


def with_replicas(item: Object, replicas: int) -> Object:
    """The workload with so many replicas."""
    return {**item, "spec": {**item["spec"], "replicas": replicas}}


def key_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """What tells an object of one namespace from all others."""
    return str(item["kind"]), str(item["metadata"]["name"])


def pod_template(item: Object) -> dict[str, Any]:
    """The template of the pods that a workload makes."""
    found: dict[str, Any] = item["spec"]["template"]
    return found


def containers_of(item: Object) -> Iterator[dict[str, Any]]:
    """The containers of the pods that an object makes, those that only prepare included."""
    spec = item.get("spec", {})
    if item["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if item["kind"] in WORKLOADS | {"Job", "CronJob"}:
        pod = spec["template"]["spec"]
        yield from (*pod.get("initContainers", []), *pod.get("containers", []))


def image_name(image: str) -> str:
    """An image's name without tag and digest."""
    name = image.partition("@")[0]
    path, slash, last = name.rpartition("/")
    return path + slash + last.partition(":")[0]


def autoscaler_of(objects: Collection[Object], workload: str) -> Object | None:
    """The object that scales this workload; None if nothing does."""
    for item in objects:
        if item["kind"] in AUTOSCALERS and item["spec"].get("scaleTargetRef", {}).get("name") == workload:
            return item
    return None


def _live_name(name: str, own: set[str], everywhere: set[str], there: Collection[str]) -> str:
    found = _HASHED.match(name)
    if found is None:
        return name
    for known in (own, everywhere, set(there)):
        alike = {other for other in known if (hashed := _HASHED.match(other)) and hashed["name"] == found["name"]}
        if len(alike) == 1:
            return alike.pop()
        if len(alike) > 1:
            if name in alike:
                return name
            raise TargetError(
                f"the secrets {', '.join(sorted(alike))} are all in use, and nothing says which one counts; apply the "
                "overlay once with your own secrets and remove those of earlier ones"
            )
    return name


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key != "managedFields":
                yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {key: _renamed(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, names) for inner in value]
    return value
