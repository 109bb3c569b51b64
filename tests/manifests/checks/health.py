"""How the cluster learns that a container lives, is ready, and may end."""

from collections.abc import Iterator

from manifests.checks import check
from manifests.checks.platform import COMPONENTS, configuration
from manifests.objects import Manifests, Workload, at

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
# What a probe asks, as the processes answer: component -> probe -> (path, port's name).
ASKED = {
    **{
        name: {"startupProbe": ("/healthz", "admin"), "livenessProbe": ("/healthz", "admin"),
               "readinessProbe": ("/readyz", "admin")}
        for name in ("automation", "vpn-core")
    },
    "sink": dict.fromkeys(PROBES, ("/healthz", "http")),
    "grafana": dict.fromkeys(PROBES, ("/api/health", "http")),
    "prometheus": {"startupProbe": ("/-/ready", "http"), "livenessProbe": ("/-/healthy", "http"),
                   "readinessProbe": ("/-/ready", "http")},
}  # fmt: skip
UNITS_OF_END = 5.0  # the server's own patience with answers that are under way (phantommesh.serving)


@check("a container without probes gets requests before it can serve, and stays when it hangs")
def has_probes(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        if not workload.serves:
            continue
        for where, container in workload.containers(init=False):
            for probe in PROBES:
                asked = container.get(probe, {})
                if not {"httpGet", "tcpSocket", "exec"} & asked.keys():
                    yield f"{where}: has no {probe}"
                elif probe == "startupProbe" and asked.get("periodSeconds", 10) * asked.get("failureThreshold", 3) < 30:
                    yield f"{where}: {probe} gives it less than 30 s to start"


@check("a probe that asks the wrong place fails always or never; a liveness probe that asks for readiness restarts "
       "every replica while the database is away")  # fmt: skip
def probes_ask_what_is_answered(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads(*ASKED):
        for where, container in workload.containers(init=False):
            for probe, (path, port) in ASKED[workload.name].items():
                got = at(container, probe, "httpGet", default={})
                if (got.get("path"), got.get("port")) != (path, port):
                    yield f"{where}: {probe} asks {got.get('path')} at {got.get('port')}, not {path} at {port}"
    for workload in manifests.workloads():
        for where, container in workload.containers(init=False):
            for probe in PROBES:
                for how in ("httpGet", "tcpSocket"):
                    port = at(container, probe, how, "port")
                    if port is not None and port not in workload.ports():
                        yield f"{where}: {probe} asks at port {port}, which it does not name"


@check("a replica that is dead must be out of its service in seconds, not in minutes")
def notices_soon(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads(*COMPONENTS):
        for where, container in workload.containers(init=False):
            ready = container.get("readinessProbe", {})
            noticed_s = ready.get("periodSeconds", 10) * ready.get("failureThreshold", 3)
            if noticed_s > 5:
                yield f"{where}: is unready only after {noticed_s} s"


@check("a replica must finish what it took: connections come until every proxy knows, then it drains")
def ends_gracefully(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        if not workload.serves:
            continue
        before_s = 0.0
        for where, container in workload.containers(init=False):
            hook = at(container, "lifecycle", "preStop", default={})
            if not {"sleep", "exec"} & hook.keys():
                yield f"{where}: has no preStop"
            before_s = max(before_s, float(at(hook, "sleep", "seconds", default=0)))
            if workload.name in COMPONENTS and before_s < 5:
                yield f"{where}: takes no connections any more while proxies still send them (preStop under 5 s)"
        grace_s = workload.pod.get("terminationGracePeriodSeconds", 30)
        needed_s = before_s + _drain_s(workload, manifests)
        if grace_s <= needed_s:
            yield f"{workload.title}: is killed after {grace_s} s, but needs {needed_s:g} s to end"


def _drain_s(workload: Workload, manifests: Manifests) -> float:
    if workload.name == "postgres":
        return 50.0  # the checkpoint of a fast shutdown
    if workload.name not in COMPONENTS:
        return 5.0
    from phantommesh.automation.replica import FINISH_S

    config = configuration(manifests)
    drain_s = float(at(config, "system", "drain_s", default=10)) + UNITS_OF_END
    return drain_s + (FINISH_S if workload.name == "automation" else 0.0)
