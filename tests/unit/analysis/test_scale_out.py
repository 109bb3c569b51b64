"""Scaling out: when it was done, and that replicas that never came are no pass."""

from dataclasses import replace

import pytest
from planted_faults import with_not_ready
from readiness.analysis.bound import AtLeast
from readiness.analysis.judge import judge_objective
from readiness.analysis.measure import measure
from readiness.checks.completeness import Expected, no_gaps, replicas_present
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import Measurement
from readiness.model.scenario import Objective
from readiness.model.verdict import Verdict
from scaled_evidence import with_replica_added
from synthetic_evidence import COMPONENTS, WITH_METRICS, S, steady_evidence

OBJECTIVE = Objective.model_validate({"name": "scale-out", "metric": "scale_out_time", "must": "< 2min"})


@pytest.fixture(scope="module")
def loaded() -> ScenarioEvidence:
    """Two minutes and five seconds of load."""
    return steady_evidence(rate_per_s=2, warmup_s=5, measure_s=120)


def scale_out(evidence: ScenarioEvidence) -> Measurement:
    return measure("scale_out_time", None, 0.95, evidence)


def test_it_counts_from_the_start_of_the_load_to_the_tick_at_which_all_that_came_are_ready(
    loaded: ScenarioEvidence,
) -> None:
    one = with_replica_added(loaded, "automation-3", found_s=20, ready_s=22)
    both = with_replica_added(one, "automation-4", found_s=20, ready_s=25)
    found = scale_out(both)
    assert found.value == pytest.approx(25.3)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (pytest.approx(24.3), pytest.approx(25.3))
    assert found.n == 2
    assert "automation-3, automation-4 added" in found.note
    assert judge_objective(OBJECTIVE, found).verdict is Verdict.PASS


def test_one_that_was_ready_when_it_was_found_may_have_been_so_since_the_question_before(
    loaded: ScenarioEvidence,
) -> None:
    found = scale_out(with_replica_added(loaded, "automation-3", found_s=20, ready_s=0))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (pytest.approx(17.0), pytest.approx(20.3))


def test_a_later_replica_does_not_undo_what_was_done(loaded: ScenarioEvidence) -> None:
    first = with_replica_added(loaded, "automation-3", found_s=20, ready_s=22)
    assert scale_out(with_replica_added(first, "automation-4", found_s=90, ready_s=95)) == scale_out(first)


@pytest.mark.parametrize("never", [False, True])
def test_no_scale_out_fails_once_the_limit_is_passed(loaded: ScenarioEvidence, never: bool) -> None:
    evidence = with_replica_added(loaded, "automation-3", found_s=20, ready_s=None) if never else loaded
    found = scale_out(evidence)
    assert isinstance(found, AtLeast)
    assert found.bound == pytest.approx(125)
    judged = judge_objective(OBJECTIVE, found)
    assert judged.verdict is Verdict.FAIL
    assert ("never were all ready" if never else "no replica appeared") in judged.reason


def test_no_scale_out_in_a_shorter_load_says_nothing() -> None:
    found = scale_out(steady_evidence(rate_per_s=2, measure_s=60))
    assert judge_objective(OBJECTIVE, found).verdict is Verdict.NO_DATA


def test_too_late_fails() -> None:
    longer = steady_evidence(rate_per_s=2, measure_s=200)
    found = scale_out(with_replica_added(longer, "automation-3", found_s=122, ready_s=124))
    assert judge_objective(OBJECTIVE, found).verdict is Verdict.FAIL


def test_starting_is_no_failure_of_readiness_but_failing_after_it_is(loaded: ScenarioEvidence) -> None:
    scaled = with_replica_added(loaded, "automation-3", found_s=20, ready_s=30)
    assert measure("replica_ready", None, 0.95, scaled).value == 1
    fell = with_not_ready(scaled, "automation-3", 3, at_s=60)
    found = measure("replica_ready", None, 0.95, fell)
    assert found.value is not None
    assert found.value < 1
    assert "worst replica automation-3: 3 of" in found.note
    away = with_replica_added(loaded, "automation-3", found_s=20, ready_s=22, left_s=60)
    assert measure("replica_ready", None, 0.95, away).value == 1


def test_only_components_that_scale_may_grow_and_only_so_far(loaded: ScenarioEvidence) -> None:
    scaled = with_replica_added(loaded, "automation-3", found_s=20, ready_s=30)

    def verdict(most: dict[str, int]) -> Verdict:
        expected = Expected(5.0, COMPONENTS, WITH_METRICS, None, most)
        return next(iter(replicas_present(scaled, expected))).verdict

    assert verdict({"automation": 5}) is Verdict.PASS
    assert verdict({"automation": 3}) is Verdict.FAIL
    assert verdict({}) is Verdict.FAIL


def test_a_gap_of_an_added_replica_is_one_in_its_own_time(loaded: ScenarioEvidence) -> None:
    scaled = with_replica_added(loaded, "automation-3", found_s=20, ready_s=20, left_s=70)
    expected = Expected(5.0, COMPONENTS, WITH_METRICS, None, {"automation": 5})
    assert {check.verdict for check in no_gaps(scaled, expected)} == {Verdict.PASS}
    start_ns = scaled.clock.phase("measure").start_ns
    mute = (scaled.health["replica"] == "automation-3") & scaled.health["time_ns"].between(
        start_ns + 30 * S, start_ns + 40 * S
    )
    gap = [check.observed for check in no_gaps(replace(scaled, health=scaled.health[~mute]), expected)]
    assert "automation-3: 11.0 s from" in " ".join(gap)
    slow = with_replica_added(loaded, "automation-3", found_s=20, ready_s=40)  # no metrics for 20 s: it starts
    assert {check.verdict for check in no_gaps(slow, expected)} == {Verdict.PASS}
