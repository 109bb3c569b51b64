"""Containers that are not watched, not bounded, not what was tested, or started wrongly."""

import re
from collections.abc import Iterator

from manifests.damages import GONE, Place, damage
from manifests.damages.places import containers, parts, pods, serving
from manifests.objects import Manifests, at

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
OURS = ("automation", "vpn-core", "sink")


@damage("has-probes")
def a_probe_is_dropped(manifests: Manifests) -> Iterator[Place]:
    for item, path in serving(manifests):
        for probe in PROBES:
            yield item, (*path, probe), GONE
            yield item, (*path, probe), {"periodSeconds": 5}
        yield item, (*path, "startupProbe", "failureThreshold"), 1


@damage("probes-ask-what-is-answered")
def a_probe_asks_elsewhere(manifests: Manifests) -> Iterator[Place]:
    for item, path in serving(manifests):
        for probe in PROBES:
            if at(item, *path, probe, "httpGet"):
                yield item, (*path, probe, "httpGet", "path"), "/"
            for how in ("httpGet", "tcpSocket"):
                if at(item, *path, probe, how):
                    yield item, (*path, probe, how, "port"), "nowhere"
    for item, path in containers(manifests, "automation", "vpn-core", init=False):
        yield item, (*path, "livenessProbe", "httpGet", "path"), "/readyz"
        yield item, (*path, "readinessProbe", "httpGet", "path"), "/healthz"
        yield item, (*path, "readinessProbe", "httpGet", "port"), "http"


@damage("notices-soon")
def a_dead_replica_stays_in_its_service(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests, "automation", "vpn-core", init=False):
        yield item, (*path, "readinessProbe", "periodSeconds"), 30
        yield item, (*path, "readinessProbe", "failureThreshold"), 10


@damage("ends-gracefully")
def it_is_cut_off(manifests: Manifests) -> Iterator[Place]:
    for item, path in serving(manifests):
        yield item, (*path, "lifecycle"), GONE
        yield item, (*path, "lifecycle", "preStop"), {}
        yield item, (*path[:-2], "terminationGracePeriodSeconds"), 1
    for item, path in containers(manifests, "automation", "vpn-core", init=False):
        yield item, (*path, "lifecycle", "preStop", "sleep", "seconds"), 1
        yield item, (*path, "lifecycle", "preStop", "sleep", "seconds"), 60


