"""Recovery and the degraded rate, from drills whose times are known."""

from dataclasses import replace
from typing import Any

import pytest
from readiness.analysis.bound import AtLeast
from readiness.analysis.measure import measure
from readiness.checks.completeness import Expected, no_gaps
from readiness.model.dataset import ScenarioEvidence
from readiness.model.verdict import Verdict
from synthetic_evidence import START_NS, S, steady_evidence

EXPECTED = Expected(5.0, {"automation": 3, "postgres": 1, "sink": 1}, frozenset({"automation"}))


def step(injected_s: float, restored_s: float | None, healthy_s: float | None, **changes: Any) -> dict[str, Any]:
    """A step; times in seconds after START_NS. In place 0.1 s after its injection, not healthy 0.2 s before it was."""

    def at(seconds: float | None) -> int | None:
        return None if seconds is None else START_NS + round(seconds * S)

    lasts = None if restored_s is None else restored_s - injected_s
    return {
        "index": 0, "action": "kill", "describe": "kill automation-0", "components": ["automation"], "for_s": lasts,
        "victims": [{"component": "automation", "replica": "automation-0", "pid": 1}],
        "due_ns": at(injected_s), "injected_ns": at(injected_s), "in_place_ns": at(injected_s + 0.1),
        "restored_ns": at(restored_s if restored_s is not None else injected_s + 0.1),
        "unhealthy_ns": None if healthy_s is None else at(healthy_s - 0.2), "healthy_ns": at(healthy_s), "error": "",
    } | changes  # fmt: skip


def with_steps(*steps: dict[str, Any], evidence: ScenarioEvidence | None = None) -> ScenarioEvidence:
    facts = {
        "schema": 1, "started_ns": START_NS, "finished_ns": START_NS + 35 * S, "leftovers": [], "steps": list(steps),
        "under_load": "automation", "replicas": {"automation": 3},
    }  # fmt: skip
    return replace(evidence or steady_evidence(), drill=facts)


def test_recovery_of_a_fault_that_does_not_last_counts_from_its_injection() -> None:
    found = measure("recovery_time", None, 0.95, with_steps(step(15, None, 17.5)))
    assert found.value == pytest.approx(2.5)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((2.3, 2.5))


def test_recovery_of_a_fault_that_lasts_counts_from_its_end_and_the_longest_counts() -> None:
    found = measure("recovery_time", None, 0.95, with_steps(step(12, 16, 17), step(20, 22, 25)))
    assert found.value == pytest.approx(3)


def test_nothing_recovers_while_another_fault_is_in_place() -> None:
    found = measure("recovery_time", None, 0.95, with_steps(step(12, None, 21), step(12.5, 18, 21)))
    assert found.value == pytest.approx(3)


def test_a_target_that_never_recovers_is_known_to_take_at_least_as_long_as_it_was_watched() -> None:
    found = measure("recovery_time", None, 0.95, with_steps(step(15, None, None)))
    assert isinstance(found, AtLeast)
    assert found.bound == pytest.approx(20)


def test_a_relapse_after_the_drill_thought_all_was_well_is_part_of_the_recovery() -> None:
    evidence = steady_evidence()
    health = evidence.health.copy()
    relapse = (health["replica"] == "automation-1") & health["time_ns"].between(START_NS + 20 * S, START_NS + 23 * S)
    assert relapse.any()
    health.loc[relapse, "ready"] = False
    found = measure(
        "recovery_time", None, 0.95, with_steps(step(15, None, 17), evidence=replace(evidence, health=health))
    )
    assert found.value is not None
    assert found.value >= 7.5
    assert "a replica was not ready again after it" in found.note


def test_without_an_injected_fault_nothing_is_measured() -> None:
    never = step(15, None, None, injected_ns=None)
    for metric in ("recovery_time", "degraded_rate"):
        assert measure(metric, None, 0.95, with_steps(never)).value is None
        assert measure(metric, None, 0.95, steady_evidence()).value is None


def test_the_degraded_rate_counts_what_was_acknowledged_meanwhile() -> None:
    evidence = with_steps(step(15, 20, 21))
    done = evidence.requests["done_ns"]
    count = int(((done >= START_NS + round(15.1 * S)) & (done < START_NS + 20 * S)).sum())
    found = measure("degraded_rate", None, 0.95, evidence)
    assert found.n == count > 20
    assert found.value == pytest.approx(count / 4.9)
    assert found.interval is not None
    assert found.interval.low < found.value < found.interval.high


@pytest.mark.parametrize(
    "last",
    [
        step(17, 20, 21, action="dependency_down", victims=[]),
        step(17, 20, 21, victims=[{"component": "automation", "replica": f"automation-{k}", "pid": k} for k in (1, 2)]),
    ],
)
def test_the_time_with_no_replica_left_is_not_degraded_but_down(last: dict[str, Any]) -> None:
    evidence = with_steps(step(15, 20, 21), last)
    alone = measure("degraded_rate", None, 0.95, evidence)
    assert alone.note.endswith("in 2.0 s")  # from 15.1, when the first was in place, to 17.1, when the others were


def test_a_platform_that_takes_nothing_while_degraded_has_rate_0_with_an_upper_bound() -> None:
    evidence = steady_evidence()
    requests = evidence.requests.copy()
    inside = requests["done_ns"].between(START_NS + 15 * S, START_NS + 20 * S)
    requests.loc[inside, "status"] = 503
    found = measure(
        "degraded_rate", None, 0.95, with_steps(step(15, 20, 21), evidence=replace(evidence, requests=requests))
    )
    assert found.value == 0
    assert found.interval is not None
    assert found.interval.high == pytest.approx(3.689 / 4.9, rel=1e-3)  # -ln(0.025) = 3.689


def silent(evidence: ScenarioEvidence, from_s: float, to_s: float) -> ScenarioEvidence:
    """automation-0 serves no metrics for a while."""
    rows = evidence.metrics
    gone = (rows["replica"] == "automation-0") & rows["time_ns"].between(
        START_NS + round(from_s * S), START_NS + round(to_s * S)
    )
    return replace(evidence, metrics=rows[~gone])


def verdicts(evidence: ScenarioEvidence) -> set[Verdict]:
    return {check.verdict for check in no_gaps(evidence, EXPECTED)}


def test_a_gap_that_the_drill_made_is_none() -> None:
    held = silent(steady_evidence(), 15, 24)
    assert verdicts(held) == {Verdict.PASS, Verdict.FAIL}
    assert verdicts(with_steps(step(15, 23, 24), evidence=held)) == {Verdict.PASS}


@pytest.mark.parametrize(
    "fault",
    [
        step(15, 17, 18),  # over long before the gap is
        step(15, 23, 24, victims=[{"component": "automation", "replica": "automation-1", "pid": 1}]),
        step(15, 23, 24, injected_ns=None),
    ],
)
def test_a_gap_that_the_drill_does_not_explain_stays_one(fault: dict[str, Any]) -> None:
    assert Verdict.FAIL in verdicts(with_steps(fault, evidence=silent(steady_evidence(), 15, 26)))
