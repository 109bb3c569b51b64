"""Who can reach whom: what the policies of an environment allow together, against the lines that are drawn.

The policies are evaluated as https://kubernetes.io/docs/concepts/services-networking/network-policies/ says: a pod that
some policy selects for a direction may do in it what one of them allows, and a line inside needs both of its ends.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

from manifests.checks import check
from manifests.objects import NAME_LABEL, Manifests, Object, at

SECOND = "second-postgres"  # where PostgreSQL is a cluster
Port = tuple[str, int]
Line = tuple[str, str, str, int]
ENDS_OF_THE_CLUSTER = (("postgres", SECOND), (SECOND, "postgres"))
STRAY: tuple[Port, ...] = (("TCP", 22), ("TCP", 80), ("TCP", 9999), ("UDP", 9999))
TCP_ANYWHERE = (53, 443, 587, 5432, 6443, 7070, 8000, 8080, 8443, 9090)


@dataclass(frozen=True)
class Peer:
    """A pod, or an address outside."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    address: str | None = None
    ours: bool = False


def _world(manifests: Manifests) -> tuple[list[Peer], dict[str, dict[str, str]]]:
    """Everybody who may speak or be spoken to, and the labels of the namespaces."""
    environment = manifests.environment
    namespaces = {
        item["metadata"]["name"]: {
            "kubernetes.io/metadata.name": item["metadata"]["name"], **at(item, "metadata", "labels", default={})
        }
        for item in manifests.of("Namespace")
    }  # fmt: skip
    for name in ("kube-system", "traefik", "keda", "s3", "elsewhere", "cnpg-system"):
        namespaces[name] = {"kubernetes.io/metadata.name": name}
    for holds in ("platform", "readiness"):
        namespaces[f"another-{holds}"] = {"phantommesh.io/holds": holds, "phantommesh.io/environment": "another"}
    stages = f"readiness-{environment}"
    names = sorted({item.name for item in manifests.workloads()})
    peers = [Peer(item.name, item.namespace, item.labels, ours=True) for item in manifests.workloads()]
    peers += [
        Peer("stage", stages, ours=True),
        Peer("stage-with-api", stages, {"phantommesh.io/uses-api": "true"}, ours=True),
        Peer("dns", "kube-system", {"k8s-app": "kube-dns"}), Peer("kube-system", "kube-system"),
        Peer("traefik", "traefik", {NAME_LABEL: "traefik"}), Peer("keda", "keda"), Peer("s3", "s3"),
        Peer("elsewhere", "elsewhere"), Peer("in-traefik", "traefik", {NAME_LABEL: "other"}),
        Peer("false-dns", "elsewhere", {"k8s-app": "kube-dns"}),
        Peer("false-traefik", "elsewhere", {NAME_LABEL: "traefik"}),
        Peer("false-operator", "elsewhere", {NAME_LABEL: "cloudnative-pg"}), Peer("in-cnpg-system", "cnpg-system"),
        Peer("operator", "cnpg-system", {NAME_LABEL: "cloudnative-pg"}),
        *(Peer(f"another-{name}", "another-platform", {NAME_LABEL: name}) for name in names),
        Peer("another-stage", "another-readiness"),
        Peer("internet", address="203.0.113.7"), Peer("private-network", address="10.20.30.40"),
        Peer("node-metadata", address="169.254.169.254"),
    ]  # fmt: skip
    for cluster in manifests.of("Cluster"):
        inherited = at(cluster, "spec", "inheritedMetadata", "labels", default={})
        labels = {"cnpg.io/cluster": str(at(cluster, "metadata", "name")), **inherited}
        namespace = str(at(cluster, "metadata", "namespace"))
        peers += [Peer(name, namespace, labels, ours=True) for name in ("postgres", SECOND)]
    return peers, namespaces


def _selects(selector: Object | None, labels: dict[str, str]) -> bool:
    """Whether a label selector selects; None selects nothing, an empty one everything."""
    if selector is None:
        return False
    if not at(selector, "matchLabels", default={}).items() <= labels.items():
        return False
    for rule in selector.get("matchExpressions", []):
        has, value = rule["key"] in labels, labels.get(rule["key"])
        if not {"In": value in rule.get("values", []), "NotIn": value not in rule.get("values", []), "Exists": has,
                "DoesNotExist": not has}[rule["operator"]]:  # fmt: skip
            return False
    return True


def _is_meant(rule: Object, peer: Peer, namespace: str, namespaces: dict[str, dict[str, str]]) -> bool:
    if "ipBlock" in rule:
        if peer.address is None:
            return False  # a pod's own address: what it may take is in its policies
        address = ipaddress.ip_address(peer.address)
        excepted = any(address in ipaddress.ip_network(item) for item in at(rule, "ipBlock", "except", default=[]))
        return address in ipaddress.ip_network(rule["ipBlock"]["cidr"]) and not excepted
    if peer.address is not None:
        return False
    if "namespaceSelector" in rule:
        if not _selects(rule["namespaceSelector"], namespaces.get(peer.namespace, {})):
            return False
    elif peer.namespace != namespace:
        return False
    return "podSelector" not in rule or _selects(rule["podSelector"], peer.labels)


def _ports(rule: Object, universe: frozenset[Port]) -> set[Port]:
    stated = rule.get("ports")
    if not stated:
        return set(universe)
    found: set[Port] = set()
    for port in stated:
        protocol, first = port.get("protocol", "TCP"), port.get("port")
        last = port.get("endPort", first)
        found |= {item for item in universe if item[0] == protocol and (first is None or first <= item[1] <= last)}
    return found


