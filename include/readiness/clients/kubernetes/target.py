"""The target of an environment in a cluster: rolled out from its overlay, asked, scaled and stopped through kubectl."""

import contextlib
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from readiness.clients.kubernetes.kubectl import PATIENCE_S, Kubectl, KubectlError
from readiness.clients.kubernetes.outside import NAME, require_reachable, way_in
from readiness.clients.kubernetes.overlay import (
    AUTOSCALERS,
    WORKLOADS,
    applied,
    autoscaler_of,
    key_of,
    of_namespace,
    with_live_secrets,
    with_replicas,
    with_version,
)
from readiness.clients.kubernetes.own_api import own_api
from readiness.clients.kubernetes.pods import Places, pod_of
from readiness.clients.kubernetes.rendering import Object, rendered
from readiness.clients.kubernetes.rollout import Rollout, RolloutError
from readiness.clients.kubernetes.status import status_of
from readiness.clients.target_process import TargetError
from readiness.model.kubernetes_environment import IN_CLUSTER, KubernetesEnvironment

_HELM = "meta.helm.sh/release-name"
_BETWEEN_S = 1.0


class ClusterTarget:
    """As ``TargetProcess`` for a target on this machine. ``project``: the folder that the overlay's path begins in;
    ``version``: under test, empty for the overlay's own; ``known``: pod -> replica, as it was when the target had been
    deployed."""

    def __init__(
        self,
        environment: KubernetesEnvironment,
        project: Path,
        *,
        version: str = "",
        known: Mapping[str, str] | None = None,
    ) -> None:
        self._environment, self._project, self._version = environment, project, version
        cluster = environment.cluster
        self.kubectl = Kubectl(environment.name, cluster.contexts, cluster.namespace)
        self._places = Places(known or {}, {name: item.replicas for name, item in environment.components.items()})

    def clear(self) -> bool:
        """Nothing: what runs there is rolled over, as it is for people who use it."""
        return False

    def up(self, replicas: int, port: int, links: tuple[str, ...] = ()) -> dict[str, Any]:  # noqa: ARG002
        """Roll the version under test out and wait until it is ready; the status. It is held at so many replicas of
        the component under load until ``scale`` says otherwise. Raises TargetError; RolloutError, after the release of
        before was put back, when it does not come up."""
        if port:
            raise TargetError(
                f"the services of environment {self._environment.name} have ports of their own; leave out --port"
            )
        self.kubectl.context  # noqa: B018  refuses, before anything else, a cluster that is not named
        objects = (*self._release, *self._way_in())
        before = self._live(objects)
        self._require_ours(before)
        rollout = Rollout(self.kubectl, objects, before, self._environment.cluster.images, self._environment.components)
        ends_s = time.monotonic() + self._environment.start_timeout
        try:
            self._roll_out(rollout, replicas)
        except RolloutError:
            with contextlib.suppress(KubectlError):  # why it failed must not be lost to why that did
                self._set_free()  # what runs again scales as before
            raise
        status = self._without_ending(ends_s)
        require_reachable(self._environment, status)
        return status

    def _roll_out(self, rollout: Rollout, replicas: int) -> None:
        """Raises RolloutError."""
        try:
            rollout.apply()
            self._scale_to(replicas, replicas)
            self._patch(("Deployment", self._environment.under_load), {"spec": {"replicas": replicas}})
            rollout.wait(self._environment.start_timeout)
        except KubectlError as error:
            rollout.undo(error)

    def status(self) -> dict[str, Any]:
        """The target's status (docs/platform-api.md) as the API server has it now; under ``ending`` the pods of its
        components that are to go and still run: they are no replicas, but may go on taking work."""
        items = self._pods_and_services()
        pods = [pod_of(item) for item in items if item["kind"] == "Pod"]
        mine = [pod for pod in pods if pod.component in self._environment.components and not pod.over]
        there = [pod for pod in mine if not pod.ending]
        services = [item for item in items if item["kind"] == "Service"]
        status = status_of(self._environment, there, self._places.assign(there), services)
        return status | {"ending": sorted(pod.name for pod in mine if pod.ending)}

    def _pods_and_services(self) -> list[Object]:
        if self.kubectl.context == IN_CLUSTER:
            return own_api(self.kubectl).items("pods", "services", patience_s=PATIENCE_S)
        return self.kubectl.items("pods,services", patience_s=PATIENCE_S)

    def _without_ending(self, ends_s: float) -> dict[str, Any]:
        """The status, once no pod of before is left: a rollout is over while they are still ending. Raises TargetError,
        naming them, at ``ends_s`` (monotonic)."""
        while (status := self.status())["ending"]:
            if time.monotonic() > ends_s:
                raise TargetError(
                    f"still ending {self._environment.start_timeout:g} s after the release was applied, and so able to "
                    f"take work: {', '.join(status['ending'])}; see what keeps them (kubectl describe pod)"
                )
            time.sleep(_BETWEEN_S)
        return status

    def workloads(self) -> tuple[Object, ...]:
        """The deployments and stateful sets that there are once the release is rolled out."""
        there = self.kubectl.items("deployments,statefulsets", patience_s=PATIENCE_S)
        ours = [item for item in applied(self._rendered) if item["kind"] in WORKLOADS - {"DaemonSet"}]
        return tuple({key_of(item): item for item in (*there, *ours)}.values())

    def scale(self, most: int) -> bool:
        """As ``TargetProcess.scale``: through the object that scales the component under load."""
        least = self._environment.components[self._environment.under_load].replicas
        return self._scale_to(min(least, most), most)

    def down(self) -> None:
        """As the environment file says under ``cluster.when_done``: no replica of anything, or the release that runs,
        which may scale again."""
        self._set_free()
        if self._environment.cluster.when_done == "keep":
            return
        stopped = [with_replicas(item, 0) for item in self._release if item["kind"] in WORKLOADS - {"DaemonSet"}]
        Rollout(self.kubectl, stopped, (), (), self._environment.components).apply()

    @cached_property
    def _rendered(self) -> tuple[Object, ...]:
        cluster = self._environment.cluster
        return of_namespace(rendered(self._project, cluster.overlay), cluster.namespace)

    @cached_property
    def _release(self) -> tuple[Object, ...]:
        """What is applied: the overlay with the version under test and the secrets that are there."""
        objects = with_version(applied(self._rendered), self._environment.cluster.images, self._version)
        secrets = [str(item["metadata"]["name"]) for item in self._rendered if item["kind"] == "Secret"]
        return with_live_secrets(objects, secrets, self._live(objects), self._secrets())

    def _live(self, objects: tuple[Object, ...]) -> list[Object]:
        """Those of the objects that are there, as they are."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        text = self.kubectl.call(
            "get", "--filename=-", "--ignore-not-found", "--output=json", stdin=whole, patience_s=PATIENCE_S
        )
        if not text.strip():
            return []
        found = self.kubectl.parsed(text, "get", "--filename")
        items: list[Object] = found["items"] if found["kind"] == "List" else [found]
        return items

    def _secrets(self) -> list[str]:
        """Names alone, where this account may list them."""
        try:
            printed = self.kubectl.call("get", "secrets", "--output=name", patience_s=PATIENCE_S)
        except KubectlError as error:
            if error.kind != "forbidden":
                raise
            return []
        return [line.removeprefix("secret/") for line in printed.split()]

    def _require_ours(self, live: list[Object]) -> None:
        for item in live:
            release = item["metadata"].get("annotations", {}).get(_HELM)
            if release:
                raise TargetError(
                    f"the namespace {self.kubectl.namespace} belongs to the Helm release {release} (of "
                    f"{item['kind']} {item['metadata']['name']}), nothing was changed; name another one in the overlay "
                    f"and under cluster.namespace of the environment {self._environment.name}"
                )

    def _way_in(self) -> tuple[Object, ...]:
        return () if self.kubectl.context == IN_CLUSTER else way_in(self._environment, self._rendered)

    def _set_free(self) -> None:
        """What a run alone needs is taken away again."""
        if self._environment.cluster.measured_from and self.kubectl.context != IN_CLUSTER:
            self.kubectl.call("delete", "networkpolicy", NAME, "--ignore-not-found", patience_s=PATIENCE_S)
        component = self._environment.components[self._environment.under_load]
        self._scale_to(component.replicas, component.max_replicas or component.replicas)

    def _scale_to(self, least: int, most: int) -> bool:
        found = autoscaler_of(self._rendered, self._environment.under_load)
        if found is None:
            return False
        lower, upper = AUTOSCALERS[found["kind"]]
        self._patch((found["kind"], found["metadata"]["name"]), {"spec": {lower: least, upper: most}})
        return True

    def _patch(self, key: tuple[str, str], change: dict[str, Any]) -> None:
        self.kubectl.call("patch", *key, "--type=merge", "--patch-file=/dev/stdin", stdin=change, patience_s=PATIENCE_S)
