"""The steps of a drill: each action has its own keys, and what is wrong is said with file and line."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from readiness.model.document import from_json, to_json
from readiness.model.drill import ACTIONS, Drill, Slow
from readiness.spec.files import read_scenario
from readiness.spec.problem import SpecError

GOOD: dict[str, dict[str, Any]] = {
    "kill": {"component": "automation", "replicas": 2, "signal": "TERM", "for": "15s"},
    "pause": {"component": "automation", "for": "3s"},
    "dependency_down": {"component": "postgres", "for": "5s"},
    "disk_full": {"component": "postgres", "for": "5s"},
    "partition": {"between": ["automation", "sink"], "how": "refuse", "for": "5s"},
    "slow": {"between": ["automation", "vpn-core"], "latency": "200ms", "bandwidth": "8Mbit/s", "for": "5s"},
    "drain": {"component": "automation", "for": "20s"},
    "command": {"component": "automation", "fault": "cut-power", "for": "5s"},
}


def drill(*steps: dict[str, Any]) -> Drill:
    return Drill.model_validate({"steps": list(steps)})


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_is_read_and_kept_in_the_archive_as_it_was(action: str) -> None:
    asked = drill({"at": "40%", "after": "2s", "action": action, **GOOD[action]})
    assert asked.steps[0].lasts_s is not None
    assert from_json(Drill, to_json(asked)) == asked


def test_units_are_kept_in_seconds_and_bytes() -> None:
    (step,) = drill({"at": "40%", "action": "slow", **GOOD["slow"]}).steps
    assert isinstance(step, Slow)
    assert (step.latency, step.bandwidth, step.lasts_s, step.link) == (0.2, 1_000_000, 5, "automation:vpn-core")


def test_a_kill_without_a_time_is_done_at_once() -> None:
    assert drill({"at": "40%", "action": "kill", "component": "automation"}).steps[0].lasts_s is None


@pytest.mark.parametrize("steps", [[], [{"at": "1%", "action": "kill", "component": "a"}] * 21])
def test_a_drill_has_some_steps_and_not_too_many(steps: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError, match="write 1 to 20"):
        drill(*steps)


def test_steps_come_in_the_order_of_their_times() -> None:
    first = {"at": "40%", "after": "5s", "action": "kill", "component": "automation"}
    with pytest.raises(ValidationError, match="in the order of their times"):
        drill(first, first | {"after": "4s"})


HEAD = """name: bad
title: Bad
load: {rate: 600/min}
profiles:
  full: {warmup: 1s, measure: 5s}
  smoke: {warmup: 1s, measure: 5s}
objectives: [{name: recovery, metric: recovery_time, must: "< 60s"}]
drill:
  steps:
"""
BAD = {
    "{at: 40%, action: kill, signal: NIL, component: a}": "drill.steps.0.signal: Input should be 'KILL' or 'TERM'",
    "{at: 40%, action: kill, component: a, for: 31s}": "drill.steps.0.for: Input should be less than or equal to 30",
    "{at: 40%, action: kill, component: a, fro: 3s}": "drill.steps.0.fro: unknown key; legal keys are at, after, "
    "action, component, replicas, signal, for",
    "{at: 40%, action: explode, component: a}": "drill.steps.0.action: 'explode' is none that there is; write one of "
    "'kill', 'pause', 'dependency_down', 'disk_full', 'partition', 'slow'",
    "{at: 40%, component: a}": "drill.steps.0.action: this key is missing; write action: and one of 'kill'",
    "{at: 40%, action: pause, component: a}": "drill.steps.0.for: this key is missing",
    "{at: 40%, action: slow, between: [a, b], for: 3s}": "drill.steps.0: write a latency, a bandwidth or both",
    "{at: 40%, action: partition, between: [a], for: 3s}": "drill.steps.0.between: Tuple should have at least 2 items",
    "{at: 40%, action: slow, between: [a, b], latency: 3, for: 3s}": "drill.steps.0.latency: 3 has no unit",
    "{at: 40%, action: slow, between: [a, b], bandwidth: 3s, for: 3s}": "has the unit 's'; write a number >= 0 with "
    "one of the units B/s, KiB/s, MiB/s, kbit/s, Mbit/s",
}


@pytest.mark.parametrize("step", BAD)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, step: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(HEAD + f"    - {step}\n")
    with pytest.raises(SpecError) as caught:
        read_scenario(path)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"{path}:10: ")
    assert BAD[step] in problem
