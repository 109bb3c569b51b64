"""Whether the account in use, and those of the stages, have the rights that they need."""

from collections.abc import Iterator
from typing import Any

from readiness.clients.kubernetes.doctor.ground import Ground
from readiness.clients.kubernetes.kubectl import Kubectl, KubectlError
from readiness.clients.kubernetes.rights import OBSERVE, Right, deploying, drilling
from readiness.model.finding import Finding, fine, problem, unknown
from readiness.model.kubernetes_environment import IN_CLUSTER

_MOST_NAMED = 4
_REVIEW = ("create", "--filename=-", "--output=json", "--validate=ignore")
"""Without a check of its fields, for which kubectl would look through the kinds of the whole cluster."""


def rights(ground: Ground) -> Iterator[Finding]:
    """Of the account in use: all of them, unless it is a stage's own. Where it may act as another, those of every
    stage's account, too."""
    accounts = _accounts(ground)
    me = _who(ground.kubectl)
    yield _finding(ground, "", me, accounts.get(me) or frozenset().union(*accounts.values()))
    if ground.kubectl.context == IN_CLUSTER or me in accounts:
        return
    for account, needed in accounts.items():
        try:
            yield _finding(ground, account, account, needed, "stages")
        except KubectlError as error:
            if error.kind != "forbidden":
                raise
            yield unknown("stages", f"this account may not ask on behalf of {account}; whoever may can run this, too")
            return


def _accounts(ground: Ground) -> dict[str, frozenset[Right]]:
    """The full name of each stage's account, with what it needs."""
    accounts, namespace = ground.environment.stages.accounts, ground.environment.stages.namespace
    needs = {accounts.deploy: OBSERVE | deploying(ground.objects), accounts.drill: OBSERVE | drilling(ground.objects),
             accounts.observe: OBSERVE}  # fmt: skip
    return {f"system:serviceaccount:{namespace}:{name}": needed for name, needed in needs.items()}


def _who(kubectl: Kubectl) -> str:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = kubectl.json(*_REVIEW, stdin=review, namespaced=False)
    return str(answer["status"]["userInfo"].get("username", "this account"))


def _finding(ground: Ground, acting_as: str, who: str, needed: frozenset[Right], check: str = "rights") -> Finding:
    namespace = ground.kubectl.namespace
    status = _rules(ground.kubectl, acting_as)
    missing = sorted(right for right in needed if not any(_grants(rule, right) for rule in status["resourceRules"]))
    short = who.rpartition(":")[2]
    if not missing:
        return fine(check, f"{short} has what it needs in {namespace}")
    named = ", ".join(map(str, missing[:_MOST_NAMED]))
    more = f" and {len(missing) - _MOST_NAMED} more rights" if len(missing) > _MOST_NAMED else ""
    if status.get("incomplete"):
        return unknown(check, f"not all rights of {short} in {namespace} are known; it may lack {named}{more}")
    return problem(check, f"{short} may not {named}{more} in {namespace}; let an administrator apply the roles of "
                   f"k8s/components/readiness-rights ({ground.set_up}) or bind them to that account")  # fmt: skip


def _rules(kubectl: Kubectl, acting_as: str) -> dict[str, Any]:
    """The API server's own list of what an account may do. The review is answered and not kept."""
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
              "spec": {"namespace": kubectl.namespace}}  # fmt: skip
    on_behalf = [f"--as={acting_as}"] if acting_as else []
    answer = kubectl.json(*_REVIEW, *on_behalf, stdin=review, namespaced=False)
    status: dict[str, Any] = answer["status"]
    return status


def _grants(rule: dict[str, Any], right: Right) -> bool:
    names = rule.get("resourceNames") or []
    # What is for some names is not for all; "*/scale" is for that part of whatever there is.
    part = f"*/{right.resource.partition('/')[2]}"
    return (
        (not names or right.name in names)
        and not {"*", right.group}.isdisjoint(rule.get("apiGroups") or [])
        and not {"*", right.verb}.isdisjoint(rule.get("verbs") or [])
        and not {"*", right.resource, part}.isdisjoint(rule.get("resources") or [])
    )
