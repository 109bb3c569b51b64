"""Names that must meet: selectors and labels, ports and their names, references and what they refer to."""

from collections.abc import Iterator

from manifests.checks import check
from manifests.objects import NAME_LABEL, Manifests, Object, Workload, at, title

# The ports of each service, and the container ports behind them.
SERVICES = {
    "automation": {8080: 8080}, "vpn-core": {8090: 8090}, "postgres": {5432: 5432}, "valkey": {6379: 6379},
    "prometheus": {9090: 9090}, "prometheus-replicas": {9090: 9090}, "grafana": {3000: 3000},
    "sink": {8070: 8070, 8025: 8025}, "automation-external": {8080: 8080},
}  # fmt: skip
HEADLESS = frozenset({"postgres", "prometheus-replicas", "sink"})
STICKY = frozenset({"prometheus"})


def _behind(service: str) -> str:
    return {"prometheus-replicas": "prometheus", "automation-external": "automation"}.get(service, service)


@check("a selector that selects nothing, or something else, is silent")
def selectors_select_their_own(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        if workload.serves:
            labels = at(workload.item, "spec", "selector", "matchLabels", default={})
            if labels != {NAME_LABEL: workload.name} or not labels.items() <= workload.labels.items():
                yield f"{workload.title}: its selector {labels} is not for its own pods {workload.labels}"
        for constraint in at(workload.pod, "topologySpreadConstraints", default=[]):
            yield from _wrong(manifests, workload.item, at(constraint, "labelSelector", "matchLabels"), workload.name)
    for service in manifests.of("Service"):
        owner = _behind(str(at(service, "metadata", "name")))
        if at(service, "spec", "type") != "ExternalName" and manifests.find("Cluster", owner) is None:
            yield from _wrong(manifests, service, at(service, "spec", "selector"), owner)
    for budget in manifests.of("PodDisruptionBudget"):
        labels = at(budget, "spec", "selector", "matchLabels")
        yield from _wrong(manifests, budget, labels, str(at(budget, "metadata", "name")))


def _wrong(manifests: Manifests, item: Object, labels: dict[str, str] | None, owner: str) -> Iterator[str]:
    found = manifests.selected(labels, str(at(item, "metadata", "namespace"))) if labels else []
    if [workload.name for workload in found] != [owner]:
        names = ", ".join(workload.title for workload in found) or "nothing"
        yield f"{title(item)}: {labels} selects {names}, not {owner}"


@check("a service whose port leads nowhere refuses every connection")
def service_ports_lead_to_containers(manifests: Manifests) -> Iterator[str]:
    for service in manifests.of("Service"):
        name = str(at(service, "metadata", "name"))
        ports = {}
        for port in at(service, "spec", "ports", default=[]):
            target = port.get("targetPort", port.get("port"))
            for workload in manifests.workloads(_behind(name)):
                ports[port.get("port")] = workload.ports().get(str(target))
            if port.get("protocol", "TCP") != "TCP":
                yield f"{title(service)}: port {port.get('port')} is not TCP"
        if ports != SERVICES.get(name):
            yield f"{title(service)}: its ports lead to {ports}, not to {SERVICES.get(name)}"


@check("a stateful set's pods need names of their own; other services need one address")
def services_are_of_the_right_kind(manifests: Manifests) -> Iterator[str]:
    for service in manifests.of("Service"):
        name, spec = str(at(service, "metadata", "name")), at(service, "spec", default={})
        wanted = "LoadBalancer" if name.endswith("-external") else "ClusterIP"
        if spec.get("type", "ClusterIP") != wanted:
            yield f"{title(service)}: is of type {spec.get('type')}, not {wanted}"
        if (spec.get("clusterIP") == "None") is not (name in HEADLESS):
            yield f"{title(service)}: clusterIP is {spec.get('clusterIP')}"
        if (spec.get("sessionAffinity") == "ClientIP") is not (name in STICKY):
            yield f"{title(service)}: sessionAffinity is {spec.get('sessionAffinity')}"
        if spec.get("externalIPs") or spec.get("externalName"):
            yield f"{title(service)}: leads to addresses outside"
    for workload in manifests.workloads():
        if workload.kind == "StatefulSet":
            service = at(workload.item, "spec", "serviceName")
            if service not in HEADLESS or manifests.find("Service", str(service), workload.namespace) is None:
                yield f"{workload.title}: serviceName {service} is no headless service"


@check("a pod that refers to what is not there never starts")
def references_exist(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        for volume in at(workload.pod, "volumes", default=[]):
            yield from _missing_source(manifests, workload, volume)
        for where, container in workload.containers():
            for item in [*container.get("env", []), *container.get("envFrom", [])]:
                if "valueFrom" in item or "secretRef" in item or "configMapRef" in item:
                    yield f"{where}: {item.get('name', 'envFrom')} is taken from elsewhere, not written or in a file"
    for item in manifests.of("HorizontalPodAutoscaler", "ScaledObject"):
        target = str(at(item, "spec", "scaleTargetRef", "name"))
        if manifests.find("Deployment", target, at(item, "metadata", "namespace")) is None:
            yield f"{title(item)}: there is no Deployment {target} to scale"


def _missing_source(manifests: Manifests, workload: Workload, volume: Object) -> Iterator[str]:
    for kind, key, content in (
        ("ConfigMap", ("configMap", "name"), "data"),
        ("Secret", ("secret", "secretName"), "data"),
    ):
        name = at(volume, *key)
        if key[0] not in volume:
            continue
        found = manifests.find(kind, str(name), workload.namespace)
        if found is None:
            if kind == "Secret" and manifests.of("ExternalSecret", "Cluster"):
                continue  # it is made in the cluster
            yield f"{workload.title}: there is no {kind} {name}"
            continue
        for item in at(volume, key[0], "items", default=[]):
            if item.get("key") not in found.get(content, {}):
                yield f"{workload.title}: {kind} {name} has no {item.get('key')}"
    claim = at(volume, "persistentVolumeClaim", "claimName")
    if claim is not None and manifests.find("PersistentVolumeClaim", claim, workload.namespace) is None:
        yield f"{workload.title}: there is no PersistentVolumeClaim {claim}"


@check("a mount without its volume is refused; a volume without a mount is a mistake")
def mounts_meet_volumes(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads():
        volumes = {volume.get("name") for volume in at(workload.pod, "volumes", default=[])}
        volumes |= {
            at(item, "metadata", "name") for item in at(workload.item, "spec", "volumeClaimTemplates", default=[])
        }
        mounted = set()
        for where, container in workload.containers():
            paths = [mount.get("mountPath") for mount in container.get("volumeMounts", [])]
            if len(paths) != len(set(paths)):
                yield f"{where}: mounts two volumes at one path"
            for mount in container.get("volumeMounts", []):
                mounted.add(mount.get("name"))
                if mount.get("name") not in volumes:
                    yield f"{where}: mounts {mount.get('name')}, which is no volume"
        for name in sorted(map(str, volumes - mounted)):
            yield f"{workload.title}: nothing mounts the volume {name}"


@check("objects are found, counted and deleted by these labels")
def labels_say_whose_it_is(manifests: Manifests) -> Iterator[str]:
    for item in manifests.objects:
        labels = at(item, "metadata", "labels", default={})
        if labels.get("phantommesh.io/environment") != manifests.environment:
            yield f"{title(item)}: the label phantommesh.io/environment is {labels.get('phantommesh.io/environment')}"
        if not str(labels.get("app.kubernetes.io/part-of", "")).startswith("phantommesh"):
            yield f"{title(item)}: has no label app.kubernetes.io/part-of"
    for item in manifests.of("Namespace"):
        holds = at(item, "metadata", "labels", "phantommesh.io/holds")
        if at(item, "metadata", "name") != {"platform": f"phantommesh-{manifests.environment}"}.get(
            str(holds), f"{holds}-{manifests.environment}"
        ):
            yield f"{title(item)}: holds {holds}"


@check("an object in another namespace is in nobody's view")
def lives_in_its_namespace(manifests: Manifests) -> Iterator[str]:
    known = {at(item, "metadata", "name") for item in manifests.of("Namespace")}
    if len(known) != 2:
        yield f"there are the namespaces {known}, not one for the platform and one for stages"
    for item in manifests.objects:
        if item.get("kind") != "Namespace" and at(item, "metadata", "namespace") not in known:
            yield f"{title(item)}: is in the namespace {at(item, 'metadata', 'namespace')}"
