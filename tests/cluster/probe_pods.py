"""Pods that try to connect to something, as `restricted` allows them, and say how it went."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from .kubectl import Kubectl, until

IMAGE = "phantommesh/automation:dev"
_CONNECT_S = 3
_PROGRAM = f"""
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), {_CONNECT_S}).close()
except OSError as error:
    print(type(error).__name__)
else:
    print("connected")
"""


def connecting(kubectl: Kubectl, namespace: str, labels: Mapping[str, str], host: str, port: int) -> str:
    """What became of one attempt from a pod with these labels: "connected", "TimeoutError", "ConnectionRefusedError",
    "gaierror" (the name is not known)."""
    name = f"connecting-{uuid.uuid4().hex[:8]}"
    kubectl("create", "-f", "-", text=json.dumps(_pod(name, namespace, labels, [_PROGRAM, host, str(port)])))
    try:
        until(
            lambda: _phase(kubectl, namespace, name) in ("Succeeded", "Failed"), 60,
            lambda: kubectl.run("describe", "pod", name, "-n", namespace).stdout[-2_000:],
        )  # fmt: skip
        return kubectl("logs", name, "-n", namespace).strip()
    finally:
        kubectl("delete", "pod", name, "-n", namespace, "--grace-period=0", "--force", "--wait=false")


def connecting_from(kubectl: Kubectl, namespace: str, pod: str, host: str, port: int) -> str:
    """The same from a container that runs already."""
    return kubectl("exec", pod, "-n", namespace, "--", "python", "-c", _PROGRAM, host, str(port)).strip()


def _phase(kubectl: Kubectl, namespace: str, name: str) -> str:
    return str(kubectl.json("get", "pod", name, "-n", namespace)["status"]["phase"])


def _pod(name: str, namespace: str, labels: Mapping[str, str], arguments: list[str]) -> dict[str, Any]:
    container = {
        "name": "connecting", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", *arguments],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        },
    }  # fmt: skip
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": False, "activeDeadlineSeconds": 60,
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }  # fmt: skip
