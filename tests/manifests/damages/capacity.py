"""More is promised than there is room for."""

from collections.abc import Iterator

from manifests.damages import GONE, Place, damage
from manifests.damages.places import containers, parts
from manifests.objects import Manifests, at


@damage("measurements-fit-their-volume")
def measurements_fill_their_volume(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests, "prometheus"):
        for variable in parts(item, *path, "env"):
            if at(item, *variable, "name") == "RETENTION_SIZE":
                yield item, (*variable, "value"), "500GB"
                yield item, variable, GONE
        for claim in parts(item, "spec", "volumeClaimTemplates"):
            yield item, (*claim, "spec", "resources", "requests", "storage"), "100Mi"


@damage("the-database-has-memory-for-its-connections")
def connections_beyond_the_memory(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests, "postgres"):
        yield item, (*path, "resources", "limits", "memory"), "1Gi"
        for argument in parts(item, *path, "args"):
            if "max_connections" in at(item, *argument):
                yield item, argument, "-cmax_connections=1000"
            if "shared_buffers" in at(item, *argument):
                yield item, argument, "-cshared_buffers=2GB"
    for item in manifests.of("Cluster"):
        yield item, ("spec", "resources", "limits", "memory"), "2Gi"
        yield item, ("spec", "postgresql", "parameters", "max_connections"), "1000"
        yield item, ("spec", "postgresql", "parameters", "shared_buffers"), "3GB"


@damage("the-largest-bodies-fit-into-memory")
def bodies_beyond_the_memory(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("ConfigMap"):
        text = at(item, "data", "config.yaml", default="")
        if text:
            yield item, ("data", "config.yaml"), text.replace("max_body_bytes: 8388608", "max_body_bytes: 262144000")
    for item, path in containers(manifests, "automation", init=False):
        yield item, (*path, "resources", "limits", "memory"), "256Mi"


@damage("the-program-is-named")
def options_without_their_program(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests, "postgres"):
        for argument in parts(item, *path, "args"):
            if at(item, *argument) == "postgres":
                yield item, argument, GONE
