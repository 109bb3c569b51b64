"""Error rate, readiness and honesty around the time of a fault."""

from dataclasses import replace

import pytest
from planted_faults import with_not_ready
from readiness.analysis.fault_window import fault_window
from readiness.analysis.measure import measure
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import Measurement
from scaled_evidence import with_drill
from synthetic_evidence import S, steady_evidence


@pytest.fixture(scope="module")
def drilled() -> ScenarioEvidence:
    """A fault from second 10 to second 15 of 30."""
    return with_drill(steady_evidence(), injected_s=10, healthy_s=15)


def of(evidence: ScenarioEvidence, metric: str) -> Measurement:
    return measure(metric, None, 0.95, evidence)


def with_answers(
    evidence: ScenarioEvidence, from_s: float, to_s: float, *, status: int = 0, error: str = ""
) -> ScenarioEvidence:
    """All requests that were due between these seconds of the measured phase got this answer, or this failure."""
    requests, start_ns = evidence.requests.copy(), evidence.clock.phase("measure").start_ns
    hit = requests["intended_ns"].between(start_ns + from_s * S, start_ns + to_s * S)
    requests.loc[hit, "status"] = status
    requests.loc[hit, "error"] = error
    if error:
        requests.loc[hit, "done_ns"] = None
    return replace(evidence, requests=requests)


def test_errors_of_the_fault_are_not_errors_outside_of_it(drilled: ScenarioEvidence) -> None:
    found = of(with_answers(drilled, 10, 15, error="refused"), "error_rate_outside_fault")
    assert found.value == 0
    assert 480 <= found.n <= 515
    assert of(with_answers(drilled, 10, 15, error="refused"), "error_rate").value == pytest.approx(1 / 6, abs=0.03)


@pytest.mark.parametrize(("from_s", "to_s"), [(2, 3), (16, 17)])
def test_errors_before_and_after_are(drilled: ScenarioEvidence, from_s: float, to_s: float) -> None:
    found = of(with_answers(drilled, from_s, to_s, status=500), "error_rate_outside_fault")
    assert found.value is not None
    assert found.value * found.n == pytest.approx(20, abs=12)


def test_a_request_that_was_under_way_when_the_fault_came_belongs_to_it(drilled: ScenarioEvidence) -> None:
    assert of(with_answers(drilled, 9, 10, error="reset"), "error_rate_outside_fault").value == 0
    refused = of(with_answers(drilled, 9, 9.9, error="refused"), "error_rate_outside_fault").value
    assert refused is not None
    assert refused > 0
    long_before = of(with_answers(drilled, 2, 3, error="reset"), "error_rate_outside_fault").value
    assert long_before is not None
    assert long_before > 0


def test_a_fault_that_never_healed_leaves_only_the_time_before(drilled: ScenarioEvidence) -> None:
    open_end = with_drill(drilled, injected_s=10, healthy_s=None)
    window = fault_window(open_end)
    assert window is not None
    assert not window.healed
    found = of(with_answers(open_end, 16, 17, status=500), "error_rate_outside_fault")
    assert found.value == 0
    assert "not seen healthy again" in found.note


@pytest.mark.parametrize(("status", "error"), [(503, ""), (429, ""), (202, ""), (0, "refused"), (0, "timeout")])
def test_honest_answers_in_the_fault(drilled: ScenarioEvidence, status: int, error: str) -> None:
    found = of(with_answers(drilled, 10, 15, status=status, error=error), "wrong_answers_in_fault")
    assert found.value == 0
    assert found.n == pytest.approx(100, abs=30)


@pytest.mark.parametrize(
    ("status", "error", "said"), [(500, "", "HTTP 500"), (404, "", "HTTP 404"), (0, "protocol", "protocol")]
)
def test_wrong_answers_in_the_fault_are_counted_and_named(
    drilled: ScenarioEvidence, status: int, error: str, said: str
) -> None:
    found = of(with_answers(drilled, 11, 12, status=status, error=error), "wrong_answers_in_fault")
    assert found.value == pytest.approx(20, abs=12)
    assert said in found.note


def test_readiness_outside_of_the_fault(drilled: ScenarioEvidence) -> None:
    killed = with_not_ready(drilled, "automation-1", 4, at_s=10.5)
    assert of(killed, "replica_ready_outside_fault").value == 1
    assert of(killed, "replica_ready").value != 1
    later = of(with_not_ready(drilled, "automation-1", 2, at_s=20), "replica_ready_outside_fault").value
    assert later is not None
    assert later < 1


@pytest.mark.parametrize(("took_ms", "ready"), [(24.0, 1.0), (5.0, None)])
def test_a_question_that_was_under_way_when_the_fault_came_is_not_outside_of_it(
    drilled: ScenarioEvidence, took_ms: float, ready: float | None
) -> None:
    """Seen: asked 4 ms before the kill, broken off by it after 24 ms. One that had ended before counts."""
    window = fault_window(drilled)
    assert window is not None
    health = drilled.health.copy()
    tick_ns = int(health.loc[health["time_ns"] < window.start_ns, "time_ns"].max())
    asked = (health["time_ns"] == tick_ns) & (health["replica"] == "automation-1")
    assert asked.sum() == 1
    health.loc[asked, ["answered", "ready"]] = False
    health.loc[asked, "took_ms"] = took_ms
    steps = ({**drilled.drill["steps"][0], "injected_ns": tick_ns + 10_000_000},) if drilled.drill else ()
    found = of(
        replace(drilled, health=health, drill={**(drilled.drill or {}), "steps": steps}), "replica_ready_outside_fault"
    )
    assert found.value is not None
    assert (found.value == ready) if ready else found.value < 1


def test_a_restart_in_the_fault_is_no_restart_outside_of_it(drilled: ScenarioEvidence) -> None:
    metrics, start_ns = drilled.metrics.copy(), drilled.clock.phase("measure").start_ns
    mine = (metrics["replica"] == "automation-1") & (metrics["metric"] == "process_start_time_seconds")
    for at_s, ready in ((12, 1.0), (20, None)):
        restarted = metrics.copy()
        after = mine & (restarted["time_ns"] >= start_ns + at_s * S)
        restarted.loc[after, "value"] = start_ns / S + at_s - 1
        found = of(replace(drilled, metrics=restarted), "replica_ready_outside_fault").value
        assert found is not None
        assert (found == ready) if ready else found < 1


def test_a_start_time_that_is_a_little_early_is_still_a_restart_of_the_fault(drilled: ScenarioEvidence) -> None:
    """Seen: killed at 32.00 s, and the process said that it had started at 31.83 s."""
    metrics, start_ns = drilled.metrics.copy(), drilled.clock.phase("measure").start_ns
    mine = (metrics["replica"] == "automation-1") & (metrics["metric"] == "process_start_time_seconds")
    metrics.loc[mine & (metrics["time_ns"] >= start_ns + 12 * S), "value"] = start_ns / S + 9.8
    assert of(replace(drilled, metrics=metrics), "replica_ready_outside_fault").value == 1


@pytest.mark.parametrize(
    "metric", ["error_rate_outside_fault", "wrong_answers_in_fault", "replica_ready_outside_fault"]
)
def test_without_a_fault_there_is_nothing_to_say(metric: str) -> None:
    nothing = steady_evidence(measure_s=5)
    for evidence in (nothing, replace(nothing, drill={"steps": [{"injected_ns": None, "healthy_ns": None}]})):
        found = of(evidence, metric)
        assert found.value is None
        assert "no fault was injected" in found.note