@damage("states-resources")
def a_request_or_limit_is_removed(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        yield item, (*path, "resources"), GONE
        for kind in ("requests", "limits"):
            yield item, (*path, "resources", kind), GONE
            for resource in ("cpu", "memory"):
                yield item, (*path, "resources", kind, resource), GONE
        yield item, (*path, "resources", "requests", "cpu"), "64"
        yield item, (*path, "resources", "requests", "memory"), "1Ti"
        yield item, (*path, "resources", "limits", "memory"), "128Megabytes"


@damage("limits-are-modest")
def it_may_take_the_whole_node(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        yield item, (*path, "resources", "limits", "cpu"), "64"
        yield item, (*path, "resources", "limits", "memory"), "64Gi"


@damage("image-is-pinned")
def an_image_that_moves(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        name = str(at(item, *path, "image")).partition("@")[0].rpartition(":")[0]
        for image in (f"{name}:latest", name, f"{name}:main", f"{name}@sha256:abc"):
            yield item, (*path, "image"), image
        if manifests.environment != "prod":
            yield item, (*path, "imagePullPolicy"), "Always"
        if manifests.environment == "staging":
            yield item, (*path, "image"), f"{name}:8"
        if manifests.environment == "prod":
            yield item, (*path, "image"), f"{name}@sha256:{'0' * 64}"
    for item in manifests.of("Cluster"):
        yield item, ("spec", "imageName"), "ghcr.io/cloudnative-pg/postgresql:15.14"


@damage("data-is-kept")
def data_is_lost(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("StatefulSet"):
        yield item, ("spec", "volumeClaimTemplates"), GONE
        for claim in parts(item, "spec", "volumeClaimTemplates"):
            yield item, (*claim, "spec", "accessModes"), ["ReadWriteMany"]
            yield item, (*claim, "spec", "resources"), GONE
        if item["metadata"]["name"] == "postgres":
            yield item, ("spec", "persistentVolumeClaimRetentionPolicy"), GONE
            yield item, ("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"), "Delete"


@damage("the-database-survives-a-node")
def the_database_ends_with_its_node(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Cluster"):
        yield item, ("kind",), "Clusters"
        yield item, ("spec", "instances"), 1
        yield item, ("spec", "minSyncReplicas"), 0
        yield item, ("spec", "maxSyncReplicas"), 3
        for path in (("minSyncReplicas",), ("affinity",), ("storage",), ("resources",), ("resources", "limits")):
            yield item, ("spec", *path), GONE


@damage("is-started-as-its-commands-are")
def it_is_started_wrongly(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests, *OURS):
        for argument in parts(item, *path, "args"):
            yield item, argument, "--wrong"
        yield item, (*path, "args"), []
        for variable in parts(item, *path, "env"):
            if at(item, *variable, "name") in ("PHANTOMMESH_DATABASE", "PHANTOMMESH_VPN_CORE", "PHANTOMMESH_RECORD"):
                yield item, variable, {"name": "PHANTOMMESH_DATABSE", "value": "postgres"}
            else:
                yield item, (*variable, "name"), "PHANTOMMESH_MISSPELT"
    for item, path in containers(manifests, *OURS, init=False):
        for port in parts(item, *path, "ports"):
            yield item, (*port, "containerPort"), 9
            yield item, (*port, "name"), "other"
        yield item, (*path, "args"), ["serve", "sink" if item["metadata"]["name"] != "sink" else "vpn-core"]


@damage("configuration-is-good")
def the_configuration_is_spoiled(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("ConfigMap"):
        if not item["metadata"]["name"].startswith("phantommesh-config"):
            continue
        lines = item["data"]["config.yaml"].splitlines()
        for index, line in enumerate(lines):
            key, colon, value = line.partition(": ")
            if colon and value and not line.lstrip().startswith(("#", "-")) and "endpoints" not in line:
                spoiled = [*lines[:index], f"{key}: [[nonsense]]", *lines[index + 1 :]]
                yield item, ("data", "config.yaml"), "\n".join(spoiled)
        yield item, ("data", "config.yaml"), "\n".join([*lines, "unknown: {}"])


@damage("configured-secrets-are-mounted")
def the_configuration_names_another_file(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("ConfigMap"):
        text = at(item, "data", "config.yaml", default="")
        for name in sorted(set(re.findall(r"/etc/phantommesh/secrets/([a-z-]+)", text))):
            yield item, ("data", "config.yaml"), text.replace(f"secrets/{name}", f"secrets/another-{name}")
    for item, pod in pods(manifests, "automation"):
        for volume in parts(item, *pod, "volumes"):
            if at(item, *volume, "name") == "secrets":
                for entry in parts(item, *volume, "secret", "items"):
                    yield item, (*entry, "path"), "elsewhere"


@damage("the-database-takes-every-connection")
def too_few_connections(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests, "postgres"):
        for argument in parts(item, *path, "args"):
            if "max_connections" in at(item, *argument):
                yield item, argument, "-cmax_connections=100"
                yield item, argument, "-cjit=off"
    for item in manifests.of("Cluster"):
        yield item, ("spec", "postgresql", "parameters", "max_connections"), "100"


@damage("secrets-go-where-they-are-needed")
def a_secret_too_many_or_too_few(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        for volume in parts(item, *pod, "volumes"):
            if not at(item, *volume, "secret"):
                continue
            yield item, (*volume, "secret", "items"), GONE
            items = (*volume, "secret", "items")
            yield item, (*items, len(at(item, *items))), {"key": "SOMEONE_ELSES", "path": "other"}
            for entry in parts(item, *items):
                yield item, (*entry, "key"), "SOMEONE_ELSES"
    for item, path in containers(manifests, "automation", init=False):
        for mount in parts(item, *path, "volumeMounts"):
            if at(item, *mount, "name") == "secrets":
                yield item, (*mount, "name"), "migration-secrets"


@damage("secret-files-are-read-only")
def secret_files_that_others_read(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        for volume in parts(item, *pod, "volumes"):
            if at(item, *volume, "secret"):
                yield item, (*volume, "secret", "defaultMode"), GONE
                yield item, (*volume, "secret", "defaultMode"), 0o644
                yield item, (*volume, "secret", "optional"), True
                yield item, (*pod, "securityContext", "fsGroup"), GONE
    for item, path in containers(manifests):
        for mount in parts(item, *path, "volumeMounts"):
            if "secret" in at(item, *mount, "name"):
                yield item, (*mount, "readOnly"), GONE


@damage("secrets-are-not-in-the-environment")
def a_secret_in_the_environment(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        size = len(at(item, *path, "env", default=[]))
        if size:
            yield item, (*path, "env", size), {"name": "PGPASSWORD", "value": "hunter2"}
        else:
            yield item, (*path, "env"), [{"name": "API_TOKEN", "value": "hunter2"}]


@damage("no-secret-is-in-git")
def a_secret_in_git(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Secret"):
        yield item, ("stringData",), {"PASSWORD": "hunter2"}
        yield item, ("metadata", "name"), "phantommesh-secrets"
        for key in parts(item, "data"):
            yield item, key, "aHVudGVyMg=="


@damage("configuration-is-named-by-its-content")
def a_configuration_without_a_hash(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("ConfigMap"):
        yield item, ("metadata", "name"), "config"
