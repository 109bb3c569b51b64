"""What users write in scenarios/*.yaml: load, an optional drill, objectives and a baseline policy."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from readiness.model.drill import Drill
from readiness.model.metric import CATALOGUE, PROBES, VERDICTS_CHANGED, Metric
from readiness.model.quantity import Dimension, parse, show
from readiness.model.written import Duration, ProfileName, Rate, Slug, UserModel

_MUST = re.compile(r"^\s*(<=|>=|==|<|>)\s*(.+)$")


Severity = Literal["blocking", "advisory"]


class Target(UserModel):
    """A comparison with a number in the kept unit of its dimension; written "< 200ms"."""

    comparison: Literal["<", "<=", ">", ">=", "=="]
    value: float
    dimension: Dimension

    def __str__(self) -> str:
        return f"{self.comparison} {show(self.value, self.dimension)}"

    def holds(self, value: float) -> bool:
        """Whether ``value`` (in the kept unit) satisfies the comparison."""
        return {
            "<": value < self.value,
            "<=": value <= self.value,
            ">": value > self.value,
            ">=": value >= self.value,
            "==": value == self.value,
        }[self.comparison]


class Objective(UserModel):
    """One thing that must hold. ``must`` is written as a comparison with a unit that fits the metric."""

    name: Slug
    metric: str
    statistic: str | None = None
    must: Target
    severity: Severity = "blocking"
    smoke_severity: Severity | None = None
    """In a smoke run instead: "advisory" where its short phases cannot judge what the full ones do."""
    confidence: Annotated[float, Field(ge=0.8, le=0.999)] = 0.95

    @model_validator(mode="before")
    @classmethod
    def _read_target(cls, data: Any) -> Any:
        """Turn ``must: "< 200ms"`` into a Target; the metric decides which units are legal."""
        if not isinstance(data, dict) or not isinstance(data.get("must"), str):
            return data
        metric, match = CATALOGUE.get(str(data.get("metric"))), _MUST.match(data["must"])
        if match is None:
            raise ValueError(f"must: {data['must']!r} is not a comparison; write one of < <= > >= == and a quantity")
        if metric is None:
            # The metric's own validator reports it; any dimension lets the other fields be checked too.
            return {**data, "must": Target(comparison="==", value=0, dimension=Dimension.COUNT)}
        value = parse(match[2], metric.dimension)
        return {**data, "must": {"comparison": match[1], "value": value, "dimension": metric.dimension}}

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, name: str) -> str:
        if name not in CATALOGUE:
            raise ValueError(f"no stage produces the metric {name!r}; legal are {', '.join(CATALOGUE)}")
        return name

    @model_validator(mode="after")
    def _fitting_statistic(self) -> "Objective":
        legal = CATALOGUE[self.metric].statistics
        if legal and self.statistic not in legal:
            raise ValueError(f"statistic: {self.metric} needs one of {', '.join(legal)}, not {self.statistic!r}")
        if not legal and self.statistic is not None:
            raise ValueError(f"statistic: {self.metric} is one number; leave statistic out")
        return self

    @property
    def definition(self) -> Metric:
        """The metric's entry in the catalogue."""
        return CATALOGUE[self.metric]


class Load(UserModel):
    """Open-loop load: arrivals at a mean rate, drawn from recorded traffic."""

    rate: Rate
    arrivals: Literal["poisson", "constant"] = "poisson"
    traffic: Literal["suricata"] = "suricata"
    request_timeout: Duration = 5.0


class Profile(UserModel):
    """Durations of the phases, in seconds. Rates are the same in every profile."""

    warmup: Duration
    measure: Annotated[Duration, Field(gt=0, le=4 * 3600)]
    drain: Duration = 60.0
    """Deadline for the platform to finish what it accepted, after the load has ended."""


class Baseline(UserModel):
    """Whether a run needs earlier runs to compare with, and how many."""

    required: bool = False
    runs: Annotated[int, Field(ge=20)] = 20


class Scenario(UserModel):
    """One scenario file."""

    name: Slug
    title: str
    description: str = ""
    load: Load
    profiles: dict[ProfileName, Profile]
    drill: Drill | None = None
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    baseline: Baseline = Baseline()

    @model_validator(mode="after")
    def _complete(self) -> "Scenario":
        missing = {"full", "smoke"} - set(self.profiles)
        if missing:
            raise ValueError(f"profiles: {' and '.join(sorted(missing))} missing; both full and smoke are needed")
        names = [objective.name for objective in self.objectives]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"objectives: the name {', '.join(twice)} is used more than once")
        return self

    def in_profile(self, profile: ProfileName) -> "Scenario":
        """This scenario as a run of that profile judges it: objectives have the severity of the profile."""
        objectives = tuple(
            item.model_copy(update={"severity": item.smoke_severity})
            if profile == "smoke" and item.smoke_severity is not None
            else item
            for item in self.objectives
        )
        return self.model_copy(update={"objectives": objectives})

    @model_validator(mode="after")
    def _drill_for_its_metrics(self) -> "Scenario":
        idle = [item.name for item in self.objectives if item.definition.stage == "drill"]
        if idle and self.drill is None:
            raise ValueError(
                f"objectives: {', '.join(idle)} can be measured only while a fault is in place; add a drill"
            )
        return self

    @property
    def probed(self) -> bool:
        """Whether probes run beside the load: for an objective that rests on them, and wherever faults are injected."""
        return self.drill is not None or any(PROBES in item.definition.evidence for item in self.objectives)

    @property
    def replayed(self) -> bool:
        """Whether a sample of the events is sent again when it is quiet, to compare the verdicts."""
        return any(item.metric == VERDICTS_CHANGED for item in self.objectives)
