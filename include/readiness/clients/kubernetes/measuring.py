"""Where the Prometheus of the platform's namespace answers: its pods, as the API server reports them."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from readiness.clients.address import AddressError, require_allowed
from readiness.clients.kubernetes.kubectl import PATIENCE_S, Kubectl
from readiness.clients.kubernetes.pods import pod_of
from readiness.clients.target_process import TargetError
from readiness.model.kubernetes_environment import KubernetesEnvironment


@dataclass(frozen=True)
class Measuring:
    """One replica of Prometheus. ``url``: scheme, host and port."""

    pod: str
    url: str


def prometheus_replicas(kubectl: Kubectl, environment: KubernetesEnvironment) -> tuple[Measuring, ...]:
    """Those that there are, the ready ones first, each kind by name. Raises TargetError, also for an address that must
    not be asked."""
    source = environment.observation.of_prometheus
    items = kubectl.items("pods", patience_s=PATIENCE_S)
    pods = [pod_of(item) for item in items]
    there = [pod for pod in pods if source is not None and pod.component == source.component and not pod.over]
    found = [Measuring(pod.name, pod.admin_url) for pod in sorted(there, key=lambda pod: (not pod.ready, pod.name))
             if pod.admin_url is not None]  # fmt: skip
    for one in found:
        _require_in_cluster(environment, one)
    return tuple(found)


def _require_in_cluster(environment: KubernetesEnvironment, one: Measuring) -> None:
    host = (urlsplit(one.url).hostname or "").strip("[]")
    address = ipaddress.ip_address(host)
    networks = [ipaddress.ip_network(text) for text in environment.cluster.networks]
    ours = any(address.version == network.version and address in network for network in networks)
    try:
        require_allowed(one.url, (host,) if ours else ())
    except AddressError as error:
        raise TargetError(
            f"{one.pod}: {error}; name the networks of the cluster's pods under cluster.networks of the environment "
            f"{environment.name}, if that is where it is"
        ) from error
