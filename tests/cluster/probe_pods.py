"""Pods that try to connect to something, as `restricted` allows them, and say how it went."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .kubectl import Kubectl, until

IMAGE = "phantommesh/automation:dev"
_CONNECT_S = 5
_PROGRAM = f"""
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), {_CONNECT_S}).close()
except OSError as error:
    print(type(error).__name__)
else:
    print("connected")
"""


@dataclass(frozen=True)
class Attempt:
    """One connection to try, from a pod of this namespace with these labels."""

    namespace: str
    labels: Mapping[str, str]
    host: str
    port: int


def connecting(kubectl: Kubectl, attempts: Sequence[Attempt]) -> list[str]:
    """What became of each attempt, all made at once: "connected", "TimeoutError", "ConnectionRefusedError", "gaierror"
    (the name is not known)."""
    names = [f"connecting-{uuid.uuid4().hex[:8]}" for _ in attempts]
    try:
        for name, attempt in zip(names, attempts, strict=True):
            kubectl("create", "-f", "-", text=json.dumps(_pod(name, attempt)))
        where = [(attempt.namespace, name) for name, attempt in zip(names, attempts, strict=True)]
        until(
            lambda: all(_phase(kubectl, *at) in ("Succeeded", "Failed") for at in where), 120,
            lambda: str({at: _phase(kubectl, *at) for at in where}),
        )  # fmt: skip
        return [kubectl("logs", name, "-n", namespace).strip() for namespace, name in where]
    finally:
        for name, attempt in zip(names, attempts, strict=True):
            kubectl(
                "delete", "pod", name, "-n", attempt.namespace, "--ignore-not-found", "--grace-period=0", "--force",
                "--wait=false",
            )  # fmt: skip


def connecting_from(kubectl: Kubectl, namespace: str, pod: str, host: str, port: int) -> str:
    """The same from a container that runs already."""
    return kubectl("exec", pod, "-n", namespace, "--", "python", "-c", _PROGRAM, host, str(port)).strip()


def _phase(kubectl: Kubectl, namespace: str, name: str) -> str:
    return str(kubectl.json("get", "pod", name, "-n", namespace)["status"]["phase"])


def _pod(name: str, attempt: Attempt) -> dict[str, Any]:
    container = {
        "name": "connecting", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", _PROGRAM, attempt.host, str(attempt.port)],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        },
    }  # fmt: skip
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": attempt.namespace, "labels": dict(attempt.labels)},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": False, "activeDeadlineSeconds": 120,
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }  # fmt: skip
