"""What a test says of its fake cluster, and what it finds in it afterwards."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fake_cluster.controllers import settle
from fake_cluster.state import REVIEWS, Object, add, opened

NAMESPACE, STAGES = "phantommesh-dev", "readiness-dev"
_PROGRAM = Path(__file__).parent / "program.py"
_LABELS = {"phantommesh.io/holds": "platform", "phantommesh.io/environment": "dev"}
_EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
_INSTALLED = {"/apis/traefik.io/v1alpha1": ["IngressRoute", "Middleware", "ServersTransport"],
              "/apis/metrics.k8s.io/v1beta1": ["PodMetrics"]}  # fmt: skip
_HTTP = {"name": "http", "containerPort": 8080}


class FakeCluster:
    """``folder``: gets the program and the state. The environment dev is set up and may be used by everybody."""

    def __init__(self, folder: Path) -> None:
        self._path, self._programs = folder / "state.json", folder / "bin"
        self._programs.mkdir()
        program = self._programs / "kubectl"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{_PROGRAM}" "{self._path}" "$@"\n')
        program.chmod(0o755)
        self._path.write_text(json.dumps({
            "context": "test", "user": "somebody", "rules": {"*": _EVERYTHING}, "forbidden": [], "calls": [], "next": 0,
            "objects": [], "apis": _INSTALLED,
        }))  # fmt: skip
        self._set_up()

    def _set_up(self) -> None:
        for name, labels in ((NAMESPACE, _LABELS), (STAGES, {})):
            self.add("v1", "Namespace", name, namespace=None, labels=labels)
        for name in ("stage", "stage-deploy", "stage-drill", "stage-observe"):
            self.add("v1", "ServiceAccount", name, namespace=STAGES)
        self.add("v1", "Secret", "readiness-archive", namespace=STAGES)
        for name in ("phantommesh-secrets-bcdfgh2456", "ingress-users-bcdfgh2457", "phantommesh-tls"):
            self.add("v1", "Secret", name)
        for number in (1, 2):
            self.add("v1", "Node", f"node-{number}", namespace=None, spec={},
                     status={"conditions": [{"type": "Ready", "status": "True"}]})  # fmt: skip
        for kind, name, replicas in (("Deployment", "automation", 3), ("Deployment", "vpn-core", 3),
                                     ("StatefulSet", "postgres", 1), ("Deployment", "valkey", 1),
                                     ("StatefulSet", "sink", 1)):  # fmt: skip
            labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "phantommesh"}
            self.add("apps/v1", kind, name, spec=_workload(name, replicas, labels))
        with self.changed() as state:
            settle(state)

    def add(self, version: str, kind: str, name: str, *, namespace: str | None = NAMESPACE, **parts: Any) -> None:
        """Create an object. ``labels``, ``annotations``: of its metadata; everything else is a part of its own."""
        meta: Object = {"name": name} | ({"namespace": namespace} if namespace else {})
        meta |= {key: parts.pop(key) for key in ("labels", "annotations") if key in parts}
        with self.changed() as state:
            add(state, {"apiVersion": version, "kind": kind, "metadata": meta, **parts})

    @contextmanager
    def changed(self) -> Iterator[Object]:
        """The whole state, to be changed."""
        with opened(self._path) as state:
            yield state

    def found(self, kind: str, name: str) -> Object | None:
        """An object, in whatever namespace; None if there is none."""
        with self.changed() as state:
            named = [item for item in state["objects"] if (item["kind"], item["metadata"]["name"]) == (kind, name)]
        return named[0] if named else None

    def roll_over(self, deployment: str, image: str) -> None:
        """Its pods are replaced by such of another image."""
        with self.changed() as state:
            (owner,) = [item for item in state["objects"] if item["kind"] == "Deployment"
                        and item["metadata"]["name"] == deployment]  # fmt: skip
            owner["spec"]["template"]["spec"]["containers"][0]["image"] = image
            settle(state)

    def pods(self, component: str) -> list[Object]:
        """Those of a component that are there."""
        with self.changed() as state:
            return [item for item in state["objects"] if item["kind"] == "Pod"
                    and item["metadata"]["labels"]["app.kubernetes.io/name"] == component]  # fmt: skip

    @property
    def changes(self) -> list[Object]:
        """The calls that changed something or would have."""
        with self.changed() as state:
            calls: list[Object] = state["calls"]
        return [call for call in calls if call["words"][0] not in ("get", "config") and not _is_review(call)]

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which the program is taken, and no kubeconfig of a real cluster."""
        real = str(Path(sys.executable).parent / "kubectl")
        return {"READINESS_KUBECTL": str(self._programs / "kubectl"), "REAL_KUBECTL": real, "KUBECONFIG": "/dev/null"}


def _workload(name: str, replicas: int, labels: dict[str, str]) -> Object:
    container = {"name": name, "image": f"{name}:1", "ports": [_HTTP]}
    return {"replicas": replicas, "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}


def _is_review(call: Object) -> bool:
    return (
        call["words"][0] == "create" and "raw" not in call["options"] and json.loads(call["stdin"])["kind"] in REVIEWS
    )
