"""Pods that may do more than they should."""

from collections.abc import Iterator

from manifests.damages import GONE, Place, damage
from manifests.damages.places import containers, parts, pods
from manifests.objects import Manifests, at

CONTEXT = "securityContext"


@damage("runs-as-non-root")
def the_pod_may_be_root(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        yield item, (*pod, CONTEXT, "runAsNonRoot"), False
        for key in ("runAsNonRoot", "runAsUser", "runAsGroup"):
            yield item, (*pod, CONTEXT, key), GONE
        for key in ("runAsUser", "runAsGroup"):
            yield item, (*pod, CONTEXT, key), 0


@damage("runs-as-non-root")
def a_container_is_root(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        yield item, (*path, CONTEXT, "runAsUser"), 0
        yield item, (*path, CONTEXT, "runAsNonRoot"), False


@damage("seccomp-is-on")
def no_seccomp(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        yield item, (*pod, CONTEXT, "seccompProfile"), GONE
        yield item, (*pod, CONTEXT, "seccompProfile", "type"), "Unconfined"
    for item, path in containers(manifests):
        yield item, (*path, CONTEXT, "seccompProfile"), {"type": "Unconfined"}


@damage("no-privileges")
def privileges(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        yield item, (*path, CONTEXT, "privileged"), True
        yield item, (*path, CONTEXT, "allowPrivilegeEscalation"), True
        yield item, (*path, CONTEXT, "allowPrivilegeEscalation"), GONE
        yield item, (*path, CONTEXT, "capabilities"), GONE
        yield item, (*path, CONTEXT, "capabilities", "drop"), ["NET_RAW"]
        yield item, (*path, CONTEXT, "capabilities", "add"), ["NET_ADMIN"]
        yield item, (*path, CONTEXT, "procMount"), "Unmasked"
        yield item, (*path, CONTEXT), GONE


@damage("root-is-read-only")
def the_root_can_be_written(manifests: Manifests) -> Iterator[Place]:
    for item, path in containers(manifests):
        yield item, (*path, CONTEXT, "readOnlyRootFilesystem"), False
        yield item, (*path, CONTEXT, "readOnlyRootFilesystem"), GONE


@damage("keeps-off-the-node")
def on_the_node(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            yield item, (*pod, key), True
        for volume in parts(item, *pod, "volumes"):
            yield item, volume, {"name": at(item, *volume, "name"), "hostPath": {"path": "/"}}
    for item, path in containers(manifests):
        for port in parts(item, *path, "ports"):
            yield item, (*port, "hostPort"), 80


@damage("scratch-space-is-bounded")
def scratch_space_without_a_bound(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        for volume in parts(item, *pod, "volumes"):
            if at(item, *volume, "emptyDir"):
                yield item, (*volume, "emptyDir", "sizeLimit"), GONE


@damage("token-only-where-needed")
def a_token_for_nothing(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        yield item, (*pod, "automountServiceAccountToken"), not at(item, *pod, "automountServiceAccountToken")
        yield item, (*pod, "automountServiceAccountToken"), GONE
    for account in manifests.of("ServiceAccount"):
        yield account, ("automountServiceAccountToken",), True
        yield account, ("automountServiceAccountToken",), GONE


@damage("has-its-own-account")
def another_account(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        yield item, (*pod, "serviceAccountName"), GONE
        for name in ("default", "prometheus", "nobody"):
            yield item, (*pod, "serviceAccountName"), name


@damage("no-service-links")
def service_links(manifests: Manifests) -> Iterator[Place]:
    for item, pod in pods(manifests):
        yield item, (*pod, "enableServiceLinks"), GONE


@damage("namespaces-are-restricted")
def a_namespace_takes_anything(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Namespace"):
        for mode in ("enforce", "audit", "warn"):
            label = ("metadata", "labels", f"pod-security.kubernetes.io/{mode}")
            yield item, label, GONE
            yield item, label, "baseline"
