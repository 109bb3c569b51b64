"""The dev overlay on the cluster: applied as a user would, with secrets made for this test."""

import base64
import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .kubectl import Kubectl, until

K8S = Path(__file__).resolve().parents[2] / "k8s"
PLATFORM, STAGES = "phantommesh-dev", "readiness-dev"
USER, PASSWORD = "release", "only-for-this-test"
SINGLES = ("postgres", "sink", "valkey")
HOST = "phantommesh.example"
WORKLOADS = "deployments,statefulsets"
_OVERLAY = Path("overlays", "dev")


@dataclass(frozen=True)
class Installation:
    """``folder``: the kustomization that is applied."""

    kubectl: Kubectl
    folder: Path

    def apply(self) -> str:
        """What kubectl says that it did. The certificate is there before what names it."""
        return self.kubectl("apply", "--server-side", "-k", str(self.folder))

    def delete(self) -> None:
        """Everything, and wait until it is gone."""
        self.kubectl("delete", "-k", str(self.folder), "--wait=true", "--timeout=170s", timeout_s=180)

    def add_component(self, name: str) -> None:
        """Apply with one more of k8s/components from now on."""
        path = self.folder / "platform" / "kustomization.yaml"
        kustomization = yaml.safe_load(path.read_text())
        kustomization["components"].append(f"../../../components/{name}")
        path.write_text(yaml.dump(kustomization))
        self.apply()

    @contextmanager
    def changed(self, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
        """The platform's kustomization is another while the block runs. What is applied, and when, is the caller's."""
        path = self.folder / "platform" / "kustomization.yaml"
        before = path.read_text()
        kustomization = yaml.safe_load(before)
        change(kustomization)
        path.write_text(yaml.dump(kustomization))
        try:
            yield
        finally:
            path.write_text(before)

    def delete_what_is_left(self) -> None:
        """As delete, also when some or all of it is gone already."""
        self.kubectl(
            "delete", "-k", str(self.folder), "--ignore-not-found", "--wait=true", "--timeout=170s", timeout_s=180
        )

    def await_ready(self, patience_s: float, *components: str) -> float:
        """Every replica of these or of all workloads is ready, as many as the autoscaler keeps at least; the seconds it
        took."""
        return until(lambda: not self.unready(*components), patience_s, lambda: "; ".join(self.unready(*components)))

    def unready(self, *components: str) -> list[str]:
        """Those of these or of all workloads that are not as declared."""
        found = [
            item
            for item in self.kubectl.items(WORKLOADS, "-n", PLATFORM)
            if not components or item["metadata"]["name"] in components
        ]
        return [
            f"{item['kind']} {item['metadata']['name']}: {_ready(item)} of {_wanted(item)} ready"
            for item in found
            if _ready(item) < _wanted(item)
            or item["status"].get("observedGeneration") != item["metadata"]["generation"]
        ] or ([] if found else ["nothing is installed"])

    def pods(self, component: str) -> list[str]:
        """The names of a component's pods that are not about to go."""
        found = self.kubectl.items("pods", "-n", PLATFORM, "-l", f"app.kubernetes.io/name={component}")
        return [item["metadata"]["name"] for item in found if "deletionTimestamp" not in item["metadata"]]

    def addresses(self, component: str) -> list[str]:
        """The addresses of a component's pods that are ready."""
        found = self.kubectl.items("pods", "-n", PLATFORM, "-l", f"app.kubernetes.io/name={component}")
        return [
            item["status"]["podIP"] for item in found if is_ready(item) and "deletionTimestamp" not in item["metadata"]
        ]


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod says that it is ready."""
    return any(item["type"] == "Ready" and item["status"] == "True" for item in pod["status"].get("conditions", ()))


def let_pods_know(kubectl: Kubectl, name: str, values: Mapping[str, str]) -> None:
    """A Secret of this name and content in the namespace of the stages."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(values)}
    kubectl("apply", "-n", STAGES, "-f", "-", text=json.dumps(secret))


def _ready(item: Any) -> int:
    return int(item["status"].get("readyReplicas", 0))


def _wanted(item: Any) -> int:
    """The overlay leaves automation's number to the autoscaler, which begins with 3."""
    return max(int(item["spec"]["replicas"]), 3 if item["metadata"]["name"] == "automation" else 0)


def _first(nodes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The labels that tell the first node from the others."""
    return {"kubernetes.io/hostname": min(node["metadata"]["labels"]["kubernetes.io/hostname"] for node in nodes)}


def written_overlay(kubectl: Kubectl, folder: Path, without: Iterable[str]) -> Installation:
    """A copy of k8s/ with secrets of its own. ``without``: components whose images the cluster cannot have. Of several
    nodes the first has everything that there is only one of, so that the others may go."""
    copy = folder / "k8s"
    shutil.copytree(K8S, copy)
    platform = copy / _OVERLAY / "platform"
    names = [line.partition("=")[0] for line in (platform / "secrets.env.example").read_text().splitlines()]
    values = {name: secrets.token_hex(12) for name in names if name and not name.startswith("#")}
    (platform / "secrets.env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    hashed = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()  # one of htpasswd's formats
    (platform / "ingress-users").write_text(f"{USER}:{{SHA}}{hashed}\n")
    adapt(kubectl, copy, without)
    return Installation(kubectl, copy / _OVERLAY)


def adapt(kubectl: Kubectl, k8s: Path, without: Iterable[str]) -> None:
    """Let the dev overlay in a copy of k8s/ fit the cluster, as written_overlay says, and drills drain its nodes."""
    path = k8s / _OVERLAY / "platform" / "kustomization.yaml"
    kustomization = yaml.safe_load(path.read_text())
    for component in without:
        gone = {"apiVersion": "apps/v1", "kind": "any", "metadata": {"name": component}, "$patch": "delete"}
        target = {"kind": "Deployment|StatefulSet", "name": component}
        kustomization["patches"].append({"target": target, "patch": yaml.dump(gone)})
    # The images are in the nodes: one that is not is not there, which the node itself can say. No registry is asked.
    for name, places in {"automation": ("containers", "initContainers"), "vpn-core": ("containers",)}.items():
        never = [
            {"op": "add", "path": f"/spec/template/spec/{place}/0/imagePullPolicy", "value": "Never"}
            for place in places
        ]
        kustomization["patches"].append({"target": {"kind": "Deployment", "name": name}, "patch": yaml.dump(never)})
    nodes = kubectl.items("nodes")
    if len(nodes) > 1:
        pinned = {"op": "add", "path": "/spec/template/spec/nodeSelector", "value": _first(nodes)}
        target = {"kind": "Deployment|StatefulSet", "name": "|".join(SINGLES)}
        kustomization["patches"].append({"target": target, "patch": yaml.dump([pinned])})
    kustomization["components"].append("../../../components/node-drain-rights")
    path.write_text(yaml.dump(kustomization))
