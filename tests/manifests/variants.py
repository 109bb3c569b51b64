"""Overlays with a component that no environment has by default."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from manifests.rendering import with_example_secrets

OPEN = "exactly-the-drawn-lines-are-open"
GENERATED = "  - {name: phantommesh-secrets, envs: [secrets.env]}\n"
Edit = Callable[[str], str]


@dataclass(frozen=True)
class Variant:
    """An overlay with an edit of its platform's kustomization, and the words of each complaint that is expected."""

    environment: str
    edit: Edit
    expected: tuple[str, ...] = ()

    def written(self, target: Path) -> Path:
        """Its overlay, in a copy of k8s/."""
        overlay = with_example_secrets(target) / "overlays" / self.environment
        file = overlay / "platform" / "kustomization.yaml"
        file.write_text(self.edit(file.read_text()))
        return overlay


def _instead(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


def _with(component: str) -> Edit:
    return _instead("components:\n", f"components:\n  - ../../../components/{component}\n")


VARIANTS = {
    "gateway-api": Variant(
        "dev", _instead("components/ingress", "components/gateway-api"),
        ("the-way-in-is-guarded: IngressRoute phantommesh",  # its routes are of another kind, and so are the rights
         "rights-are-the-least: Role readiness-deploy: may create, get, patch gateway.networking.k8s.io/gateways",
         "rights-are-the-least: Role readiness-deploy: may create, get, patch gateway.networking.k8s.io/httproutes"),
    ),
    "load-balancer": Variant(
        "dev", _with("load-balancer"),
        (f"{OPEN}: NetworkPolicy: automation may receive: private-network to automation, TCP 8080",),
    ),
    "node-drain-rights": Variant(
        "dev", _with("node-drain-rights"),
        ("nothing-is-granted-beyond-a-namespace: ClusterRole readiness-node-drain-dev",
         "nothing-is-granted-beyond-a-namespace: ClusterRoleBinding readiness-node-drain-dev",
         "lives-in-its-namespace: ClusterRole readiness-node-drain-dev",
         "lives-in-its-namespace: ClusterRoleBinding readiness-node-drain-dev"),
    ),
    "cert-manager": Variant("dev", _with("cert-manager")),
    "external-secrets": Variant(
        "staging",
        lambda text: _with("external-secrets")(text).replace(GENERATED, ""),
    ),
    "autoscaling-hpa": Variant("staging", lambda text: _instead("autoscaling-keda", "autoscaling-hpa")(text)
                               .replace("  - path: address.yaml\n", ""),
                               (f"{OPEN}: NetworkPolicy: prometheus may not receive: keda",)),
}  # fmt: skip
