"""Where damages apply: pods, containers and their parts, as paths into objects."""

from collections.abc import Iterator

from manifests.damages import Path
from manifests.objects import Manifests, Object, at

_PODS: dict[str, Path] = {
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
}


def pods(manifests: Manifests, *names: str) -> Iterator[tuple[Object, Path]]:
    """Each pod's specification."""
    for item in manifests.objects:
        if item["kind"] in _PODS and (not names or item["metadata"]["name"] in names):
            yield item, _PODS[item["kind"]]


def containers(manifests: Manifests, *names: str, init: bool = True) -> Iterator[tuple[Object, Path]]:
    """Each container of the pods of these workloads."""
    for item, pod in pods(manifests, *names):
        for key in ("initContainers", "containers") if init else ("containers",):
            for index in range(len(at(item, *pod, key, default=[]))):
                yield item, (*pod, key, index)


def serving(manifests: Manifests) -> Iterator[tuple[Object, Path]]:
    """Each container that runs all the time."""
    for item, path in containers(manifests, init=False):
        if item["kind"] in ("Deployment", "StatefulSet"):
            yield item, path


def parts(item: Object, *path: str | int) -> Iterator[Path]:
    """The paths of a list's elements, or of a mapping's values."""
    found = at(item, *path, default=[])
    for key in range(len(found)) if isinstance(found, list) else list(found):
        yield (*path, key)
