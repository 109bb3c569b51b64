"""More, or less, that can be reached and done: network policies, roles, bindings; and keys that nobody knows."""

from collections.abc import Iterator

from manifests.damages import GONE, Path, Place, damage
from manifests.damages.places import containers, parts, pods
from manifests.objects import Manifests, at

ENDS = {"ingress": "from", "egress": "to"}
OPEN = "exactly-the-drawn-lines-are-open"


def _rules(manifests: Manifests) -> Iterator[tuple[dict[str, object], Path, str]]:
    for item in manifests.of("NetworkPolicy"):
        for direction, ends in ENDS.items():
            for rule in parts(item, "spec", direction):
                yield item, rule, ends


@damage(OPEN)
def a_policy_is_wider(manifests: Manifests) -> Iterator[Place]:
    for item, rule, ends in _rules(manifests):
        yield item, (*rule, ends), GONE
        for peer in parts(item, *rule, ends):
            if at(item, *peer, "ipBlock"):
                yield item, peer, {"ipBlock": {"cidr": "0.0.0.0/0"}}
            for selector in ("namespaceSelector", "podSelector"):
                if at(item, *peer, selector, "matchLabels"):
                    yield item, (*peer, selector), {}
    for item, rule, _ in _rules(manifests):
        if item["metadata"]["name"] != "stages-to-archive":  # nothing else listens behind it
            yield item, (*rule, "ports"), GONE


@damage(OPEN)
def a_policy_is_narrower(manifests: Manifests) -> Iterator[Place]:
    for item, rule, ends in _rules(manifests):
        yield item, rule, GONE
        for port in parts(item, *rule, "ports"):
            yield item, (*port, "port"), 1
            yield item, (*port, "protocol"), "SCTP"
        for peer in parts(item, *rule, ends):
            for selector in ("namespaceSelector", "podSelector"):
                for label in parts(item, *peer, selector, "matchLabels"):
                    yield item, label, "nobody"


@damage(OPEN)
def a_policy_is_for_nobody(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("NetworkPolicy"):
        if item["metadata"]["name"] != "default-deny":
            yield item, ("spec", "podSelector"), {"matchLabels": {"nobody": "at-all"}}
            yield item, ("metadata", "namespace"), "elsewhere"


@damage("denies-by-default")
def nothing_is_denied(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("NetworkPolicy"):
        if item["metadata"]["name"] == "default-deny":
            yield item, ("metadata", "name"), "other"
            yield item, ("spec", "podSelector"), {"matchLabels": {"nobody": "at-all"}}
            yield item, ("spec", "policyTypes"), ["Ingress"]
            yield item, ("spec", "policyTypes"), ["Egress"]
            yield item, ("spec", "ingress"), [{}]
            yield item, ("spec", "egress"), [{}]


@damage("rights-are-the-least")
def a_right_too_many_or_too_few(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Role"):
        yield item, ("rules",), [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        size = len(at(item, "rules"))
        for resource, verb in (("secrets", "get"), ("roles", "escalate"), ("serviceaccounts/token", "create")):
            yield item, ("rules", size), {"apiGroups": [""], "resources": [resource], "verbs": [verb]}
        for rule in parts(item, "rules"):
            yield item, rule, GONE
            yield item, (*rule, "verbs"), ["*"]
            yield item, (*rule, "resources"), ["*"]
            yield item, (*rule, "verbs"), at(item, *rule, "verbs")[1:]
            yield item, (*rule, "resourceNames"), ["one"]
        yield item, ("metadata", "name"), "other"


@damage("nothing-is-granted-beyond-a-namespace")
def a_right_everywhere(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("Role"):
        yield item, ("kind",), "ClusterRole"
    for item in manifests.of("RoleBinding"):
        yield item, ("kind",), "ClusterRoleBinding"


@damage("rights-are-in-the-right-hands")
def a_right_in_other_hands(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("RoleBinding"):
        yield item, ("roleRef", "name"), "admin"
        yield item, ("roleRef", "kind"), "ClusterRole"
        yield item, ("metadata", "name"), "other"
        yield item, ("subjects",), []
        anybody = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:authenticated"}
        yield item, ("subjects", len(at(item, "subjects"))), anybody
        for subject in parts(item, "subjects"):
            yield item, (*subject, "name"), "default"
            if at(item, *subject, "namespace"):
                yield item, (*subject, "namespace"), "readiness-another"
                yield item, (*subject, "kind"), "User"


@damage("stages-have-a-bound")
def a_bound_is_removed(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.of("ResourceQuota"):
        for key in parts(item, "spec", "hard"):
            yield item, key, GONE


@damage("is-what-kubernetes-takes", alone=True)
def a_key_that_nobody_knows(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.objects:
        yield item, ("sepc",), {}
        if "spec" in item:
            yield item, ("spec", "misspelt"), 1
    for item, pod in pods(manifests):
        yield item, (*pod, "securtyContext"), {}
    for item, path in containers(manifests):
        yield item, (*path, "resource"), {}
        for variable in parts(item, *path, "env"):
            yield item, (*variable, "value"), 1


@damage("is-what-kubernetes-takes", alone=True)
def a_kind_that_there_is_not(manifests: Manifests) -> Iterator[Place]:
    for item in manifests.objects:
        yield item, ("apiVersion",), "phantommesh.io/v9"
