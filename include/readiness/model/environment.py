"""What users write in scenarios/environments/*.yaml: where the target is and how it is driven."""

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from readiness.model.written import Duration, ProfileName, Slug, UserModel

PLACEHOLDERS: tuple[str, ...] = ("state", "replicas", "max_replicas", "port", "python")

Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+$", max_length=300)]
"""Scheme, host and port, without a path: "http://127.0.0.1:8080"."""


class Commands(UserModel):
    """Argument vectors of the commands that start, ask and stop the target (docs/platform-api.md).

    ``{state}``, ``{replicas}``, ``{max_replicas}`` (of the component under load), ``{port}`` and ``{python}`` (the
    folder of this interpreter) are filled in.
    """

    up: Annotated[tuple[str, ...], Field(min_length=1)]
    status: Annotated[tuple[str, ...], Field(min_length=1)]
    down: Annotated[tuple[str, ...], Field(min_length=1)]
    scale: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Sets ``{max_replicas}`` of the running target. With it, what one scenario scaled out is gone at once before the
    next, and drills are made at the declared number of replicas."""


class Component(UserModel):
    """A component of the target and how many replicas of it must be healthy."""

    replicas: Annotated[int, Field(ge=1, le=100)]
    max_replicas: Annotated[int, Field(ge=1, le=100)] | None = None
    """So many the target may scale it out to by itself; absent: it never does. Replicas that appear are observed."""
    metrics: bool = True
    """Whether each replica serves /metrics on its admin address."""

    @model_validator(mode="after")
    def _in_order(self) -> "Component":
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError(f"max_replicas: must be at least replicas, which is {self.replicas}")
        return self

    @property
    def scales(self) -> bool:
        """Whether the number of replicas follows the load."""
        return self.max_replicas is not None and self.max_replicas > self.replicas


LinkName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,59}:[a-z][a-z0-9-]{0,59}$")]
""" "from:to": the component that connects, and the one that it connects to."""


class Links(UserModel):
    """Connections between components on which faults can be injected. ``option``: what is added to the ``up`` command
    for each of them that a run needs, with ``{link}`` filled in; without such a run nothing is added."""

    option: tuple[str, ...] = ()
    through: tuple[LinkName, ...] = ()


class PrometheusSource(UserModel):
    """The Prometheus of the platform's namespace. Its samples carry the labels ``component`` and ``replica``, the name
    of the pod, as k8s/base/prometheus sets them."""

    component: Slug = "prometheus"
    """``app.kubernetes.io/name`` of its pods. Each of them has measured by itself, and one is enough."""
    job: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:-]+$", max_length=200)] = "phantommesh"
    """The scrape job that has the platform's replicas."""
    finds_within: Annotated[Duration, Field(ge=1, le=120)] = 15.0
    """How long it may take until it scrapes a pod that has just appeared."""


class Observation(UserModel):
    """Where metrics come from: ``scrape``, the observer reads /metrics of each replica itself; ``prometheus``, it looks
    after their health alone, and what the platform's Prometheus has measured is collected after the load.
    ``interval``: seconds between two looks at a replica."""

    source: Literal["scrape", "prometheus"] = "scrape"
    prometheus: PrometheusSource | None = None
    """Where it is and how it names things, if not as in k8s/base."""
    interval: Annotated[Duration, Field(ge=0.1, le=60)] = 1.0
    max_gap: Annotated[Duration, Field(ge=1)] = 5.0
    """A replica without metrics for this long makes the run INCONCLUSIVE."""
    discovery: Annotated[Duration, Field(ge=0.5, le=60)] = 3.0
    """Seconds between two questions for replicas that have appeared, where a component scales."""

    @model_validator(mode="after")
    def _source_is_used(self) -> "Observation":
        if self.prometheus is not None and self.source != "prometheus":
            raise ValueError("prometheus: is only asked with source: prometheus; write that, or leave this key out")
        return self

    @property
    def of_prometheus(self) -> PrometheusSource | None:
        """What is asked for metrics; None where the observer scrapes."""
        return (self.prometheus or PrometheusSource()) if self.source == "prometheus" else None


class FaultCommands(UserModel):
    """Argument vectors that put a fault in place and take it back (``{python}`` is filled in). Each ends with code 0
    once that is done. ``restore`` may be missing for a fault that needs none: one after which the target must recover
    by itself."""

    inject: Annotated[tuple[str, ...], Field(min_length=1)]
    restore: tuple[str, ...] = ()


