"""Objects that no longer meet: selectors, ports, names, replicas, autoscalers, the way in."""

from collections.abc import Iterator

from manifests.damages import GONE, Place, damage
from manifests.damages.places import containers, parts, pods
from manifests.objects import NAME_LABEL, Manifests, at


@damage("selectors-select-their-own")
def a_wrong_selector(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Deployment", "StatefulSet"):
        yield item, ("spec", "selector", "matchLabels", NAME_LABEL), "someone-else"
        yield item, ("spec", "template", "metadata", "labels", NAME_LABEL), "someone-else"
        for rule in parts(item, "spec", "template", "spec", "topologySpreadConstraints"):
            yield item, (*rule, "labelSelector", "matchLabels", NAME_LABEL), "someone-else"
    for item in manifests.of("Service"):
        if not manifests.of("Cluster") or item["metadata"]["name"] != "postgres":
            yield item, ("spec", "selector", NAME_LABEL), "someone-else"
            yield item, ("spec", "selector"), {"app.kubernetes.io/part-of": "phantommesh"}
            yield item, ("spec", "selector"), GONE
    for item in manifests.of("PodDisruptionBudget"):
        yield item, ("spec", "selector", "matchLabels", NAME_LABEL), "someone-else"
        yield item, ("spec", "selector"), {}


@damage("service-ports-lead-to-containers")
def a_wrong_port(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Service"):
        for port in parts(item, "spec", "ports"):
            yield item, (*port, "port"), 81
            yield item, (*port, "targetPort"), "nowhere"
            yield item, (*port, "targetPort"), 81
            yield item, (*port, "protocol"), "UDP"


@damage("services-are-of-the-right-kind")
def a_service_of_another_kind(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Service"):
        for kind in ("NodePort", "LoadBalancer", "ExternalName"):
            yield item, ("spec", "type"), kind
        headless = at(item, "spec", "clusterIP") == "None"
        yield item, ("spec", "clusterIP"), GONE if headless else "None"
        yield item, ("spec", "externalIPs"), ["203.0.113.7"]
        yield item, ("spec", "sessionAffinity"), "None" if at(item, "spec", "sessionAffinity") else "ClientIP"
    for item in manifests.of("StatefulSet"):
        yield item, ("spec", "serviceName"), "nobody"


@damage("addresses-lead-to-services")
def a_wrong_address(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        for variable in parts(item, *path, "env"):
            if at(item, *variable, "name") in ("PHANTOMMESH_DATABASE", "PHANTOMMESH_VPN_CORE", "PHANTOMMESH_SINK"):
                host, _, port = str(at(item, *variable, "value")).partition(":")
                yield item, (*variable, "value"), f"nowhere:{port}"
                yield item, (*variable, "value"), f"{host}:1"
            if at(item, *variable, "name") == "PGHOST":
                yield item, (*variable, "value"), "nowhere"
    for item in manifests.of("ConfigMap"):
        for key in parts(item, "data"):
            for url in ("valkey://valkey:6379", "http://prometheus:9090"):
                text = str(at(item, *key))
                if key[-1] in ("datasources.yaml", "config.yaml"):
                    yield item, key, text.replace(url, url.replace("://", "://nowhere-"))
                    yield item, key, text.replace(url, url[:-1])


@damage("the-database-is-the-one-that-writes")
def another_instance(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        for variable in parts(item, *path, "env"):
            if at(item, *variable, "name") == "PHANTOMMESH_DATABASE":
                yield item, (*variable, "value"), "postgres-ro:5432"
            if at(item, *variable, "name") == "PGHOST":
                yield item, (*variable, "value"), "postgres-ro"


@damage("references-exist")
def a_reference_to_nothing(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        for volume in parts(item, *pod, "volumes"):
            for source, key in (
                ("configMap", "name"),
                ("secret", "secretName"),
                ("persistentVolumeClaim", "claimName"),
            ):
                known = source != "secret" or not manifests.of("ExternalSecret", "Cluster")
                if at(item, *volume, source) and known:
                    yield item, (*volume, source, key), "nobody"
    for item in manifests.of("HorizontalPodAutoscaler", "ScaledObject"):
        yield item, ("spec", "scaleTargetRef", "name"), "nobody"


@damage("mounts-meet-volumes")
def a_mount_of_nothing(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        for mount in parts(item, *path, "volumeMounts"):
            yield item, (*mount, "name"), "nobody"
            yield item, (*path, "volumeMounts", len(at(item, *path, "volumeMounts"))), at(item, *mount)


@damage("labels-say-whose-it-is")
def a_label_of_another_environment(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.objects:
        yield item, ("metadata", "labels", "phantommesh.io/environment"), "another"
        yield item, ("metadata", "labels", "app.kubernetes.io/part-of"), GONE


@damage("lives-in-its-namespace")
def in_another_namespace(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.objects:
        if item["kind"] != "Namespace":
            yield item, ("metadata", "namespace"), "default"
            yield item, ("metadata", "namespace"), GONE


@damage("has-its-replicas")
def another_number_of_replicas(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Deployment", "StatefulSet"):
        for count in (0, 2 if at(item, "spec", "replicas") != 2 else 1):
            yield item, ("spec", "replicas"), count
        if at(item, "spec", "replicas") != 1:
            yield item, ("spec", "replicas"), 1


@damage("updates-take-nothing-away")
def an_update_takes_a_replica_away(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Deployment"):
        yield item, ("spec", "strategy"), GONE
        yield item, ("spec", "strategy"), {"type": "Recreate"}
        yield item, ("spec", "strategy", "rollingUpdate", "maxUnavailable"), 1
        yield item, ("spec", "strategy", "rollingUpdate", "maxUnavailable"), "25%"
        yield item, ("spec", "strategy", "rollingUpdate", "maxSurge"), "100%"


@damage("rollouts-have-a-deadline")
def a_rollout_without_a_deadline(manifests: Manifests) -> Iterator[Place]:
    for item, _ in pods(manifests, "automation", "vpn-core"):
        yield item, ("spec", "progressDeadlineSeconds"), GONE
        yield item, ("spec", "progressDeadlineSeconds"), 3600


@damage("disruptions-are-bounded")
def a_budget_that_keeps_nothing(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("PodDisruptionBudget"):
        for least in (0, 3, "100%"):
            yield item, ("spec", "minAvailable"), least
        yield item, ("spec", "minAvailable"), GONE
        yield item, ("spec", "unhealthyPodEvictionPolicy"), GONE
        yield item, ("spec", "unhealthyPodEvictionPolicy"), "IfHealthyBudget"
        yield item, ("metadata", "name"), "other"


@damage("spreads-over-nodes")
def on_one_node(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests, "automation", "vpn-core", "prometheus"):
        yield item, (*pod, "topologySpreadConstraints"), GONE
        for rule in parts(item, *pod, "topologySpreadConstraints"):
            yield item, (*rule, "topologyKey"), "kubernetes.io/os"
            yield item, (*rule, "maxSkew"), 5
            yield item, (*rule, "matchLabelKeys"), GONE
            yield item, (*rule, "nodeTaintsPolicy"), GONE
            yield item, (*rule, "nodeTaintsPolicy"), "Ignore"
            other = {"DoNotSchedule": "ScheduleAnyway", "ScheduleAnyway": "DoNotSchedule"}
            yield item, (*rule, "whenUnsatisfiable"), other[at(item, *rule, "whenUnsatisfiable")]


@damage("leaves-a-dead-node")
def it_stays_on_a_dead_node(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests, "automation", "vpn-core"):
        yield item, (*pod, "tolerations"), GONE
        yield item, (*pod, "tolerations", len(at(item, *pod, "tolerations"))), {"operator": "Exists"}
        for rule in parts(item, *pod, "tolerations"):
            yield item, (*rule, "tolerationSeconds"), GONE
            yield item, (*rule, "tolerationSeconds"), 600


@damage("scales-as-required")
def it_scales_otherwise(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("HorizontalPodAutoscaler", "ScaledObject"):
        keda = item["kind"] == "ScaledObject"
        behaviour = ("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior") if keda else ("spec", "behavior")
        least, most = ("minReplicaCount", "maxReplicaCount") if keda else ("minReplicas", "maxReplicas")
        yield item, ("spec", least), 1
        for count in (3, 100):
            yield item, ("spec", most), count
        yield item, (*behaviour, "scaleUp", "stabilizationWindowSeconds"), 300
        yield item, (*behaviour, "scaleUp", "selectPolicy"), "Disabled"
        yield item, (*behaviour, "scaleDown", "stabilizationWindowSeconds"), 0
        yield item, behaviour, GONE
        if keda:
            yield item, ("spec", "fallback"), GONE
    for item, path in containers(manifests, "automation", init=False):
        for argument in parts(item, *path, "args"):
            if at(item, *argument) == "10":
                yield item, argument, "3"


@damage("scales-as-required")
def it_scales_by_something_else(manifests: Manifests) -> Iterator[Place]:
    spoiled = {
        ("metadata", "value"): ("40", "250"), ("metadata", "threshold"): ("1", "1000000"),
        ("metadata", "ignoreNullValues"): (GONE, "true"),
        ("metadata", "query"): ("vector(0)",), ("metadata", "serverAddress"): ("http://other",),
        ("resource", "target", "averageUtilization"): (40, 250),
    }  # fmt: skip
    for item in manifests.of("HorizontalPodAutoscaler", "ScaledObject"):
        for metric in parts(item, "spec", "triggers" if "triggers" in item["spec"] else "metrics"):
            yield item, metric, GONE
            for key, values in spoiled.items():
                if at(item, *metric, *key) is not None:
                    for value in values:
                        yield item, (*metric, *key), value


@damage("the-way-in-is-guarded")
def the_door_is_open(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("IngressRoute"):
        yield item, ("spec", "tls"), {}
        yield item, ("spec", "entryPoints"), ["web"]
        for route in parts(item, "spec", "routes"):
            yield item, route, GONE
            yield item, (*route, "match"), str(at(item, *route, "match")).replace("Host(`", "HostRegexp(`.*")
            yield item, (*route, "match"), str(at(item, *route, "match")).replace("PathPrefix(`/", "PathPrefix(`/x")
            for service in parts(item, *route, "services"):
                yield item, (*service, "name"), "vpn-core"
                yield item, (*service, "port"), "admin"
                if at(item, *service, "serversTransport"):
                    yield item, (*service, "serversTransport"), GONE
            for middleware in parts(item, *route, "middlewares"):
                yield item, middleware, GONE
                yield item, (*middleware, "name"), "nobody"


@damage("middlewares-do-what-they-say")
def the_gone_are_waited_for(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("ServersTransport"):
        yield item, ("spec", "forwardingTimeouts", "dialTimeout"), "30s"


@damage("middlewares-do-what-they-say")
def a_middleware_does_otherwise(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Middleware"):
        for key, values in {
            ("rateLimit", "average"): (10, 1_000_000), ("rateLimit", "burst"): (1, 10_000_000),
            ("rateLimit", "period"): ("1m",), ("basicAuth", "secret"): ("nobody",),
            ("basicAuth", "removeHeader"): (False, GONE), ("addPrefix", "prefix"): ("/v2",),
            ("stripPrefix", "prefixes"): (["/"],), ("retry", "attempts"): (0,),
        }.items():  # fmt: skip
            if at(item, "spec", *key) is not None:
                for value in values:
                    yield item, ("spec", *key), value
