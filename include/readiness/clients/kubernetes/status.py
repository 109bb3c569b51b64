"""The target's status (docs/platform-api.md) from what the API server reports of its pods and services."""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from readiness.clients.address import AddressError, require_allowed
from readiness.clients.kubernetes.pods import NAME_LABEL, Pod, version_of
from readiness.clients.target_process import TargetError
from readiness.model.kubernetes_environment import SINK, KubernetesEnvironment

_PORT = "http"
VPN = "vpn-core"


def status_of(
    environment: KubernetesEnvironment,
    pods: Iterable[Pod],
    places: Mapping[str, str],
    services: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """Every pod of a declared component that is not ending, by its place. Raises TargetError for an address that must
    not be measured."""
    pods, services = tuple(pods), tuple(services)
    parts = sorted((_part(pod, places[pod.name]) for pod in pods), key=lambda part: _order(environment, part))
    versions = sorted({version_of(pod.image) for pod in pods if pod.component == environment.under_load})
    status = {
        "state": _state(environment, pods),
        "version": ", ".join(versions) or "none",
        "base_url": _url(environment.under_load, services, pods),
        "sink_url": _url(SINK, services, pods) if SINK in environment.components else None,
        "vpn_url": _url(VPN, services, pods) if VPN in environment.components else None,
        "components": parts,
    }
    _require_allowed(environment, status)
    return status


def _part(pod: Pod, replica: str) -> dict[str, Any]:
    return {
        "component": pod.component, "replica": replica, "admin_url": pod.admin_url, "pid": None, "ready": pod.ready,
        "pod": pod.name, "uid": pod.uid, "owner": pod.owner, "node": pod.node, "running": pod.running,
        "started_ns": pod.started_ns, "restarts": pod.restarts, "image": pod.image, "image_id": pod.image_id,
    }  # fmt: skip


def _order(environment: KubernetesEnvironment, part: Mapping[str, Any]) -> tuple[int, int, str]:
    replica = str(part["replica"])
    digits = replica.rpartition("-")[2]
    number = int(digits) if digits.isascii() and digits.isdigit() else 0
    return list(environment.components).index(str(part["component"])), number, replica


def _state(environment: KubernetesEnvironment, pods: tuple[Pod, ...]) -> str:
    if not pods:
        return "stopped"
    for name, component in environment.components.items():
        ready = [pod.ready for pod in pods if pod.component == name]
        if len(ready) < component.replicas or not all(ready):
            return "degraded"
    return "ready"


def _url(component: str, services: tuple[Mapping[str, Any], ...], pods: tuple[Pod, ...]) -> str | None:
    """The address of the Service that leads to the component: its own, or for one without, that of the first pod that
    is ready, else of the first. None while there is none."""
    for service in services:
        spec = service.get("spec", {})
        ports = [int(port["port"]) for port in spec.get("ports", []) if port.get("name") == _PORT]
        if spec.get("selector", {}).get(NAME_LABEL) != component or not ports:
            continue
        address = spec.get("clusterIP", "")
        if address and address != "None":
            return f"http://{f'[{address}]' if ':' in address else address}:{ports[0]}"
    behind = sorted((pod for pod in pods if pod.component == component), key=lambda pod: not pod.ready)
    return behind[0].admin_url if behind else None


def measured_addresses(environment: KubernetesEnvironment, status: Mapping[str, Any]) -> frozenset[str]:
    """Addresses in the status - so the API server has reported them - that lie in the cluster's networks."""
    networks = [ipaddress.ip_network(text) for text in environment.cluster.networks]
    found = set()
    for url in _urls(status):
        host = url.split("//", 1)[1].rsplit(":", 1)[0].strip("[]")
        address = ipaddress.ip_address(host)
        if any(address.version == network.version and address in network for network in networks):
            found.add(host)
    return frozenset(found)


def _urls(status: Mapping[str, Any]) -> list[str]:
    named = [status.get("base_url"), status.get("sink_url"), status.get("vpn_url")]
    return [str(url) for url in (*named, *(part["admin_url"] for part in status["components"])) if url]


def _require_allowed(environment: KubernetesEnvironment, status: Mapping[str, Any]) -> None:
    also = measured_addresses(environment, status)
    try:
        for url in _urls(status):
            require_allowed(url, also)
    except AddressError as error:
        raise TargetError(
            f"{error}; name the networks of the cluster's pods and services under cluster.networks of the environment "
            f"{environment.name}, if that is where it is"
        ) from error
