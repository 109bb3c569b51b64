"""What is promised fits into what is there: measurements into their volume, connections and bodies into memory."""

import re
from collections.abc import Iterator

from manifests.checks import check
from manifests.checks.platform import configuration
from manifests.checks.resources import quantity
from manifests.objects import Manifests, Object, at, title

MIB = 2.0**20
OF_A_VOLUME = 0.85  # the rest is for what is written before the oldest is removed
MEMORY_OF_A_CONNECTION = 6 * MIB  # 4 to 6 MiB of its own were measured under load
BODIES_AT_ONCE = 8
HELD_TIMES = 3  # as it comes in, as a whole, cut into its events
_OF_PROGRAMS = {"MB": MIB, "GB": 2.0**30}  # PostgreSQL's and Prometheus's units are powers of two
_SIZE = re.compile(r"([0-9]+)(MB|GB)")


def _bytes(text: object) -> float | None:
    matched = _SIZE.fullmatch(str(text))
    return None if matched is None else int(matched[1]) * _OF_PROGRAMS[matched[2]]


def _argument(container: Object, beginning: str) -> str | None:
    """What follows a beginning among the arguments, with the variables that it names."""
    values = {item["name"]: str(item.get("value", "")) for item in container.get("env", [])}
    for argument in container.get("args", []):
        if str(argument).startswith(beginning):
            text = str(argument).removeprefix(beginning)
            return re.sub(r"\$\(([A-Z_]+)\)", lambda found: values.get(found[1], found[0]), text)
    return None


@check("a volume that is full stops whoever writes to it; Prometheus must remove the oldest before that")
def measurements_fit_their_volume(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads("prometheus"):
        for where, container in workload.containers(init=False):
            kept = _bytes(_argument(container, "--storage.tsdb.retention.size="))
            for claim in at(workload.item, "spec", "volumeClaimTemplates", default=[]):
                size = at(claim, "spec", "resources", "requests", "storage", default="0")
                if kept is None or kept > OF_A_VOLUME * quantity(size):
                    yield f"{where}: keeps up to {kept} bytes on a volume of {size}"


@check("a database that is killed for its memory ends every session of every replica")
def the_database_has_memory_for_its_connections(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads("postgres"):
        for where, container in workload.containers(init=False):
            yield from _too_little(where, at(container, "resources", "limits", "memory"),
                                   _argument(container, "-cshared_buffers="),
                                   _argument(container, "-cmax_connections="))  # fmt: skip
    for cluster in manifests.of("Cluster"):
        told = at(cluster, "spec", "postgresql", "parameters", default={})
        limit = at(cluster, "spec", "resources", "limits", "memory")
        yield from _too_little(title(cluster), limit, told.get("shared_buffers"), told.get("max_connections"))


def _too_little(where: str, limit: object, buffers: object, connections: object) -> Iterator[str]:
    shared = _bytes(buffers)
    if limit is None or shared is None or connections is None:
        yield f"{where}: states no limit of memory, no shared_buffers or no max_connections"
        return
    needed = shared + int(str(connections)) * MEMORY_OF_A_CONNECTION
    if quantity(limit) < needed:
        yield f"{where}: its limit of memory is {limit}, {needed / MIB:g} MiB may be needed"


@check("a request of legal size must not be able to end a replica")
def the_largest_bodies_fit_into_memory(manifests: Manifests) -> Iterator[str]:
    largest = at(configuration(manifests), "limits", "max_body_bytes")
    for workload in manifests.workloads("automation"):
        limit = at(workload.pod, "containers", 0, "resources", "limits", "memory")
        if not isinstance(largest, int) or limit is None:
            yield f"{workload.title}: ConfigMap phantommesh-config bounds no body, or there is no limit of memory"
        elif BODIES_AT_ONCE * HELD_TIMES * largest > quantity(limit) / 2:
            yield (
                f"{workload.title}: {BODIES_AT_ONCE} bodies of {largest} bytes (ConfigMap phantommesh-config) take "
                f"more than half of {limit}"
            )


@check("not every image's entrypoint completes a bare list of options with the program")
def the_program_is_named(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads("postgres"):
        for where, container in workload.containers(init=False):
            if at(container, "args", 0) != "postgres":
                yield f"{where}: its arguments begin with {at(container, 'args', 0)}, not with postgres"
