"""Several scenarios in one run: their order, the steady state between them, replicas that come and go, their words."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from readiness.cli.validate import validate
from readiness.clients.target_process import TargetError
from readiness.stages import sequence, steady_state
from readiness.stages.plan import Request, every_scenario, resolve
from readiness.stages.replica_discovery import Discovery, Replica
from readiness.stages.run import StageError
from readiness.stages.steady_state import NotSteadyError, await_steady, settle
from short_scenarios import ROOT


def part(component: str, number: int, ready: bool = True) -> dict[str, Any]:
    url = None if component == "postgres" else f"http://127.0.0.1:{9000 + number}"
    return {"component": component, "replica": f"{component}-{number}", "admin_url": url, "pid": 1, "ready": ready}


def status(*parts: dict[str, Any], state: str = "ready") -> dict[str, Any]:
    return {"state": state, "components": list(parts)}


WHOLE = status(part("automation", 0), part("automation", 1), part("postgres", 0))


class Target:
    """Gives one status after the other, the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.may_scale, self.scaled = False, list[int]()

    def scale(self, most: int) -> bool:
        self.scaled.append(most)
        return self.may_scale

    def status(self) -> dict[str, Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def run_on(target: Target, *, moves: bool = False) -> Any:
    declared = {"automation": SimpleNamespace(metrics=True), "postgres": SimpleNamespace(metrics=False)}
    observation = SimpleNamespace(discovery=0.5)
    environment = SimpleNamespace(under_load="automation", components=declared, observation=observation)
    return SimpleNamespace(
        target=target, plan=SimpleNamespace(environment=environment), replicas=lambda: {"automation": 2, "postgres": 1},
        most_replicas=lambda: {"automation": 4}, status=lambda: WHOLE, moves=moves,
    )  # fmt: skip


@pytest.fixture
def depths(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the queue's depth is read as; the last one for ever. Nothing is waited for."""
    found = [0.0]
    monkeypatch.setattr(
        steady_state.platform_api, "read_metric", lambda *_: found.pop(0) if len(found) > 1 else found[0]
    )
    monkeypatch.setattr(steady_state, "_BETWEEN_S", 0.001)
    return found


def test_every_scenario_those_without_a_fault_first_and_the_light_before_the_heavy() -> None:
    assert every_scenario(ROOT / "scenarios") == ("steady", "sustained", "peak", "burst", "failover", "cascading")


def test_the_plan_holds_what_a_smoke_run_judges() -> None:
    request = Request("local", ("sustained",), ROOT / "scenarios", profile="smoke")
    (smoke,) = resolve("20261124T120000Z-local-aaaaaa", request).scenarios
    assert {item.name for item in smoke.objectives if item.severity == "advisory"} == {"memory-slope", "cpu-slope"}


@pytest.mark.usefixtures("depths")
def test_a_steady_target_is_not_waited_for() -> None:
    assert await_steady(run_on(Target(WHOLE)))["waited_for"] == []


def test_what_was_scaled_out_what_restarts_and_what_is_queued_is_waited_for(depths: list[float]) -> None:
    depths[:] = [7.0, 0.0]
    more = status(*WHOLE["components"], part("automation", 2))
    starting = status(*WHOLE["components"], state="degraded")
    away = TargetError("the status does not answer")
    found = await_steady(run_on(Target(more, starting, away, WHOLE)), longest_s=20)
    assert found["waited_for"] == ["the queue holds 7 events"]


@pytest.mark.usefixtures("depths")
def test_a_target_that_does_not_come_back_is_named() -> None:
    with pytest.raises(NotSteadyError, match="3 automation run instead of 2"):
        await_steady(run_on(Target(status(*WHOLE["components"], part("automation", 2)))), longest_s=0.01)


@pytest.mark.usefixtures("depths")
@pytest.mark.parametrize(("drill", "asked", "may"), [(None, [2, 4], 4), ("a fault", [2], 2)])
def test_what_was_scaled_out_goes_at_once_and_a_drill_is_made_at_the_declared_number(
    drill: Any, asked: list[int], may: int
) -> None:
    target = Target(WHOLE)
    target.may_scale = True
    scenario: Any = SimpleNamespace(drill=drill)
    facts = settle(run_on(target), scenario)
    assert (target.scaled, facts["max_replicas"]) == (asked, may)
    target = Target(WHOLE)
    assert settle(run_on(target), scenario)["max_replicas"] == 4  # no command for it: it scales as it likes


class Observing:
    def __init__(self) -> None:
        self.replicas = [Replica("automation", f"automation-{k}", None, 1, True) for k in (0, 1)]
        self.left_ns: dict[str, int] = {}
        self.said: dict[str, tuple[bool, float]] = {}

    def join(self, replica: Replica) -> None:
        self.left_ns.pop(replica.name, None)
        self.replicas = [item for item in self.replicas if item.name != replica.name] + [replica]

    def leave(self, name: str, at_ns: int) -> None:
        self.left_ns[name] = at_ns


def test_replicas_that_appear_join_and_those_that_go_leave_but_never_one_of_the_first() -> None:
    observing = Observing()
    discovery = Discovery(run_on(Target(WHOLE)), observing)
    now_ns = time.time_ns()
    discovery.compare(status(*WHOLE["components"], part("automation", 2), part("postgres", 1)), now_ns)
    assert [item.name for item in observing.replicas] == ["automation-0", "automation-1", "automation-2"]
    assert observing.replicas[2].joined_ns == now_ns
    discovery.compare(status(part("automation", 0)), now_ns + 1)
    assert observing.left_ns == {"automation-2": now_ns + 1}
    discovery.compare(status(part("automation", 0), part("automation", 2)), now_ns + 2)
    assert observing.left_ns == {}
    assert observing.replicas[-1].joined_ns == now_ns + 2


def test_a_replica_that_is_found_before_it_has_an_address_serves_metrics_as_its_component_does() -> None:
    observing = Observing()
    discovery = Discovery(run_on(Target(WHOLE), moves=True), observing)
    starting = part("automation", 2) | {"admin_url": None, "pid": None}
    discovery.compare(status(*WHOLE["components"], starting), 1)
    assert {item.name: item.metrics for item in observing.replicas}["automation-2"] is True
    discovery.compare(status(*WHOLE["components"], part("automation", 2)), 2)
    found = {item.name: item for item in observing.replicas}
    assert (found["automation-2"].admin_url, found["automation-2"].metrics) == ("http://127.0.0.1:9002", True)


def test_a_replica_is_followed_to_the_address_of_its_next_pod() -> None:
    observing = Observing()
    discovery = Discovery(run_on(Target(WHOLE), moves=True), observing)
    first = part("automation", 0) | {"admin_url": "http://198.18.0.1:8081"}
    discovery.compare(status(first, part("automation", 1)), 1)
    discovery.compare(status(part("automation", 1)), 2)
    assert {item.name: item.admin_url for item in observing.replicas}["automation-0"] is None
    assert observing.said["automation-0"][0] is False
    assert observing.left_ns == {}  # without it the target is not whole
    discovery.compare(status(first | {"admin_url": "http://198.18.0.9:8081"}, part("automation", 1)), 3)
    found = {item.name: item for item in observing.replicas}
    assert found["automation-0"].admin_url == "http://198.18.0.9:8081"
    assert found["automation-0"].joined_ns is None
    assert observing.said["automation-0"][0] is True


def measured(monkeypatch: pytest.MonkeyPatch, failures: dict[str, StageError]) -> tuple[list[str], list[str]]:
    done, said = [], []

    def load(_run: Any, name: str) -> None:
        done.append(name)
        if name in failures:
            raise failures[name]

    monkeypatch.setattr(sequence, "load", load)
    monkeypatch.setattr(sequence, "collect", lambda *_: None)
    scenario = SimpleNamespace(replayed=False)
    run: Any = SimpleNamespace(plan=SimpleNamespace(scenario_names=("a", "b", "c"), scenario=lambda _: scenario))
    try:
        sequence._measure(run, said.append)
    except NotSteadyError as error:
        said.append(f"ended: {error}")
    return done, said


def test_a_scenario_that_failed_does_not_keep_the_next_from_being_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    done, said = measured(monkeypatch, {"b": StageError("the generator ended")})
    assert done == ["a", "b", "c"]
    assert said == ["b: the generator ended"]


def test_a_target_that_is_not_steady_any_more_ends_the_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    done, said = measured(monkeypatch, {"b": NotSteadyError("2 automation run instead of 3")})
    assert done == ["a", "b"]
    assert said == ["ended: 2 automation run instead of 3"]


def test_the_worked_example_of_contributing_is_a_valid_scenario(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    example = text.split("## Add a scenario", 1)[1].split("```yaml\n", 1)[1].split("```", 1)[0]
    path = tmp_path / "evening.yaml"
    path.write_text(example)
    valid = CliRunner().invoke(validate, [str(path)])
    assert (valid.exit_code, valid.output) == (0, "1 files, 0 problems\n")
    path.write_text(example.replace("accept_latency", "accept_latencies"))
    refused = CliRunner().invoke(validate, [str(path)])
    assert refused.exit_code == 1
    assert "no stage produces the metric 'accept_latencies'" in refused.output
