"""What a container may take, and which image it is."""

import re
from collections.abc import Iterator

from manifests.checks import check
from manifests.objects import Manifests, at, title

_UNITS = {
    "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)")
_DIGEST = re.compile(r"[a-z0-9.-]+(:[0-9]+)?/[a-z0-9./_-]+(:[\w.-]+)?@sha256:(?!0{64})[0-9a-f]{64}")  # zeros: none yet
_TAG = re.compile(r"[a-z0-9./_-]+(:[0-9]+/[a-z0-9./_-]+)?:(?P<tag>[\w][\w.-]*)")

_VERSION = re.compile(r"v?[0-9]+\.[0-9]+")
MOVING = frozenset({"latest", "main", "master", "edge", "stable"})


def quantity(text: object) -> float:
    """A quantity of Kubernetes as a number. Raises ValueError."""
    matched = _QUANTITY.fullmatch(str(text))
    if matched is None or matched[2] not in _UNITS:
        raise ValueError(f"{text!r} is no quantity")
    return float(matched[1]) * _UNITS[matched[2]]


@check("what states no request is placed where there is no room; what states no limit takes it from others")
def states_resources(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        for where, container in workload.containers():
            for resource in ("cpu", "memory"):
                request, limit = (at(container, "resources", kind, resource) for kind in ("requests", "limits"))
                if request is None or limit is None:
                    yield f"{where}: states no {'request' if request is None else 'limit'} of {resource}"
                    continue
                try:
                    if not 0 < quantity(request) <= quantity(limit):
                        yield f"{where}: requests {request} of {resource}, its limit is {limit}"
                except ValueError as error:
                    yield f"{where}: {resource}: {error}"


@check("a node is not filled by one container: none here needs more")
def limits_are_modest(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        for where, container in workload.containers():
            for resource, most in (("cpu", 4.0), ("memory", 4 * 2.0**30)):
                try:
                    if quantity(at(container, "resources", "limits", resource, default=0)) > most:
                        yield f"{where}: its limit of {resource} is above {most:g}"
                except ValueError:
                    continue  # states-resources says so


@check("what runs must be what was tested: a tag that moves, or none, is something else tomorrow")
def image_is_pinned(manifests: Manifests) -> Iterator[str]:
    for cluster in manifests.of("Cluster"):
        if manifests.environment == "prod" and not _DIGEST.fullmatch(str(at(cluster, "spec", "imageName"))):
            yield f"{title(cluster)}: {at(cluster, 'spec', 'imageName')} is not named by its digest"
    for workload in manifests.workloads():
        for where, container in workload.containers():
            image = str(container.get("image"))
            if manifests.environment == "prod":
                if not _DIGEST.fullmatch(image):
                    yield f"{where}: {image} is not named by its digest"
                continue
            matched = _TAG.fullmatch(image)
            if matched is None or matched["tag"] in MOVING:
                yield f"{where}: {image} has no tag that stays what it is"
            elif manifests.environment != "dev" and not _VERSION.match(matched["tag"]):
                yield f"{where}: {image} is named by no version; the tag is moved on by the next one"
            if container.get("imagePullPolicy", "IfNotPresent") != "IfNotPresent":
                yield f"{where}: imagePullPolicy {container['imagePullPolicy']}"


@check("data must survive its pod, and a volume must be of a stated size")
def data_is_kept(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads("postgres", "prometheus", "sink"):
        claims = at(workload.item, "spec", "volumeClaimTemplates", default=[])
        if not claims:
            yield f"{workload.title}: keeps its data nowhere"
        for claim in claims:
            if at(claim, "spec", "accessModes") != ["ReadWriteOnce"]:
                yield f"{workload.title}: volume {at(claim, 'metadata', 'name')} can be written from several nodes"
            if not at(claim, "spec", "resources", "requests", "storage"):
                yield f"{workload.title}: volume {at(claim, 'metadata', 'name')} states no size"
    for workload in manifests.workloads("postgres"):
        kept = at(workload.item, "spec", "persistentVolumeClaimRetentionPolicy", default={})
        if set(kept.values()) != {"Retain"} or len(kept) != 2:
            yield f"{workload.title}: its volume goes with it"


@check("production must not lose what it acknowledged, nor its database, with one node")
def the_database_survives_a_node(manifests: Manifests) -> Iterator[str]:
    if manifests.environment != "prod":
        return
    clusters = manifests.of("Cluster")
    if not clusters:
        yield "Cluster postgres: is not there"
    for cluster in clusters:
        where, spec = title(cluster), at(cluster, "spec", default={})
        if not (isinstance(spec.get("instances"), int) and spec["instances"] >= 3):
            yield f"{where}: has {spec.get('instances')} instances, not 3"
        if not 1 <= spec.get("minSyncReplicas", 0) <= spec.get("maxSyncReplicas", 0) < spec.get("instances", 0):
            yield f"{where}: a commit is answered before a second instance has it"
        if at(spec, "affinity", "podAntiAffinityType") != "required":
            yield f"{where}: two instances may be on one node"
        if not at(spec, "storage", "size"):
            yield f"{where}: its storage has no size"
        for resource in ("cpu", "memory"):
            if not at(spec, "resources", "requests", resource) or not at(spec, "resources", "limits", resource):
                yield f"{where}: states no {resource}"
