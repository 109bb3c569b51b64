"""What would be measured lies where it may be, and whether a partition would part anything."""

import ipaddress
from collections.abc import Iterator

from readiness.clients.address import AddressError, require_allowed
from readiness.clients.kubernetes.doctor.ground import Ground
from readiness.clients.kubernetes.kubectl import KubectlError
from readiness.model.finding import Finding, fine, problem, unknown

_ENFORCE = ("calico", "cilium", "antrea", "kube-router", "canal", "weave-net", "ovnkube", "azure-npm")
"""Network plugins that enforce NetworkPolicies, by the beginnings of their DaemonSets' names."""


def networks(ground: Ground) -> Iterator[Finding]:
    """Every address of the platform's namespace may be loaded."""
    found = {item["spec"].get("clusterIP", "") for item in ground.kubectl.items("services")}
    found |= {item.get("status", {}).get("podIP", "") for item in ground.kubectl.items("pods")}
    found -= {"", "None"}
    others = [address for address in sorted(found) if not _may_be_loaded(ground, address)]
    if others:
        yield problem("networks", f"{others[0]} in {ground.kubectl.namespace} is in no network that may be loaded; "
                      "name the networks of its pods and services under cluster.networks")  # fmt: skip
    elif found:
        yield fine("networks", f"{len(found)} addresses in {ground.kubectl.namespace}, all of which may be loaded")
    else:
        yield unknown("networks", "nothing runs yet whose address could be looked at; cluster.networks of the "
                      "environment file must name the cluster's networks of pods and services")  # fmt: skip


def _may_be_loaded(ground: Ground, text: str) -> bool:
    address = ipaddress.ip_address(text)
    named = [ipaddress.ip_network(network) for network in ground.environment.cluster.networks]
    also = [text] if any(address.version == one.version and address in one for one in named) else []
    try:
        require_allowed(f"http://[{text}]" if address.version == 6 else f"http://{text}", also)
    except AddressError:
        return False
    return True


def policies(ground: Ground) -> Iterator[Finding]:
    """Whether NetworkPolicies are enforced, which no API tells: only the network plugin's name may."""
    try:
        names = [item["metadata"]["name"] for item in ground.kubectl.items("daemonsets", "-A", namespaced=False)]
    except KubectlError as error:
        if error.kind != "forbidden":
            raise
        names = []
    plugin = next((name for name in names if name.startswith(_ENFORCE)), None)
    if plugin is not None:
        yield fine("policies", f"{plugin} enforces NetworkPolicies")
        return
    yield unknown("policies", "nothing in the cluster says whether NetworkPolicies are enforced, and a partition would "
                  "part nothing where they are not; see that its network plugin does (Calico, Cilium, Antrea and "
                  "kube-router do, kind does from 0.24 on, Flannel alone does not)")  # fmt: skip
