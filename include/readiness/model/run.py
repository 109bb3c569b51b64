"""A run as it was asked for: everything that later stages need, resolved and frozen in ``_run/plan/run.json``."""

from dataclasses import dataclass
from typing import Any, Literal

from readiness.model.environment_kinds import AnyEnvironment
from readiness.model.scenario import Scenario
from readiness.model.written import ProfileName

Purpose = Literal["release", "drill"]


@dataclass(frozen=True)
class RunPlan:
    """``fingerprint``: what must be equal for two runs to be comparable. ``seed``: of arrivals and traffic.
    ``purpose``: a drill shows how the release that runs there stands a fault; it gates nothing, and nobody signs it.
    ``follows_images``: the evidence of each scenario must tell the image of every pod; False where there are no images,
    and in plans of before, whose archives stay valid as they are."""

    schema: Literal[1]
    run_id: str
    created_at: str
    requested_by: str
    environment: AnyEnvironment
    scenarios: tuple[Scenario, ...]
    profile: ProfileName
    version_under_test: str
    sign_off: bool
    replicas: int
    port: int
    seed: int
    fingerprint: dict[str, Any]
    purpose: Purpose = "release"
    follows_images: bool = False

    @property
    def scenario_names(self) -> tuple[str, ...]:
        return tuple(scenario.name for scenario in self.scenarios)

    @property
    def links(self) -> tuple[str, ...]:
        """The connections ("from:to") on which a drill of this run injects faults, each once."""
        steps = [step for scenario in self.scenarios if scenario.drill for step in scenario.drill.steps]
        return tuple(dict.fromkeys(step.link for step in steps if step.link is not None))

    def scenario(self, name: str) -> Scenario:
        """The scenario of that name. Raises KeyError for one that the run does not have."""
        for scenario in self.scenarios:
            if scenario.name == name:
                return scenario
        raise KeyError(f"run {self.run_id} has no scenario {name!r}; it has {', '.join(self.scenario_names)}")
