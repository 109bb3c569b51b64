"""The pod of a stage, as Kubernetes is given it: under Pod Security ``restricted``, with no secret in it."""

import hashlib
import re
from typing import Any

from readiness.model.kubernetes_environment import STAGE_IMAGE, KubernetesEnvironment, StageAccounts, StageNodes
from readiness.model.stage_resources import resources_of

from orchestration.stage_place import StageCall

CONTAINER = "base"
"""Name of the container: the one that KubernetesPodOperator follows."""
RUN_LABEL, SCENARIO_LABEL, STAGE_LABEL = "phantommesh.io/run", "phantommesh.io/scenario", "phantommesh.io/stage"
SEALED_BEFORE = "phantommesh.io/sealed-before"
"""Annotation: how many sealed attempts the stage had before this pod. It is the pod's, so that a task that takes over
after another died knows it, too."""
GRACE_S = 2
"""From SIGTERM to SIGKILL. Short: a task that is tried again finds a pod that is still dying, and takes it for its own
(docs/decisions/0009). What a stage could not take back is taken back by the teardown, from the journal."""

SCHEDULE_S, START_S = 120, 240
"""How long a pod may wait for a node, and then for its image and its start."""
_USER = 65532
_RUN_DIR = "/tmp"  # noqa: S108 - in the image: HOME and READINESS_HOME are there; a volume of the pod's own
_ROOM = "8Gi"
_LONGEST_LABEL = 63
_ACCOUNTS = {"deploy": "deploy", "teardown": "deploy", "verify": "observe", "collect": "observe", "load": "drill"}
"""Stage -> which of the environment's accounts its pod has. The others talk to no API and get no token."""
_THROUGH_INGRESS = ("deploy", "verify", "load")
"""The stages that ask or probe the ingress: only their pods get what it wants of them."""


def account_of(stage: str, accounts: StageAccounts) -> str:
    """The service account of the stage's pod."""
    return str(getattr(accounts, _ACCOUNTS.get(stage, "default")))


def uses_api(stage: str) -> bool:
    """Whether the stage talks to the API server: it gets its account's token, and network policies let it through."""
    return stage in _ACCOUNTS


def label_value(text: str) -> str:
    """The text fit for the value of a label: at most 63 letters, digits, '-', '_' and '.'. Where it is too long, eight
    hex digits of its sha256 take the place of its end."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", text)
    if len(safe) > _LONGEST_LABEL:
        safe = f"{safe[: _LONGEST_LABEL - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return safe.strip("-._")


def pod_manifest(
    environment: KubernetesEnvironment, call: StageCall, *, deadline_s: int, sealed_before: int
) -> dict[str, Any]:
    """The pod. ``deadline_s``: from when a node has taken it to when Kubernetes ends it, whatever Airflow does."""
    stages = environment.stages
    api = uses_api(call.stage)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": _name(call),
            "namespace": stages.namespace,
            "labels": _labels(environment.name, call, api),
            "annotations": {RUN_LABEL: call.run_id, SEALED_BEFORE: str(sealed_before)},
        },
        "spec": {
            "serviceAccountName": account_of(call.stage, stages.accounts),
            "automountServiceAccountToken": api,
            "enableServiceLinks": False,
            **_nodes(stages.nodes),
            "restartPolicy": "Never",
            "activeDeadlineSeconds": deadline_s,
            "terminationGracePeriodSeconds": GRACE_S,
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": _USER, "runAsGroup": _USER, "fsGroup": _USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [_container(environment, call)],
            "volumes": [{"name": "room", "emptyDir": {"sizeLimit": _ROOM}}],
        },
    }  # fmt: skip


def _name(call: StageCall) -> str:
    """What people see first; a random end is appended."""
    parts = [call.stage, *([call.scenario] if call.scenario else [])]
    return re.sub(r"[^a-z0-9-]+", "-", "-".join(parts).lower())[:50].strip("-")


def _labels(environment: str, call: StageCall, api: bool) -> dict[str, str]:
    labels = {
        "app.kubernetes.io/name": "readiness-stage",
        "app.kubernetes.io/part-of": "phantommesh-readiness",
        "phantommesh.io/environment": environment,
        RUN_LABEL: label_value(call.run_id),
        STAGE_LABEL: label_value(call.stage),
    }
    labels |= {SCENARIO_LABEL: label_value(call.scenario)} if call.scenario else {}
    return labels | ({"phantommesh.io/uses-api": "true"} if api else {})


def _nodes(nodes: StageNodes | None) -> dict[str, Any]:
    """Where the pod may run; nothing where that is anywhere."""
    if nodes is None:
        return {}
    tolerated = [{"key": key, "operator": "Equal", "value": value} for key, value in nodes.taints.items()]
    return {"nodeSelector": dict(nodes.labels), **({"tolerations": tolerated} if tolerated else {})}


def _container(environment: KubernetesEnvironment, call: StageCall) -> dict[str, Any]:
    archive, ingress = environment.stages.archive, environment.cluster.ingress
    secrets = [archive.secret]
    if ingress is not None and ingress.secret is not None and call.stage in _THROUGH_INGRESS:
        secrets.append(ingress.secret)
    return {
        "name": CONTAINER,
        "image": environment.stages.image,
        "imagePullPolicy": "IfNotPresent",
        "args": call.command,
        "env": [
            {"name": "READINESS_ARCHIVE", "value": archive.url},
            {"name": STAGE_IMAGE, "value": environment.stages.image},
        ],
        "envFrom": [{"secretRef": {"name": name}} for name in secrets],
        "resources": resources_of(call.stage),
        "securityContext": {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "room", "mountPath": _RUN_DIR}],
    }  # fmt: skip
