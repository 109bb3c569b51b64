"""Secrets that the platform's pods and routes name, which no run of a validation makes or reads."""

import re
from collections.abc import Iterator
from typing import Any

from readiness.clients.kubernetes.doctor.ground import Ground, pod_specs
from readiness.clients.kubernetes.doctor.namespaces import secret_names
from readiness.clients.kubernetes.kubectl import KubectlError
from readiness.clients.kubernetes.rendering import Object
from readiness.model.finding import Finding, fine, problem, unknown

_HASHED = re.compile(r"^(?P<name>.+)-[bcdfghkmt2456789]{10}$")  # kustomize's alphabet for what it generates


def secrets(ground: Ground) -> Iterator[Finding]:
    """Each is there; a generated one under any hash, since its content is the user's own."""
    wanted = _named(ground.objects) - _made_later(ground.objects)
    generated = {item["metadata"]["name"] for item in ground.objects if item["kind"] == "Secret"}
    namespace = ground.kubectl.namespace
    try:
        there = secret_names(ground.kubectl)
    except KubectlError as error:
        if error.kind != "forbidden":
            raise
        yield unknown("secrets", f"this account may not list the secrets in {namespace}; the pods need "
                      f"{', '.join(sorted(map(plain, wanted)))}")  # fmt: skip
        return
    plainly = {plain(name) for name in there}
    missing = [name for name in sorted(wanted) if name not in there and plain(name) not in plainly]
    for name in missing:
        if name in generated:
            how = f"write its file beside the overlay (its *.example says what goes in), then {ground.set_up}"
        else:
            how = f"make it: kubectl -n {namespace} create secret ... {name} (docs/deployment.md)"
        yield problem("secrets", f"the namespace {namespace} has no secret {plain(name)}; {how}")
    if not missing:
        yield fine("secrets", f"{namespace} has all {len(wanted)} that its pods and routes name")


def plain(name: str) -> str:
    """A generated name without its hash."""
    found = _HASHED.match(name)
    return found["name"] if found else name


def _named(objects: tuple[Object, ...]) -> set[str]:
    found: set[str] = set()
    for _, spec in pod_specs(objects):
        found |= set(_of_pod(spec))
    for item in objects:
        spec = item.get("spec", {})
        if item["kind"] == "IngressRoute":
            found.add(spec.get("tls", {}).get("secretName", ""))
        elif item["kind"] == "Middleware":
            found |= {str(part.get("secret", "")) for part in spec.values() if isinstance(part, dict)}
        elif item["kind"] == "Gateway":
            found |= set(_of_gateway(spec))
    return found - {""}


def _of_pod(spec: dict[str, Any]) -> Iterator[str]:
    for container in [*spec.get("containers", []), *spec.get("initContainers", [])]:
        for one in container.get("env", []):
            yield from _required(one.get("valueFrom", {}).get("secretKeyRef"), "name")
        for one in container.get("envFrom", []):
            yield from _required(one.get("secretRef"), "name")
    for volume in spec.get("volumes", []):
        yield from _required(volume.get("secret"), "secretName")
        for source in volume.get("projected", {}).get("sources", []):
            yield from _required(source.get("secret"), "name")
    for one in spec.get("imagePullSecrets", []):
        yield str(one["name"])


def _of_gateway(spec: dict[str, Any]) -> Iterator[str]:
    """Certificates of its listeners that are secrets of its own namespace, as references are unless they say else."""
    for listener in spec.get("listeners", []):
        for one in listener.get("tls", {}).get("certificateRefs", []):
            if one.get("kind", "Secret") == "Secret" and not one.get("namespace"):
                yield str(one["name"])


def _required(reference: dict[str, Any] | None, key: str) -> Iterator[str]:
    if reference and not reference.get("optional"):
        yield str(reference[key])


def _made_later(objects: tuple[Object, ...]) -> set[str]:
    """Those that an operator makes from an object of the overlay."""
    found: set[str] = set()
    for item in objects:
        name, spec = item["metadata"]["name"], item.get("spec", {})
        if item["kind"] == "ExternalSecret":
            found.add(spec.get("target", {}).get("name", name))
        elif item["kind"] == "Certificate":
            found.add(spec["secretName"])
        elif item["kind"] == "Cluster":  # of CloudNativePG
            found |= {f"{name}-{part}" for part in ("app", "superuser", "ca", "server", "replication")}
    return found
