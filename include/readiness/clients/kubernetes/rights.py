"""What the account of each stage must be allowed in the platform's namespace, and no more
(k8s/components/readiness-rights)."""

from dataclasses import dataclass

from readiness.clients.kubernetes.claim import NAME as LEASE
from readiness.clients.kubernetes.journal_page import NAME as JOURNAL
from readiness.clients.kubernetes.overlay import applied
from readiness.clients.kubernetes.rendering import Object


@dataclass(frozen=True, order=True)
class Right:
    """``resource`` may have a part ("pods/log"); ``name``: of the one object that it is for, else empty."""

    group: str
    resource: str
    verb: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}" + (
            f" {self.name}" if self.name else ""
        )


def _rights(group: str, resources: str, verbs: str, name: str = "") -> frozenset[Right]:
    return frozenset(Right(group, resource, verb, name) for resource in resources.split() for verb in verbs.split())


OBSERVE = (
    _rights("", "pods services", "get list watch")
    | _rights("", "events resourcequotas", "list")
    | _rights("", "pods/log namespaces", "get")
    | _rights("apps", "deployments statefulsets daemonsets", "get list")
    | _rights("coordination.k8s.io", "leases", "get", LEASE)
)
DRILL = (
    _rights("", "pods", "delete")
    | _rights("", "pods/eviction", "create")
    | _rights("apps", "deployments/scale statefulsets/scale", "get patch")
    | _rights("networking.k8s.io", "networkpolicies", "get list patch")
    | _rights("", "configmaps", "create")
    | _rights("", "configmaps", "get patch delete", JOURNAL)
    | _rights("autoscaling", "horizontalpodautoscalers", "get patch")
)
"""Also to scale by KEDA, where the overlay does; to drain a node takes k8s/components/node-drain-rights."""
_DEPLOY = (
    _rights("coordination.k8s.io", "leases", "get create patch")
    | _rights("", "pods", "delete")
    | _rights("", "configmaps", "delete", JOURNAL)
    | _rights("apps", "deployments/scale statefulsets/scale", "get patch")
)


def drilling(objects: tuple[Object, ...]) -> frozenset[Right]:
    """What it takes to break a release that consists of the objects, and to take that back."""
    keda = any(item["kind"] == "ScaledObject" for item in objects)
    return DRILL | (_rights("keda.sh", "scaledobjects", "get patch") if keda else frozenset())


def deploying(objects: tuple[Object, ...]) -> frozenset[Right]:
    """What it takes to apply those of the objects that a validation applies - each is read, created or changed, none is
    deleted - and to put the release of before back; to claim the environment, and to take back what an interrupted
    drill left in it."""
    found: set[Right] = set()
    for item in applied(objects):
        found |= _rights(item["apiVersion"].rpartition("/")[0], _plural(item["kind"]), "get create patch")
    return frozenset(found) | _DEPLOY


def _plural(kind: str) -> str:
    """The resource of a kind, as the API's conventions form it."""
    name = kind.lower()
    if name.endswith("y") and name[-2] not in "aeiou":  # networkpolicies, but gateways
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"
