"""What the account of each stage must be allowed in the platform's namespace, and no more
(k8s/components/readiness-rights)."""

from dataclasses import dataclass

from readiness.clients.kubernetes.journal_page import NAME as JOURNAL
from readiness.clients.kubernetes.rendering import Object

NOT_APPLIED = frozenset({"Namespace", "ServiceAccount", "Role", "RoleBinding", "Secret"})
"""What whoever sets the environment up applies once: a run makes no rights and no secrets."""


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
    | _rights("", "events resourcequotas", "get list")
    | _rights("", "pods/log namespaces", "get")
    | _rights("apps", "deployments statefulsets", "get list watch")
    | _rights("autoscaling", "horizontalpodautoscalers", "get list")
)
DRILL = (
    _rights("", "pods", "delete")
    | _rights("", "pods/eviction", "create")
    | _rights("", "configmaps", "create")
    | _rights("", "configmaps", "get patch delete", JOURNAL)
    | _rights("apps", "deployments/scale statefulsets/scale", "get patch")
    | _rights("autoscaling", "horizontalpodautoscalers", "patch")
    | _rights("networking.k8s.io", "networkpolicies", "get list patch")
)
CLAIM = _rights("coordination.k8s.io", "leases", "create get patch")
"""Of the account that takes and gives back the environment."""


def deploying(objects: tuple[Object, ...]) -> frozenset[Right]:
    """What it takes to apply the objects: each is read, created or changed, none is deleted."""
    found: set[Right] = set()
    for item in objects:
        group = item["apiVersion"].rpartition("/")[0]
        if item["kind"] not in NOT_APPLIED and group != "postgresql.cnpg.io":
            found |= _rights(group, _plural(item["kind"]), "get create patch")
    return frozenset(found) | CLAIM


def _plural(kind: str) -> str:
    """The resource of a kind, as the API's conventions form it."""
    name = kind.lower()
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}es" if name.endswith("s") else f"{name}s"
