"""What the stages' accounts may do, as the API server decides it: their stages, and nothing else that is tried."""

import pytest

from .installation import PLATFORM, STAGES
from .kubectl import Kubectl

pytestmark = pytest.mark.usefixtures("ready")
EVERYWHERE = "-A"
MAY = [
    ("stage-observe", "list pods", PLATFORM),
    ("stage-observe", "get deployments.apps", PLATFORM),
    ("stage-observe", "get pods/log", PLATFORM),
    ("stage-drill", "delete pods", PLATFORM),
    ("stage-observe", "get namespaces", PLATFORM),
    ("stage-drill", "patch networkpolicies.networking.k8s.io", PLATFORM),
    ("stage-drill", "patch statefulsets.apps/scale", PLATFORM),
    ("stage-drill", "create configmaps", PLATFORM),
    ("stage-drill", "create pods/eviction", PLATFORM),
    ("stage-deploy", "patch deployments.apps", PLATFORM),
    ("stage-deploy", "create configmaps", PLATFORM),
    ("stage-deploy", "patch leases.coordination.k8s.io", PLATFORM),
    ("stage-deploy", "patch serverstransports.traefik.io", PLATFORM),
    ("stage-deploy", "delete pods", PLATFORM),  # a StatefulSet does not replace a pod that never was ready
    # This installation has components/node-drain-rights; what is so without them tests/manifests says.
    *(
        (account, f"{verb} nodes", EVERYWHERE)
        for account in ("stage-drill", "stage-deploy")
        for verb in ("get", "patch")
    ),
]
MAY_NOT = [
    *((account, f"get {kind}", place)
      for account in ("stage", "stage-observe", "stage-drill", "stage-deploy")
      for kind in ("secrets", "pods")
      for place in (STAGES, "kube-system", "default")),
    *((account, "get secrets", PLATFORM) for account in ("stage", "stage-observe", "stage-drill", "stage-deploy")),
    *((account, "create pods/exec", "kube-system") for account in ("stage", "stage-drill", "stage-deploy")),
    ("stage", "list pods", PLATFORM),
    ("stage-observe", "delete pods", PLATFORM),
    ("stage-observe", "patch deployments.apps", PLATFORM),
    ("stage-observe", "create pods/exec", PLATFORM),
    ("stage-drill", "patch deployments.apps", PLATFORM),
    ("stage-drill", "create pods", PLATFORM),
    ("stage-drill", "create pods/exec", PLATFORM),
    ("stage-drill", "delete configmaps", PLATFORM),
    ("stage-drill", "create networkpolicies.networking.k8s.io", PLATFORM),
    ("stage-drill", "delete networkpolicies.networking.k8s.io", PLATFORM),
    ("stage-deploy", "create pods/exec", PLATFORM),
    ("stage-deploy", "delete services", PLATFORM),
    *((account, f"{verb} nodes", EVERYWHERE) for account in ("stage", "stage-observe") for verb in ("get", "patch")),
    *((account, f"{verb} nodes", EVERYWHERE)
      for account in ("stage-drill", "stage-deploy")
      for verb in ("create", "delete")),
    ("stage-deploy", "create roles.rbac.authorization.k8s.io", PLATFORM),
    ("stage-deploy", "create rolebindings.rbac.authorization.k8s.io", PLATFORM),
    ("stage-deploy", "patch namespaces", EVERYWHERE),
    ("stage-deploy", "escalate roles.rbac.authorization.k8s.io", PLATFORM),
    ("stage-deploy", "impersonate serviceaccounts", PLATFORM),
]  # fmt: skip


def _allowed(kubectl: Kubectl, account: str, what: str, place: str) -> bool:
    verb, _, kind = what.partition(" ")
    kind, _, part = kind.partition("/")
    where = ["-A"] if place == EVERYWHERE else ["-n", place]
    done = kubectl.run(
        "auth", "can-i", verb, kind, f"--subresource={part}", *where, f"--as=system:serviceaccount:{STAGES}:{account}"
    )
    # It warns of kinds that have no namespace, and ends with 1 for "no".
    assert done.stdout.strip() in ("yes", "no"), done.stderr
    return done.stdout.strip() == "yes"


@pytest.mark.parametrize(("account", "what", "place"), MAY)
def test_a_stage_can_do_its_work(kubectl: Kubectl, account: str, what: str, place: str) -> None:
    assert _allowed(kubectl, account, what, place)


@pytest.mark.parametrize(("account", "what", "place"), MAY_NOT)
def test_everything_else_is_refused(kubectl: Kubectl, account: str, what: str, place: str) -> None:
    assert not _allowed(kubectl, account, what, place)
