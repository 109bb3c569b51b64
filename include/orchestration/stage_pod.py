"""KubernetesPodOperator as a stage needs it. Importing this takes seconds: only a task that starts a pod does."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from kubernetes import config
from kubernetes.client import V1Pod
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from orchestration.cluster_choice import chosen_context
from orchestration.pod_manifest import (
    CONTAINER,
    GRACE_S,
    RUN_LABEL,
    SCHEDULE_S,
    SEALED_BEFORE,
    STAGE_LABEL,
    START_S,
)

CONNECTION = "kubernetes_default"
_POLL_S, _SETTLE_S = 0.25, 5.0
_TERMINAL = ("Succeeded", "Failed")


class PodNotBegunAgainError(Exception):
    """The task took over from one that died, and the pod of that one is gone; one line."""


class StagePod(KubernetesPodOperator):
    """The pod of one stage. ``may_begin``: whether a pod may be made; otherwise only one that is there is followed.

    ``last_seen``: what the API said of the pod before it was removed; None: it was not there, or could not be asked
    for. ``made``: whether the API has taken a pod."""

    def __init__(self, *, may_begin: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.may_begin = may_begin
        self.last_seen: Mapping[str, Any] | None = None

    @property
    def made(self) -> bool:
        return self.pod is not None or self.last_seen is not None

    @property
    def sealed_before(self) -> int | None:
        """What the pod says that was sealed before it; None without a pod."""
        pod: V1Pod | None = self.pod or self.pod_request_obj
        found = (pod.metadata.annotations or {}).get(SEALED_BEFORE) if pod is not None else None
        return None if found is None else int(found)

    def run_to_end(self, context: Context) -> None:
        """Make or find the pod and follow it to its end. Raises what the operator raises.

        Not ``execute``: that is for Airflow's runner, and would warn that it was not called by it."""
        self.execute_sync(context)

    def get_or_create_pod(self, pod_request_obj: V1Pod, context: Context) -> V1Pod:
        if self.may_begin:
            return super().get_or_create_pod(pod_request_obj, context)
        pod = self.find_pod(pod_request_obj.metadata.namespace, context=context)
        if pod is None:
            raise PodNotBegunAgainError(
                "the task that had started it died, its pod is gone, and the stage is not begun twice"
            )
        return pod

    def await_pod_completion(self, pod: V1Pod) -> None:  # type: ignore[override]  # there it is wrapped in retries
        super().await_pod_completion(pod)
        # What comes next looks every 2 s whether the pod has ended, and the container's end is a moment ahead of it.
        ends_s = time.monotonic() + _SETTLE_S
        while self.pod_manager.read_pod(pod).status.phase not in _TERMINAL and time.monotonic() < ends_s:
            time.sleep(_POLL_S)

    def post_complete_action(self, *, pod: V1Pod, **kwargs: Any) -> None:
        self.last_seen = self._look(pod)
        super().post_complete_action(pod=pod, **kwargs)

    def remove(self) -> None:
        """See to it that the pod does not go on, whatever the operator did. Raises ApiException, HTTPError."""
        pod: V1Pod | None = self.pod or self.pod_request_obj
        if pod is not None:
            self._delete(pod.metadata.name, pod.metadata.namespace)

    def remove_others(self, run_label: str, stages: tuple[str, ...]) -> list[str]:
        """Delete the pods of the run's stages that a task which died has left behind; their names. Raises ApiException,
        HTTPError."""
        selector = f"{RUN_LABEL}={run_label},{STAGE_LABEL} in ({','.join(stages)})"
        namespace = str(self.namespace)
        found = [
            item.metadata.name for item in self.client.list_namespaced_pod(namespace, label_selector=selector).items
        ]
        for name in found:
            self._delete(name, namespace)
        return found

    def _delete(self, name: str, namespace: str) -> None:
        try:
            self.client.delete_namespaced_pod(name, namespace, grace_period_seconds=GRACE_S)
        except ApiException as error:
            if error.status != 404:
                raise

    def _look(self, pod: V1Pod | None) -> Mapping[str, Any] | None:
        if pod is None:
            return None
        try:
            found = self.client.read_namespaced_pod(pod.metadata.name, pod.metadata.namespace)
        except (ApiException, HTTPError):
            return None  # the cause is then what the operator itself ran into
        plain: Mapping[str, Any] = self.client.api_client.sanitize_for_serialization(found)
        return plain


def stage_pod(
    manifest: Mapping[str, Any], *, task_id: str, environment: str, contexts: tuple[str, ...], may_begin: bool
) -> StagePod:
    """The operator for this pod. Raises ClusterRefusedError when the cluster that it would be made in is none that the
    environment names."""
    spec, metadata = manifest["spec"], manifest["metadata"]
    pod = StagePod(
        may_begin=may_begin, task_id=task_id, kubernetes_conn_id=CONNECTION, namespace=metadata["namespace"],
        name=metadata["name"], labels=dict(metadata["labels"]), annotations=dict(metadata["annotations"]),
        pod_template_dict=dict(manifest), base_container_name=CONTAINER,
        termination_grace_period=GRACE_S, active_deadline_seconds=spec["activeDeadlineSeconds"],
        termination_message_policy=spec["containers"][0]["terminationMessagePolicy"],
        deferrable=False,  # a deferred task can succeed although its pod is gone
        do_xcom_push=False,  # so no sidecar: what the stage found is in the archive
        schedule_timeout_seconds=SCHEDULE_S, startup_timeout_seconds=START_S, startup_check_interval_seconds=1,
        log_events_on_startup=False,  # each look makes the API server read every event of the namespace
        log_events_on_failure=True, log_pod_spec_on_failure=False, container_name_log_prefix_enabled=False,
    )  # fmt: skip
    pod.cluster_context = _context(pod, environment, contexts)
    return pod


def _context(pod: StagePod, environment: str, allowed: tuple[str, ...]) -> str | None:
    extras: Mapping[str, Any] = getattr(pod.hook, "conn_extras", {})
    given = extras.get("kube_config_path") or extras.get("kube_config")
    inside = bool(extras.get("in_cluster")) or (not given and _token_is_there())
    available, active = ((), None) if inside else _contexts(extras)
    del pod.hook  # made without the context: it must be made again with it
    return chosen_context(environment, allowed, available, extras.get("cluster_context") or active, in_cluster=inside)


def _contexts(extras: Mapping[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """The names of the contexts in the kubeconfig that the connection means, and the current one."""
    inline = extras.get("kube_config")
    if inline:
        document = json.loads(inline) if isinstance(inline, str) else inline
        return tuple(item["name"] for item in document.get("contexts", ())), document.get("current-context")
    try:
        found, active = config.list_kube_config_contexts(extras.get("kube_config_path") or None)
    except config.ConfigException:
        return (), None  # there is no kubeconfig, or it has no current context: the refusal names what is allowed
    return tuple(item["name"] for item in found), active["name"] if active else None


def _token_is_there() -> bool:
    return (
        bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
        and Path("/var/run/secrets/kubernetes.io/serviceaccount/token").is_file()
    )