class _Policies:
    """What all policies of an environment allow."""

    def __init__(self, manifests: Manifests) -> None:
        self.peers, self._namespaces = _world(manifests)
        self._policies = manifests.of("NetworkPolicy")
        ports = {("TCP", port) for item in manifests.workloads() for port in item.ports().values()}
        self.universe = frozenset({*ports, *STRAY, ("UDP", 53), *(("TCP", port) for port in TCP_ANYWHERE)})

    def allowed(self, of: Peer, direction: str) -> set[tuple[str, Port]]:
        """(peer's name, port) in a direction: Ingress or Egress."""
        key, ends = direction.lower(), {"Ingress": "from", "Egress": "to"}[direction]
        applying = [
            policy for policy in self._policies
            if at(policy, "metadata", "namespace") == of.namespace
            and direction in at(policy, "spec", "policyTypes", default=[])
            and _selects(at(policy, "spec", "podSelector"), of.labels)
        ]  # fmt: skip
        if not applying:
            return {(peer.name, port) for peer in self.peers for port in self.universe}
        return {
            (peer.name, port)
            for policy in applying
            for rule in at(policy, "spec", key, default=None) or []
            for peer in self.peers
            if not rule.get(ends) or any(_is_meant(part, peer, of.namespace, self._namespaces) for part in rule[ends])
            for port in _ports(rule, self.universe)
        }

    def ends(self) -> tuple[set[Line], set[Line]]:
        """What our pods may send, and what they may receive: from, to, protocol, port."""
        ours = [peer for peer in self.peers if peer.ours]
        sent = {(peer.name, other, *port) for peer in ours for other, port in self.allowed(peer, "Egress")}
        received = {(other, peer.name, *port) for peer in ours for other, port in self.allowed(peer, "Ingress")}
        return tuple({line for line in lines if line[0] != line[1]} for lines in (sent, received))  # type: ignore[return-value]


def drawn(manifests: Manifests) -> set[Line]:
    """The lines that there are to be."""
    environment = manifests.environment
    ours = [peer.name for peer in _world(manifests)[0] if peer.ours]
    lines = {
        ("automation", "postgres", 5432), ("automation", "vpn-core", 8090), ("automation", "valkey", 6379),
        ("vpn-core", "postgres", 5432), ("prometheus", "automation", 8081), ("prometheus", "vpn-core", 8091),
        ("grafana", "prometheus", 9090), ("prometheus", "private-network", 443),
        ("prometheus", "private-network", 6443), ("traefik", "automation", 8080), ("traefik", "prometheus", 9090),
        ("traefik", "grafana", 3000), ("stage-with-api", "private-network", 443),
        ("stage-with-api", "private-network", 6443),
    }  # fmt: skip
    for stage in ("stage", "stage-with-api"):
        lines |= {(stage, "automation", port) for port in (8080, 8081)}
        lines |= {(stage, "vpn-core", port) for port in (8090, 8091)} | {(stage, "prometheus", 9090)}
        lines.add((stage, "traefik", 8443))
        lines |= {(stage, "sink", 8070), (stage, "s3", 7070)} if environment == "dev" else {(stage, "internet", 443)}
    if environment == "dev":
        lines |= {("automation", "sink", 8070), ("automation", "sink", 8025)}
    else:
        lines |= {("automation", "internet", 443), ("automation", "internet", 587), ("keda", "prometheus", 9090)}
        lines |= {("backup", "postgres", 5432)}
    if environment == "prod":
        lines |= {("operator", "postgres", 8000), ("operator", "postgres", 5432)}
        lines |= {("postgres", "private-network", 443), ("postgres", "private-network", 6443)}
        second = {tuple(SECOND if end == "postgres" else end for end in line) for line in lines}
        lines |= second  # type: ignore[arg-type]
        lines |= {(one, other, port) for one, other in ENDS_OF_THE_CLUSTER for port in (5432, 8000)}
    whole = {(source, target, "TCP", port) for source, target, port in lines}
    return whole | {(name, "dns", protocol, 53) for name in ours for protocol in ("TCP", "UDP")}


@check("a line too many is a way for an intruder; a line too few is an outage")
def exactly_the_drawn_lines_are_open(manifests: Manifests) -> Iterator[str]:
    policies = _Policies(manifests)
    wanted, ours = drawn(manifests), {peer.name for peer in policies.peers if peer.ours}
    # Each end by itself: one that is too wide is one fault away from an open line.
    for lines, mine, verb in zip(policies.ends(), (0, 1), ("send", "receive"), strict=True):
        due = {line for line in wanted if line[mine] in ours}
        for source, target, protocol, port in sorted(lines - due):
            yield f"NetworkPolicy: {(source, target)[mine]} may {verb}: {source} to {target}, {protocol} {port}"
        for source, target, protocol, port in sorted(due - lines):
            yield f"NetworkPolicy: {(source, target)[mine]} may not {verb}: {source} to {target}, {protocol} {port}"


@check("a pod that no policy selects may do everything: a new component must begin with nothing")
def denies_by_default(manifests: Manifests) -> Iterator[str]:
    for namespace in manifests.of("Namespace"):
        name = str(at(namespace, "metadata", "name"))
        policy = manifests.find("NetworkPolicy", "default-deny", name)
        spec = at(policy, "spec", default={})
        if spec.get("podSelector") != {} or sorted(spec.get("policyTypes", [])) != ["Egress", "Ingress"]:
            yield f"Namespace {name}: NetworkPolicy default-deny does not select every pod for both directions"
        if spec.get("ingress") or spec.get("egress"):
            yield f"Namespace {name}: NetworkPolicy default-deny allows something"
