"""The way in for a run that is made outside of the cluster, from a person's shell: network policies let nobody in else.

It is open for the run, to the ports that are measured and from the networks that the environment names, and closed by
the teardown.
"""

from collections.abc import Collection
from typing import Any

from readiness.clients import platform_api
from readiness.clients.kubernetes.overlay import WORKLOADS, containers_of
from readiness.clients.kubernetes.pods import NAME_LABEL
from readiness.clients.kubernetes.rendering import Object
from readiness.clients.target_process import TargetError
from readiness.model.kubernetes_environment import KubernetesEnvironment

NAME = "readiness-from-outside"
_MEASURED = frozenset({"http", "admin"})
_ANSWER_S = 3.0


def way_in(environment: KubernetesEnvironment, objects: Collection[Object]) -> tuple[Object, ...]:
    """The policy that admits the networks to what is measured; nothing where the environment names none."""
    asked, ports = {*environment.components}, dict[str, set[int]]()
    if environment.observation.of_prometheus is not None:
        asked.add(environment.observation.of_prometheus.component)
    for item in objects:
        name = str(item["metadata"]["name"])
        if item["kind"] in WORKLOADS and name in asked:
            ports[name] = {int(port["containerPort"]) for one in containers_of(item) for port in one.get("ports", [])
                           if port.get("name") in _MEASURED}  # fmt: skip
    measured = sorted(name for name, found in ports.items() if found)
    if not environment.cluster.measured_from or not measured:
        return ()
    numbers = sorted(set().union(*ports.values()))
    policy: Object = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": NAME, "namespace": environment.cluster.namespace},
        "spec": {
            "podSelector": {"matchExpressions": [{"key": NAME_LABEL, "operator": "In", "values": measured}]},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"ipBlock": {"cidr": cidr}} for cidr in environment.cluster.measured_from],
                         "ports": [{"protocol": "TCP", "port": number} for number in numbers]}],
        },
    }  # fmt: skip
    return (policy,)


def require_reachable(environment: KubernetesEnvironment, status: dict[str, Any]) -> None:
    """Raises TargetError when no replica answers here at all: then it is the way that is missing, not the release."""
    urls = [part["admin_url"] for part in status["components"] if part["component"] == environment.under_load]
    known = [url for url in urls if url]
    if known and not any(platform_api.get_status(f"{url}/readyz", _ANSWER_S) for url in known):
        raise TargetError(
            f"all is ready in the cluster, but {known[0]} gives no answer here: run in a pod of the cluster, or route "
            "its pods and services to this machine and name its address (as 172.18.0.1/32) under cluster.measured_from "
            f"of the environment {environment.name}, so that network policies let it in"
        )
