"""Rendered objects, and short words to read them. Nothing here changes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
NAME_LABEL = "app.kubernetes.io/name"
_POD_SPECS = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


def at(value: Any, *path: str | int, default: Any = None) -> Any:
    """What lies at a path; `default` where it does not lead anywhere."""
    for key in path:
        within = isinstance(value, list) and isinstance(key, int) and key < len(value)
        if not within and not (isinstance(value, dict) and key in value):
            return default
        value = value[key]
    return value


def title(item: Object) -> str:
    """For people: the kind and the name."""
    return f"{item.get('kind')} {at(item, 'metadata', 'name')}"


@dataclass(frozen=True)
class Workload:
    """An object that makes pods."""

    item: Object
    template: Object

    @property
    def name(self) -> str:
        return str(at(self.item, "metadata", "name"))

    @property
    def kind(self) -> str:
        return str(self.item["kind"])

    @property
    def namespace(self) -> str:
        return str(at(self.item, "metadata", "namespace"))

    @property
    def title(self) -> str:
        return title(self.item)

    @property
    def pod(self) -> Object:
        return dict(at(self.template, "spec", default={}))

    @property
    def labels(self) -> dict[str, str]:
        return dict(at(self.template, "metadata", "labels", default={}))

    @property
    def serves(self) -> bool:
        """Whether it runs all the time."""
        return self.kind in ("Deployment", "StatefulSet")

    def containers(self, init: bool = True) -> Iterator[tuple[str, Object]]:
        """Each container, and what it is called for people."""
        for key in ("initContainers", "containers") if init else ("containers",):
            for container in at(self.pod, key, default=[]):
                yield f"{self.title}, container {container.get('name')}", container

    def ports(self) -> dict[str, int]:
        """Named container ports."""
        return {
            port["name"]: port["containerPort"]
            for _, container in self.containers(init=False)
            for port in container.get("ports", [])
            if "name" in port and "containerPort" in port
        }


class Manifests:
    """All objects of an environment."""

    def __init__(self, environment: str, objects: list[Object]) -> None:
        self.environment = environment
        self.objects = objects

    def of(self, *kinds: str) -> list[Object]:
        """The objects of these kinds."""
        return [item for item in self.objects if item.get("kind") in kinds]

    def find(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """One object, in any namespace unless one is named."""
        for item in self.of(kind):
            if at(item, "metadata", "name") == name and namespace in (None, at(item, "metadata", "namespace")):
                return item
        return None

    def workloads(self, *names: str) -> list[Workload]:
        """Those of these names; all without one."""
        found = [
            Workload(item, at(item, *_POD_SPECS[item["kind"]], default={}))
            for item in self.objects
            if item.get("kind") in _POD_SPECS
        ]
        return [item for item in found if not names or item.name in names]

    def selected(self, labels: Mapping[str, str], namespace: str) -> list[Workload]:
        """Whose pods a selector of labels selects."""
        return [
            item for item in self.workloads() if item.namespace == namespace and labels.items() <= item.labels.items()
        ]
