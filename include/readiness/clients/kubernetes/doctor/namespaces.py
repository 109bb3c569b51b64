"""The two namespaces of an environment: there, its own, and with what a run needs in them."""

from collections.abc import Iterator
from typing import Any

from readiness.clients.kubernetes.doctor.ground import Ground
from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.model.finding import Finding, fine, problem

_MARKS = ("phantommesh.io/holds", "phantommesh.io/environment")
_HELM = "meta.helm.sh/release-name"


def namespace(ground: Ground) -> Iterator[Finding]:
    """The platform's namespace is there, and no other release's."""
    name = ground.kubectl.namespace
    found = ground.kubectl.find("namespace", name, namespaced=False)
    if found is None:
        yield problem("namespace", f"there is no namespace {name}; set the environment up once: {ground.set_up} "
                      "(docs/deployment.md)")  # fmt: skip
        return
    if "deletionTimestamp" in found["metadata"]:
        yield problem("namespace", f"the namespace {name} is being deleted; once it is gone: {ground.set_up}")
        return
    owner = _another(ground, found) or _helm_release(ground)
    if owner:
        yield problem("namespace", f"the namespace {name} belongs to {owner}; name another one in the overlay and "
                      "under cluster.namespace of the environment file, or remove that release first")  # fmt: skip
        return
    yield fine("namespace", f"{name} is this environment's")


def _another(ground: Ground, found: dict[str, Any]) -> str:
    """Who the namespace says that it is of, if that is not this environment."""
    wanted = next((item for item in ground.objects if item["kind"] == "Namespace"), None)
    if wanted is None:
        return ""
    labels, ours = found["metadata"].get("labels", {}), wanted["metadata"].get("labels", {})
    if all(labels.get(mark) == ours.get(mark) for mark in _MARKS):
        return ""
    says = ", ".join(f"{mark}: {labels[mark]}" for mark in _MARKS if mark in labels)
    return f"another release (its labels say {says})" if says else f"something else (it has no label {_MARKS[0]})"


def _helm_release(ground: Ground) -> str:
    """The Helm release that keeps objects of the overlay's names, whose next upgrade would take them back."""
    for item in ground.kubectl.items("deployments"):
        release = item["metadata"].get("annotations", {}).get(_HELM)
        if release:
            return f"the Helm release {release} (of the deployment {item['metadata']['name']})"
    return ""


def stages(ground: Ground) -> Iterator[Finding]:
    """The stages' namespace is there with the accounts and the secrets that the environment file names."""
    kubectl, pods = ground.stages, ground.environment.stages
    if kubectl.find("namespace", kubectl.namespace, namespaced=False) is None:
        yield problem("stages", f"there is no namespace {kubectl.namespace}, where the stages run; set the environment "
                      f"up once: {ground.set_up} (docs/deployment.md)")  # fmt: skip
        return
    there = {item["metadata"]["name"] for item in kubectl.items("serviceaccounts")}
    accounts = pods.accounts
    wanted = {accounts.deploy, accounts.drill, accounts.observe, accounts.default}
    if lost := sorted(wanted - there):
        yield problem("stages", f"the namespace {kubectl.namespace} has no service account {', '.join(lost)}; "
                      f"{ground.set_up} makes those of k8s/base/readiness-runner")  # fmt: skip
        return
    there, named = secret_names(kubectl), ground.environment.cluster.ingress
    if named is not None and named.secret is not None and named.secret not in there:
        yield problem("stages", f"the namespace {kubectl.namespace} has no secret {named.secret}, with which the "
                      f"stages come through the ingress; make it: kubectl -n {kubectl.namespace} create secret generic "
                      f"{named.secret}, with the READINESS_ variables of docs/deployment.md")  # fmt: skip
        return
    secret = pods.archive.secret
    if secret not in there:
        yield problem("stages", f"the namespace {kubectl.namespace} has no secret {secret}, with which the stages "
                      f"reach {pods.archive.url}; make it: kubectl -n {kubectl.namespace} create secret generic "
                      f"{secret} --from-env-file=FILE, with the AWS_* variables of docs/deployment.md")  # fmt: skip
        return
    yield fine("stages", f"{kubectl.namespace} has the accounts and the secrets of the stages")


def secret_names(kubectl: Kubectl) -> set[str]:
    """Raises KubectlError, "forbidden" for most accounts. Names only: no secret's content is asked for."""
    printed = kubectl.call("get", "secrets", "--output=name")
    return {line.removeprefix("secret/") for line in printed.split()}
