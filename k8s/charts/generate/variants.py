"""The kustomizations that the chart is made of: one that has everything, and one for each choice that a user has."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).resolve().parents[2]
ENVIRONMENT = "zzz"
"""The environment's name while the chart is made; the chart's value is put in its place."""
CONFIG = "CONFIGURATION"
GUARD = "write-the-digests-then-remove-this-line"
Objects = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Kustomization:
    """What one rendering is made of, below k8s/. patches: of the overlays, for the platform's objects."""

    resources: tuple[str, ...] = ("base", "base/sink")
    components: tuple[str, ...] = (
        "readiness-rights", "ingress", "autoscaling-hpa", "monitoring", "external-channels", "backup", "load-balancer",
    )  # fmt: skip
    patches: tuple[str, ...] = ("overlays/dev/platform/sink.yaml", "overlays/staging/platform/channels.yaml")
    readiness: tuple[str, ...] = ("overlays/dev/readiness/archive.yaml", "overlays/dev/readiness/sink.yaml")
    more: dict[str, Any] = field(default_factory=dict)

    def without(self, *parts: str) -> "Kustomization":
        """The same without these."""

        def left(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(name for name in names if name not in parts)

        return replace(self, resources=left(self.resources), components=left(self.components),
                       patches=left(self.patches), readiness=left(self.readiness))  # fmt: skip

    def with_component(self, name: str, instead_of: str = "") -> "Kustomization":
        """The same with another component, after those that are there."""
        kept = self.without(instead_of)
        return replace(kept, components=(*kept.components, name))


WHOLE = Kustomization()
# The condition, in the chart's values, under which an object is as this kustomization has it.
CHOICES: dict[str, Kustomization] = {
    "not .Values.sink.enabled": WHOLE.without(
        "base/sink", "overlays/dev/platform/sink.yaml", "overlays/dev/readiness/sink.yaml"
    ),
    "not .Values.channels.enabled": WHOLE.without("external-channels", "overlays/staging/platform/channels.yaml"),
    "not .Values.backup.enabled": WHOLE.without("backup"),
    "not .Values.alerts.enabled": WHOLE.without("monitoring"),
    "not .Values.loadBalancer.enabled": WHOLE.without("load-balancer"),
    'eq .Values.autoscaling "keda"': WHOLE.with_component("autoscaling-keda", "autoscaling-hpa"),
    'eq .Values.autoscaling "none"': WHOLE.without("autoscaling-hpa"),
    'eq .Values.ingress "gateway"': WHOLE.with_component("gateway-api", "ingress"),
    'eq .Values.ingress "none"': WHOLE.without("ingress"),
    'eq .Values.database "cnpg"': WHOLE.with_component("cnpg"),
}


def without_guard(example: str) -> str:
    """An example without the line by which kustomize refuses it. Its digests stay zeros, which the schema refuses."""
    return "".join(line for line in example.splitlines(True) if not line.startswith(GUARD))


def kubectl() -> str:
    """The one that the locked requirements brought, or another."""
    own = Path(sys.executable).parent / "kubectl"
    found = str(own) if own.is_file() else shutil.which("kubectl")
    if found is None:
        raise SystemExit("kubectl is not there; run: make setup")
    return found


def render_all() -> tuple[Objects, dict[str, Objects]]:
    """The objects of the whole, and of each choice."""
    with tempfile.TemporaryDirectory() as folder:
        k8s = Path(folder) / "k8s"
        shutil.copytree(K8S, k8s, ignore=shutil.ignore_patterns("charts", "secrets.env", "ingress-users"))
        return _render(k8s, WHOLE), {condition: _render(k8s, item) for condition, item in CHOICES.items()}


def _render(k8s: Path, kustomization: Kustomization) -> Objects:
    overlay = k8s / "overlays" / ENVIRONMENT
    shutil.rmtree(overlay, ignore_errors=True)
    _write(overlay, {"resources": ["platform", "readiness"], "components": ["../../components/environment"]})
    (overlay / "platform").mkdir()
    (overlay / "platform" / "config.yaml").write_text(CONFIG)
    patches = [{"patch": (k8s / name).read_text()} for name in kustomization.patches]
    if "autoscaling-keda" in kustomization.components:
        patches.append({"patch": _address(k8s)})
    _write(overlay / "platform", {
        "namespace": f"phantommesh-{ENVIRONMENT}",
        "resources": [f"../../../{name}" for name in kustomization.resources],
        "components": [f"../../../components/{name}" for name in kustomization.components],
        "labels": _labels("phantommesh", templates=True),
        "configMapGenerator": [{"name": "phantommesh-config", "files": ["config.yaml"]}],
        "patches": patches,
    })  # fmt: skip
    (overlay / "readiness").mkdir()
    for name in kustomization.readiness:
        shutil.copy(k8s / name, overlay / "readiness")
    _write(overlay / "readiness", {
        "namespace": f"readiness-{ENVIRONMENT}",
        "resources": ["../../../base/readiness-runner", *(Path(name).name for name in kustomization.readiness)],
        "labels": _labels("phantommesh-readiness", templates=False),
    })  # fmt: skip
    return rendered(overlay)


def _address(k8s: Path) -> str:
    return (k8s / "overlays/staging/platform/address.yaml").read_text().replace("-staging", f"-{ENVIRONMENT}")


def _labels(part_of: str, templates: bool) -> list[dict[str, Any]]:
    pairs = {"app.kubernetes.io/part-of": part_of, "phantommesh.io/environment": ENVIRONMENT}
    return [{"pairs": pairs, **({"includeTemplates": True} if templates else {})}]


def _write(folder: Path, content: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **content}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))


def rendered(overlay: Path) -> Objects:
    """The objects of a kustomization."""
    done = subprocess.run(
        [kubectl(), "kustomize", str(overlay)], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise SystemExit(f"{overlay.name}: {done.stderr}")
    return {key(item): item for item in yaml.load_all(done.stdout, yaml.CSafeLoader) if item}


def key(item: dict[str, Any]) -> str:
    """By which an object is the same in two renderings."""
    metadata = item["metadata"]
    return f"{item['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"
