"""What users write below ``drill`` in a scenario: the faults, when they come and how long they last.

A new kind of fault is a class here and one in ``readiness.drills`` (see CONTRIBUTING.md).
"""

from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from readiness.model.written import Bandwidth, Duration, Share, Slug, UserModel

LONGEST_S = 120.0
MOST_STEPS = 20
LONGEST_DOWN_S = 30.0
"""A supervisor that finds its process dead again and again waits longer each time and at last gives up: the reference
platform's after 10 starts in about 55 s. Then nothing would recover by itself."""

Lasts = Annotated[Duration, Field(gt=0, le=LONGEST_S)]
Down = Annotated[Duration, Field(gt=0, le=LONGEST_DOWN_S)]


class Step(UserModel):
    """One fault. ``at``: its time as a share of the measured phase; ``after``: a delay on top of it, so that a step
    can follow another one as closely in a long profile as in a short one."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=False, validate_by_alias=True)

    at: Share
    after: Annotated[Duration, Field(le=LONGEST_S)] = 0.0

    @property
    def lasts_s(self) -> float | None:
        """How long the fault stays in place, in seconds; None for one that is done at once."""
        lasts: float | None = getattr(self, "lasts", None)
        return lasts

    @property
    def kinds(self) -> tuple[str, ...]:
        """What kind of fault it is, from the wider to the narrower: "partition", "partition (refuse)"."""
        return (str(self.__dict__["action"]),)

    @property
    def components(self) -> tuple[str, ...]:
        """The components that the environment must have for this step."""
        return (str(self.__dict__["component"]),)

    @property
    def link(self) -> str | None:
        """ "from:to", the connection that the fault is on; None for a fault of a process."""
        return None


class Kill(Step):
    """End replicas: KILL at once, TERM in order. With ``for`` every replacement is ended, too, until that time is
    over; without, the supervisor may start the next at once."""

    action: Literal["kill"]
    component: Slug
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    signal: Literal["KILL", "TERM"] = "KILL"
    lasts: Down | None = Field(default=None, alias="for")


class Pause(Step):
    """Stop replicas (SIGSTOP) and let them go on (SIGCONT): they hold their connections and answer nothing."""

    action: Literal["pause"]
    component: Slug
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    lasts: Lasts = Field(alias="for")


class DependencyDown(Step):
    """All replicas of a component are gone, their replacements too, until the time is over."""

    action: Literal["dependency_down"]
    component: Slug
    lasts: Down = Field(alias="for")


class DiskFull(Step):
    """The file system that a component writes to has no room left."""

    action: Literal["disk_full"]
    component: Slug
    lasts: Lasts = Field(alias="for")


class Drain(Step):
    """A node with a replica of the component takes no more pods, and every pod of the platform on it is evicted, as
    their disruption budgets allow; afterwards the node is used again. In a cluster only."""

    action: Literal["drain"]
    component: Slug
    lasts: Lasts = Field(alias="for")


class _BetweenStep(Step):
    between: Annotated[tuple[Slug, ...], Field(min_length=2, max_length=2)]
    """The component that connects, and the one that it connects to."""
    lasts: Lasts = Field(alias="for")

    @property
    def components(self) -> tuple[str, ...]:
        return self.between

    @property
    def link(self) -> str:
        return ":".join(self.between)


class Partition(_BetweenStep):
    """No connection between two components: ``refuse`` breaks those that are open and refuses new ones, ``drop`` lets
    everything that is sent vanish from sight until it is over."""

    action: Literal["partition"]
    how: Literal["refuse", "drop"] = "drop"

    @property
    def kinds(self) -> tuple[str, ...]:
        """See Step."""
        return (self.action, f"{self.action} ({self.how})")


class Slow(_BetweenStep):
    """A slow connection. ``latency`` is added in each direction; ``bandwidth`` is shared by all that use the link."""

    action: Literal["slow"]
    latency: Annotated[Duration, Field(le=10)] = 0.0
    bandwidth: Bandwidth | None = None

    @model_validator(mode="after")
    def _slows(self) -> "Slow":
        if not self.latency and self.bandwidth is None:
            raise ValueError("write a latency, a bandwidth or both; without them nothing would be slow")
        return self


class Command(Step):
    """A fault that the environment file names under ``faults``: its commands put it in place and take it back. For a
    target that is not ours. Without ``for`` it is done at once, and the target must recover by itself."""

    action: Literal["command"]
    fault: Slug
    component: Slug
    lasts: Lasts | None = Field(default=None, alias="for")


DrillStep = Annotated[
    Kill | Pause | DependencyDown | DiskFull | Partition | Slow | Drain | Command, Field(discriminator="action")
]
ACTIONS: tuple[str, ...] = tuple(
    get_args(kind.model_fields["action"].annotation)[0]
    for kind in (Kill, Pause, DependencyDown, DiskFull, Partition, Slow, Drain, Command)
)


class Drill(UserModel):
    """Faults injected during the measured phase, in the order of their times."""

    steps: tuple[DrillStep, ...]

    @model_validator(mode="after")
    def _in_order(self) -> "Drill":
        if not 1 <= len(self.steps) <= MOST_STEPS:
            raise ValueError(f"steps: {len(self.steps)} of them; write 1 to {MOST_STEPS}")
        times = [(step.at, step.after) for step in self.steps]
        if times != sorted(times):
            raise ValueError("steps: must be in the order of their times (at, then after)")
        return self
