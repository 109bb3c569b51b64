"""What every check of an environment is given."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.clients.kubernetes.rendering import Object
from readiness.model.kubernetes_environment import KubernetesEnvironment

POD_OWNERS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})


@dataclass(frozen=True)
class Ground:
    """``kubectl`` asks in the platform's namespace; ``objects``: what the overlay wants there."""

    environment: KubernetesEnvironment
    kubectl: Kubectl
    objects: tuple[Object, ...]

    @property
    def stages(self) -> Kubectl:
        """Asks in the namespace of the stages."""
        return Kubectl(self.environment.name, self.kubectl.contexts, self.environment.stages.namespace)

    @property
    def set_up(self) -> str:
        """The command by which a user sets the environment up."""
        overlay = PurePosixPath(self.environment.cluster.overlay)
        whole = overlay.parent if overlay.name == "platform" else overlay
        return f"kubectl apply --server-side -k {whole}"


def pod_specs(objects: tuple[Object, ...]) -> Iterator[tuple[Object, dict[str, Any]]]:
    """Each object that makes pods, with what their spec is."""
    for item in objects:
        if item["kind"] not in POD_OWNERS:
            continue
        spec = item["spec"]["jobTemplate"]["spec"] if item["kind"] == "CronJob" else item["spec"]
        yield item, spec["template"]["spec"]
