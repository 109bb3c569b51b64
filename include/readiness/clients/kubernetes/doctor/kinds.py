"""Kinds of objects that a cluster has only when something has been installed in it, and the metrics that scale."""

from collections.abc import Iterator

from readiness.clients.kubernetes.doctor.ground import Ground
from readiness.clients.kubernetes.kubectl import Kubectl, KubectlError
from readiness.model.finding import Finding, fine, problem

_OF_EVERY_CLUSTER = frozenset(
    {"", "apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io"}
)
_INSTALL = {
    "keda.sh": "KEDA: install it (https://keda.sh/docs/latest/deploy), or take components/autoscaling-hpa instead",
    "traefik.io": "Traefik: install it (https://doc.traefik.io/traefik/getting-started/install-traefik), or leave "
                  "components/ingress out",
    "gateway.networking.k8s.io": "the Gateway API: install it (https://gateway-api.sigs.k8s.io/guides), or take "
                                 "components/ingress instead",
    "cert-manager.io": "cert-manager: install it (https://cert-manager.io/docs/installation), or leave "
                       "components/cert-manager out and make the certificate by hand",
    "postgresql.cnpg.io": "CloudNativePG: install it (https://cloudnative-pg.io/docs), or leave components/cnpg out",
    "external-secrets.io": "External Secrets: install it (https://external-secrets.io), or leave "
                           "components/external-secrets out",
}  # fmt: skip


def plurals(kubectl: Kubectl, api_version: str) -> dict[str, str] | None:
    """Kind -> name of its resource ("ScaledObject" -> "scaledobjects"); None if the cluster has no such version."""
    path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    try:
        answer = kubectl.json("get", f"--raw={path}", namespaced=False)
    except KubectlError as error:
        if error.kind != "notfound":
            raise
        return None
    return {item["kind"]: item["name"] for item in answer.get("resources", []) if "/" not in item["name"]}


def kinds(ground: Ground) -> Iterator[Finding]:
    """Every kind of the overlay is one that the cluster has."""
    wanted: dict[str, set[str]] = {}
    for item in ground.objects:
        if item["apiVersion"].rpartition("/")[0] not in _OF_EVERY_CLUSTER:
            wanted.setdefault(item["apiVersion"], set()).add(item["kind"])
    missing = False
    for version, names in sorted(wanted.items()):
        lost = sorted(names - set(plurals(ground.kubectl, version) or {}))
        if lost:
            missing = True
            group = version.rpartition("/")[0]
            yield problem("kinds", f"the cluster has no {', '.join(lost)} ({version}), which "
                          f"{ground.environment.cluster.overlay} uses; they come with "
                          f"{_INSTALL.get(group, f'what defines {group}: install that')}")  # fmt: skip
    if not missing:
        yield fine("kinds", f"the cluster has every kind of {ground.environment.cluster.overlay}")


def metrics(ground: Ground) -> Iterator[Finding]:
    """What scales by processor or memory needs the metrics API."""
    scaled = [item for item in ground.objects if item["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
    if not scaled:
        yield fine("metrics", "nothing scales by itself")
        return
    try:
        ground.kubectl.json("get", "--raw=/apis/metrics.k8s.io/v1beta1", namespaced=False)
    except KubectlError as error:
        if error.kind not in ("notfound", "serviceunavailable"):
            raise
        names = ", ".join(sorted(f"{item['kind']} {item['metadata']['name']}" for item in scaled))
        yield problem("metrics", f"the cluster does not serve metrics.k8s.io ({error}), and {names} would scale "
                      "nothing; install metrics-server (https://github.com/kubernetes-sigs/metrics-server), on kind "
                      "with --kubelet-insecure-tls")  # fmt: skip
        return
    yield fine("metrics", "the metrics API answers")
