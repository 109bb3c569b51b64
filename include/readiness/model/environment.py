"""What users write in scenarios/environments/*.yaml: where the target is and how it is driven."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from readiness.model.written import Duration, ProfileName, Slug, UserModel

PLACEHOLDERS: tuple[str, ...] = ("state", "replicas", "max_replicas", "port", "python")


class Commands(UserModel):
    """Argument vectors of the commands that start, ask and stop the target (docs/platform-api.md).

    ``{state}``, ``{replicas}``, ``{max_replicas}`` (of the component under load), ``{port}`` and ``{python}`` (the
    folder of this interpreter) are filled in.
    """

    up: Annotated[tuple[str, ...], Field(min_length=1)]
    status: Annotated[tuple[str, ...], Field(min_length=1)]
    down: Annotated[tuple[str, ...], Field(min_length=1)]


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


class Observation(UserModel):
    """Where metrics come from. ``interval``: seconds between two scrapes of a replica."""

    source: Literal["scrape"] = "scrape"
    interval: Annotated[Duration, Field(ge=0.1, le=60)] = 1.0
    max_gap: Annotated[Duration, Field(ge=1)] = 5.0
    """A replica without metrics for this long makes the run INCONCLUSIVE."""
    discovery: Annotated[Duration, Field(ge=0.5, le=60)] = 3.0
    """Seconds between two questions for replicas that have appeared, where a component scales."""


class Environment(UserModel):
    """One environment file."""

    name: Slug
    title: str
    driver: Literal["local"]
    commands: Commands
    components: Annotated[dict[Slug, Component], Field(min_length=1)]
    under_load: Slug
    """The component that takes the load; a run may override its number of replicas."""
    observation: Observation = Observation()
    links: Links = Links()
    sign_off: bool = False
    default_profile: ProfileName = "smoke"
    start_timeout: Annotated[Duration, Field(gt=0, le=3600)] = 60.0

    @model_validator(mode="after")
    def _known_component(self) -> "Environment":
        if self.under_load not in self.components:
            legal = ", ".join(self.components)
            raise ValueError(f"under_load: {self.under_load!r} is not a component; legal are {legal}")
        return self