class Environment(UserModel):
    """What every environment file has, whatever drives its target."""

    name: Slug
    title: str
    driver: Literal["local", "external", "kubernetes"]
    components: Annotated[Mapping[Slug, Component], Field(min_length=1)]
    under_load: Slug
    """The component that takes the load; a run may override its number of replicas."""
    observation: Observation = Observation()
    links: Links = Links()
    faults: Mapping[Slug, FaultCommands] = {}
    """What ``action: command`` of a drill may name."""
    sign_off: bool = False
    default_profile: ProfileName = "smoke"
    start_timeout: Annotated[Duration, Field(gt=0, le=3600)] = 60.0

    @model_validator(mode="after")
    def _known_component(self) -> "Environment":
        if self.under_load not in self.components:
            legal = ", ".join(self.components)
            raise ValueError(f"under_load: {self.under_load!r} is not a component; legal are {legal}")
        return self

    @model_validator(mode="after")
    def _prometheus_can_be_found(self) -> "Environment":
        if self.observation.source == "prometheus" and self.driver != "kubernetes":
            raise ValueError(
                f"observation.source: the Prometheus of a target is only found in a cluster, and this is driver: "
                f"{self.driver}; write source: scrape"
            )
        return self

    @property
    def absent(self) -> Mapping[str, str]:
        """Data set ("stage/file") that this target does not offer -> why, in words for people. What is measured from
        it has no data; everything else is judged."""
        return {}

    @property
    def has_ingress(self) -> bool:
        """Whether there is a second way in, on which everything is probed once more."""
        return False

    @property
    def impossible(self) -> Mapping[str, str]:
        """Kind of a drill's step -> why this driver cannot carry it out, in words for people."""
        return {"drain": "only a cluster has nodes to drain"}


class LocalEnvironment(Environment):
    """A target on this machine that is started and stopped by commands."""

    driver: Literal["local"]
    commands: Commands


class ExternalComponent(Component):
    """A component that runs already: the admin address of each of its replicas (/readyz, /metrics)."""

    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    admin_urls: tuple[Url, ...]

    @model_validator(mode="after")
    def _one_for_each(self) -> "ExternalComponent":
        if len(self.admin_urls) != self.replicas or len(set(self.admin_urls)) != self.replicas:
            raise ValueError(
                f"admin_urls: name one address for each replica, each once; {self.replicas} replicas, "
                f"{len(set(self.admin_urls))} addresses"
            )
        return self


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


class ExternalTarget(UserModel):
    """Where a target that is not ours answers. Nothing of it is started or stopped.

    ``base_url`` takes events; ``audit``: whether it has the audit trail of docs/platform-api.md; ``deliveries_url``:
    where deliveries are asked for, left out if nothing records them."""

    base_url: Url
    audit: bool = True
    deliveries_url: Url | None = None
    clock_uncertainty: Annotated[Duration, Field(ge=0, le=1)] = 0.0
    """By how much the target's clocks may differ from this machine's; it widens what is measured across them. Needed
    for a target that is not on this machine."""

    @model_validator(mode="after")
    def _clock_is_known(self) -> "ExternalTarget":
        elsewhere = [url for url in (self.base_url, self.deliveries_url) if url is not None and not _is_here(url)]
        if elsewhere and not self.clock_uncertainty:
            raise ValueError(
                f"clock_uncertainty: {elsewhere[0]} is not on this machine; say by how much its clock may differ, such "
                'as "2ms" where both follow one time server'
            )
        return self


class ExternalEnvironment(Environment):
    """A target that runs already, known by its addresses alone."""

    driver: Literal["external"]
    target: ExternalTarget
    components: Annotated[Mapping[Slug, ExternalComponent], Field(min_length=1)]

    @model_validator(mode="after")
    def _queue_is_seen(self) -> "ExternalEnvironment":
        if self.under_load in self.components and not self.components[self.under_load].metrics:
            raise ValueError(
                f"components.{self.under_load}.metrics: the component under load must serve /metrics with "
                "phantommesh_queue_depth; nobody could tell otherwise when it has finished its work"
            )
        return self

    @property
    def absent(self) -> Mapping[str, str]:
        """See Environment."""
        found = {}
        if not self.target.audit:
            found["collect/audit.parquet"] = "the target has no audit trail (target.audit: false)"
        if self.target.deliveries_url is None:
            found["collect/deliveries.parquet"] = "nothing records the target's deliveries (no target.deliveries_url)"
        return found
