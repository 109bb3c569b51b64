"""The archive's vocabulary: scopes, stages, seals, and the closed set of evidence that a run implies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from readiness.model.scenario import Scenario

RUN_SCOPE = "_run"
"""Scope of the stages that serve the whole run; no scenario can have this name."""

PROBE_SUFFIX, REPLAY_SUFFIX = "/probe", "/replay"
"""Appended to the source of a scenario's events: the source of its write probes, and of what is sent once more."""

RUN_STAGES: tuple[str, ...] = ("plan", "deploy", "verify")
"""The stages of the whole run that make up, before those of its scenarios (``scenario_stages``), the evidence digest.
Report, sign-off, decision and teardown come after the evidence and are not part of it."""

REQUIRED_FILES: dict[str, tuple[str, ...]] = {
    "plan": ("run.json",),
    "deploy": ("deploy.json",),
    "verify": ("verify.json",),
    "load": ("plan.json", "requests.parquet", "phases.json", "generator.json"),
    # metrics.parquet is beside them or in collect, as the environment says; who reads the evidence demands it there.
    "observe": ("health.parquet", "observe.json"),
    "probe": ("samples.parquet", "probe.json"),
    "drill": ("drill.json",),
    "collect": ("audit.parquet", "deliveries.parquet", "collect.json"),
    "replay": ("verdicts.parquet", "replay.json"),
    "check": ("result.json", "ledger.parquet"),
    "report": ("report.html", "report.json"),
    "sign_off": ("sign-off.json",),
    "decide": ("decision.json",),
    "teardown": ("teardown.json",),
}
"""Files that each stage must have sealed; one of the evidence that is missing makes the run INCONCLUSIVE."""


@dataclass(frozen=True, order=True)
class StageRef:
    """A stage of a run: ``scope`` is a scenario's name or RUN_SCOPE."""

    scope: str
    stage: str

    def __str__(self) -> str:
        return f"{self.scope}/{self.stage}"


@dataclass(frozen=True)
class SealedFile:
    """A file of a sealed stage; ``rows`` for data sets."""

    name: str
    size_bytes: int
    sha256: str
    rows: int | None = None


@dataclass(frozen=True)
class Seal:
    """``stage.json``: written last, after which nothing in the folder changes."""

    schema: Literal[1]
    run_id: str
    scope: str
    stage: str
    attempt: int
    started_ns: int
    finished_ns: int
    outcome: Literal["done", "failed"]
    reason: str
    inputs: dict[str, str]
    """"scope/stage" -> sha256 of the seal that was read."""
    files: tuple[SealedFile, ...]
    fingerprint: dict[str, Any] = field(default_factory=dict)


def scenario_stages(scenario: Scenario) -> tuple[str, ...]:
    """The stages whose evidence a decision over this scenario needs, in the order of the digest."""
    return (*measuring_stages(scenario), "check")


def measuring_stages(scenario: Scenario) -> tuple[str, ...]:
    """The stages that leave the evidence which the check stage of this scenario judges."""
    beside = [stage for stage, needed in (("probe", scenario.probed), ("drill", scenario.drill)) if needed]
    return ("load", "observe", *beside, "collect", *(["replay"] if scenario.replayed else []))


def evidence_stages(scenarios: tuple[Scenario, ...]) -> tuple[StageRef, ...]:
    """Every stage whose evidence a decision over these scenarios needs, in the order of the digest."""
    of_run = tuple(StageRef(RUN_SCOPE, stage) for stage in RUN_STAGES)
    return of_run + tuple(StageRef(item.name, stage) for item in scenarios for stage in scenario_stages(item))
