"""What users write of an environment in a Kubernetes cluster."""

import ipaddress
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from readiness.model.environment import Environment
from readiness.model.ingress import Ingress
from readiness.model.written import Duration, KubernetesName, Slug, UserModel

IN_CLUSTER = "in-cluster"
"""The context of a process that runs in a pod of the cluster: it needs no kubeconfig."""
STAGE_IMAGE = "READINESS_STAGE_IMAGE"
"""The variable by which a stage's pod knows its image: the environment file in that image cannot name its digest."""
SINK = "sink"
"""The component whose Service records the deliveries, in environments that have it."""

ContextName = Annotated[str, Field(pattern=r"^\S+$", max_length=253)]
LabelKey = Annotated[
    str, Field(pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")
]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$")]
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set"""
ImageName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:/-]*$", max_length=255)]


_SHARED = ipaddress.IPv4Network("100.64.0.0/10")  # RFC 6598; some clusters give it to their pods


def _below_the_project(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise ValueError("must be a path below the project's folder, such as k8s/overlays/dev")
    return path


def _is_shared(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return isinstance(network, ipaddress.IPv4Network) and network.subnet_of(_SHARED)


def _a_cluster_s(network: str) -> str:
    try:
        found = ipaddress.ip_network(network)
    except ValueError as error:
        raise ValueError(f"is no network like 10.244.0.0/16 ({error})") from error
    if not (found.is_private or _is_shared(found)) or found.prefixlen < (8 if found.version == 4 else 48):
        raise ValueError("must be the private network of one cluster's pods or services, no wider than /8 (IPv6: /48): "
                         "this is a load generator")  # fmt: skip
    return network


OverlayPath = Annotated[str, AfterValidator(_below_the_project)]
Network = Annotated[str, AfterValidator(_a_cluster_s)]


class Cluster(UserModel):
    """Which cluster, and what of it.

    ``contexts``: names of kubeconfig contexts that may be used; with any other nothing is done. ``overlay``: what
    kustomize renders, relative to the project; ``images``: names of images in it that get the version under test as
    their tag, each with the component that it is of; a tag that was moved is found by its digest, which ``verify``
    compares over all pods and report and decision name. ``networks``: of the cluster's pods and services, whose
    addresses may be measured beside those that always may (198.18.0.0/15).
    """

    contexts: Annotated[tuple[ContextName, ...], Field(min_length=1)]
    overlay: OverlayPath
    namespace: KubernetesName
    images: Mapping[ImageName, Slug] = {}
    networks: tuple[Network, ...] = ()
    clock_uncertainty: Annotated[Duration, Field(ge=0, le=1)] = 0.01
    """By how much the clocks of two nodes may differ; it widens what is measured across them. 0s where all nodes are on
    one machine."""
    measured_from: tuple[Network, ...] = ()
    """Where a run that is made outside of the cluster comes from, such as 172.18.0.1/32: for its time a network policy
    admits that to what is measured."""
    ingress: Ingress | None = None
    """The way in from outside. With it, it is verified and probed as the Service is; without it, neither."""
    when_done: Literal["stop", "keep"] = "keep"
    """What the teardown does: ``stop`` takes every replica away and leaves objects, volumes and secrets; ``keep``
    leaves the release running."""


class StageAccounts(UserModel):
    """The service accounts of the stages' pods (k8s/base/readiness-runner)."""

    deploy: KubernetesName
    drill: KubernetesName
    observe: KubernetesName
    default: KubernetesName


class StageArchive(UserModel):
    """Where the stages keep their evidence. ``secret``: in the stages' namespace, with the AWS_* variables."""

    url: Annotated[str, Field(pattern=r"^s3://[^\s@?#]+$", max_length=300)]
    secret: KubernetesName


class StageNodes(UserModel):
    """The nodes that the stages' pods go to. ``labels``: a node must have all of them; ``taints``: key -> value, by
    which such nodes keep other pods away and which the stages' pods tolerate, whatever the effect."""

    labels: Annotated[Mapping[LabelKey, LabelValue], Field(min_length=1)]
    taints: Mapping[LabelKey, LabelValue] = {}


class StagePods(UserModel):
    """What the pod of each stage is made of. ``image``: by its digest where the overlay's images are; the doctor, which
    knows them, refuses a tag there. ``nodes``: of their own, so that who measures waits for no processor that the
    platform has taken; without it, wherever there is room."""

    namespace: KubernetesName
    image: Annotated[str, Field(pattern=r"^\S+$", max_length=300)]
    accounts: StageAccounts
    archive: StageArchive
    nodes: StageNodes | None = None


class KubernetesEnvironment(Environment):
    """A target in a cluster, rolled out from an overlay. A component's pods have the label
    ``app.kubernetes.io/name`` with the component's name."""

    driver: Literal["kubernetes"]
    cluster: Cluster
    stages: StagePods

    @model_validator(mode="after")
    def _fits_together(self) -> "KubernetesEnvironment":
        if self.links.option:
            raise ValueError("links.option: nothing is started with an option here; name the connections under "
                             "links.through, network policies cut them")  # fmt: skip
        if self.under_load in self.components and not self.components[self.under_load].metrics:
            raise ValueError(
                f"components.{self.under_load}.metrics: the component under load must serve /metrics with "
                "phantommesh_queue_depth; nobody could tell otherwise when it has finished its work"
            )
        for image, component in self.cluster.images.items():
            if component not in self.components:
                raise ValueError(
                    f"cluster.images: {image} is of {component!r}, which is not a component; legal are "
                    f"{', '.join(self.components)}"
                )
        return self

    @property
    def absent(self) -> Mapping[str, str]:
        """See Environment."""
        if SINK in self.components:
            return {}
        return {"collect/deliveries.parquet": f"nothing records the target's deliveries (no component {SINK})"}

    @property
    def has_ingress(self) -> bool:
        """See Environment."""
        return self.cluster.ingress is not None

    @property
    def impossible(self) -> Mapping[str, str]:
        """See Environment."""
        return _IMPOSSIBLE


_IMPOSSIBLE: Mapping[str, str] = MappingProxyType({
    "pause": "the first process of a container takes no SIGSTOP from within; use kill",
    "partition (refuse)": "a network policy lets connections vanish and refuses none; use how: drop",
    "slow": "a network policy cuts a connection and cannot slow it; use partition",
    "disk_full": "the volumes of pods are shared with their node; use a fault of your own, action: command",
})  # fmt: skip
