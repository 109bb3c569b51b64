"""Who may do what with the cluster's API."""

from collections.abc import Iterator

from manifests.checks import check
from manifests.objects import Manifests, Object, at, title

_READ = ("get", "list", "watch")
_SCALE = dict.fromkeys(("apps/deployments/scale", "apps/statefulsets/scale"), ("get", "patch"))
# role -> {"group/resource", or "group/resource name" of one object: verbs}. A right that is added here is added to what
# an intruder may do: say why in the role.
RIGHTS: dict[str, dict[str, tuple[str, ...]]] = {
    "prometheus": {"pods": _READ},
    "run-stages": {
        "pods": ("create", "get", "list", "delete", "patch"), "pods/log": ("get",), "events": ("list",),
    },
    "readiness-observe": {
        "pods": _READ, "services": _READ, "pods/log": ("get",), "namespaces": ("get",),
        "events": ("list",), "resourcequotas": ("list",),
        **dict.fromkeys(("apps/deployments", "apps/statefulsets", "apps/daemonsets"), ("get", "list")),
        "coordination.k8s.io/leases readiness": ("get",),
    },
    "readiness-drill": {
        "pods": ("delete",), "pods/eviction": ("create",), **_SCALE,
        "networking.k8s.io/networkpolicies": ("get", "list", "patch"),
        "configmaps": ("create",), "configmaps readiness-drill-journal": ("get", "patch", "delete"),
        **dict.fromkeys(("autoscaling/horizontalpodautoscalers", "keda.sh/scaledobjects"), ("get", "patch")),
    },
    "readiness-deploy": {
        **dict.fromkeys(
            ("configmaps", "services", "persistentvolumeclaims", "policy/poddisruptionbudgets", "apps/deployments",
             "apps/statefulsets", "autoscaling/horizontalpodautoscalers", "networking.k8s.io/networkpolicies",
             "batch/cronjobs", "keda.sh/scaledobjects", "traefik.io/ingressroutes", "traefik.io/middlewares",
             "traefik.io/serverstransports", "coordination.k8s.io/leases"), ("get", "create", "patch")),
        "pods": ("delete",), "configmaps readiness-drill-journal": ("delete",), **_SCALE,
    },
}  # fmt: skip
# role -> who has it: namespace's beginning and account, or a group.
HOLDERS = {
    "prometheus": {("phantommesh", "prometheus")},
    "run-stages": {("", "phantommesh:airflow")},
    "readiness-observe": {("readiness", name) for name in ("stage-observe", "stage-drill", "stage-deploy")},
    "readiness-drill": {("readiness", "stage-drill")},
    "readiness-deploy": {("readiness", "stage-deploy")},
}


def _granted(role: Object) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rule in role.get("rules") or []:
        for group in rule.get("apiGroups", []):
            for resource in rule.get("resources", []):
                for name in rule.get("resourceNames") or [""]:
                    key = f"{group}/{resource} {name}".strip("/ ")
                    found.setdefault(key, set()).update(rule.get("verbs", []))
    return found


@check("each right is one that a component cannot do without; wildcards, secrets and roles are no such rights")
def rights_are_the_least(manifests: Manifests) -> Iterator[str]:
    for role in manifests.of("Role"):
        granted, wanted = _granted(role), RIGHTS.get(str(at(role, "metadata", "name")), {})
        for resource in sorted(granted.keys() | wanted.keys()):
            has, needs = granted.get(resource, set()), set(wanted.get(resource, ()))
            if has - needs:
                yield f"{title(role)}: may {', '.join(sorted(has - needs))} {resource}"
            if needs - has:
                yield f"{title(role)}: may not {', '.join(sorted(needs - has))} {resource}, which it needs"
        if any("nonResourceURLs" in rule for rule in role.get("rules") or []):
            yield f"{title(role)}: names paths, which this check does not understand"
    for missing in sorted(RIGHTS.keys() - {str(at(role, "metadata", "name")) for role in manifests.of("Role")}):
        yield f"Role {missing}: is not there"


@check("a validation of one environment must not be able to touch another")
def nothing_is_granted_beyond_a_namespace(manifests: Manifests) -> Iterator[str]:
    for item in manifests.of("ClusterRole", "ClusterRoleBinding"):
        yield f"{title(item)}: reaches every namespace"


@check("a right in the wrong hands")
def rights_are_in_the_right_hands(manifests: Manifests) -> Iterator[str]:
    environment = manifests.environment
    for binding in manifests.of("RoleBinding"):
        name = str(at(binding, "metadata", "name"))
        holders = set()
        for subject in binding.get("subjects", []):
            namespace = subject.get("namespace", "")
            account = str(subject.get("name"))
            if namespace and not namespace.endswith(f"-{environment}"):
                yield f"{title(binding)}: is given to {account} of {namespace}, another environment"
            if (subject.get("kind") == "ServiceAccount") is not bool(namespace):
                yield f"{title(binding)}: {account} is a {subject.get('kind')}"
            if namespace and manifests.find("ServiceAccount", account, namespace) is None:
                yield f"{title(binding)}: there is no account {account} in {namespace}"
            holders.add((namespace.removesuffix(f"-{environment}"), account))
        if holders != HOLDERS.get(name, set()):
            yield f"{title(binding)}: is held by {sorted(holders)}, not by {sorted(HOLDERS.get(name, set()))}"
        if (at(binding, "roleRef", "kind"), at(binding, "roleRef", "name")) != ("Role", name):
            yield f"{title(binding)}: gives {at(binding, 'roleRef', 'kind')} {at(binding, 'roleRef', 'name')}"
    bound = {str(at(item, "metadata", "name")) for item in manifests.of("RoleBinding")}
    for missing in sorted(HOLDERS.keys() - bound):
        yield f"RoleBinding {missing}: is not there"


@check("a run that goes astray must not take the machine from the platform that it measures")
def stages_have_a_bound(manifests: Manifests) -> Iterator[str]:
    quota = manifests.find("ResourceQuota", "stages", f"readiness-{manifests.environment}")
    for key in ("pods", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"):
        if at(quota, "spec", "hard", key) is None:
            yield f"ResourceQuota stages: bounds no {key}"
