"""The words of a report: sentences, excess over a target, bars and facts."""

from dataclasses import replace

import pytest
from readiness.model.interval import Interval
from readiness.model.result import Measurement
from readiness.model.scenario import Objective
from readiness.model.verdict import Decision, Verdict
from readiness.report import facts, summary
from unit.report import report_examples as examples


def row(must: str, metric: str, value: float, *, statistic: str | None = None, verdict: Verdict = Verdict.FAIL):
    objective = Objective(name="one", metric=metric, statistic=statistic, must=must)
    interval = Interval(value * 0.9, value * 1.1, 0.95)
    plan = examples.example_plan()
    result = examples.approved(plan).scenarios[0]
    judged = examples.judged(objective, Measurement(value, interval, 10), verdict)
    (only,) = summary.rows(replace(result, objectives=(judged,)), [objective])
    return only


@pytest.mark.parametrize(
    ("must", "metric", "value", "statistic", "excess"),
    [
        ("< 200ms", "accept_latency", 0.25, "p95", "25 % over the limit"),
        ("< 200ms", "accept_latency", 1.0, "p95", "5 times the limit"),
        ("== 0", "events_lost", 3, None, "3 over"),
        ("< 0.1%", "error_rate", 0.004, None, "0.3 percentage points over"),
        (">= 99.9%", "availability", 0.99, None, "0.9 percentage points under"),
        (">= 5000/min", "achieved_rate", 75.0, None, "10 % under the limit"),
    ],
)
def test_excess_says_by_how_much(must: str, metric: str, value: float, statistic: str | None, excess: str) -> None:
    assert row(must, metric, value, statistic=statistic).excess == excess


def test_no_excess_is_claimed_for_a_value_that_holds() -> None:
    """A verdict can be against a value that holds, if its interval reaches over the target: the reason says so."""
    assert row("< 200ms", "accept_latency", 0.19, statistic="p95").excess == ""


def test_a_bar_puts_value_and_target_on_one_scale() -> None:
    bar = row("< 200ms", "accept_latency", 0.1, statistic="p95").bar
    assert bar is not None
    assert bar.value / bar.target == pytest.approx(0.5)
    assert 0 <= bar.low <= bar.value <= bar.high <= 1
    assert row("== 0", "events_lost", 3).bar is None


def test_failed_objectives_come_first() -> None:
    plan = examples.example_plan()
    result = examples.rejected(plan).scenarios[0]
    kinds = [item.badge.kind for item in summary.rows(result, plan.scenarios[0].objectives)]
    assert kinds == ["fail"] * 3 + ["pass"] * (len(result.objectives) - 3)


def test_the_lead_counts_what_failed_where() -> None:
    plan = examples.example_plan("steady", "peak")
    assert "in steady." in summary.lead(examples.rejected(plan))
    assert summary.lead(examples.approved(plan)).startswith("All ")
    assert "cannot be trusted" in summary.lead(examples.inconclusive(plan))


def test_a_run_rejected_by_a_person_does_not_claim_failed_objectives() -> None:
    plan = examples.example_plan()
    lead = summary.lead(replace(examples.approved(plan), decision=Decision.REJECTED))
    count = len(plan.scenarios[0].objectives)
    assert lead == f"{count} of {count} objectives in 1 scenario hold; the run is rejected for another reason."


def test_advisory_objectives_that_do_not_hold_are_counted_apart() -> None:
    plan = examples.example_plan()
    decision = examples.approved(plan)
    result = decision.scenarios[0]
    warned = replace(result.objectives[0], verdict=Verdict.WARN, severity="advisory")
    decision = replace(decision, scenarios=(replace(result, objectives=(warned, *result.objectives[1:])),))
    count = len(result.objectives)
    assert summary.lead(decision) == f"{count - 1} of {count} objectives in 1 scenario hold; 1 advisory does not."


def test_times_are_shown_in_utc() -> None:
    assert facts.utc("2026-09-21T14:00:00+02:00") == "2026-09-21 12:00:00 UTC"
    assert facts.utc("soon") == "soon"


def test_documents_lie_flat_and_sorted() -> None:
    found = [(item.label, item.value) for item in facts.flat({"b": [{"x": None}, {"x": True}], "a": {"k": 0.5}})]
    assert found == [("a.k", "0.5"), ("b.0.x", "none"), ("b.1.x", "yes")]


def test_a_version_that_is_not_the_one_asked_for_is_visible() -> None:
    plan = examples.example_plan(version_under_test="2.0")
    found = {item.label: item.value for item in facts.run_facts(plan, (), {"version": "1.0"})}
    assert found["Version under test"] == "1.0 (asked: 2.0)"


def test_the_interval_stands_once_even_where_the_result_shows_it_with_the_value() -> None:
    plan = examples.example_plan()
    result = examples.approved(plan).scenarios[0]
    first = replace(result.objectives[0], shown="9.05 ms (8.99 ms to 9.11 ms)")
    (only,) = summary.rows(replace(result, objectives=(first,)), plan.scenarios[0].objectives)
    assert (only.shown, only.interval) == ("9.05 ms", "95 %: 8.99 ms to 9.11 ms")


def test_a_value_without_end_is_shown_as_such_and_its_reason_once() -> None:
    plan = examples.example_plan()
    result = examples.approved(plan).scenarios[0]
    note = "17 of 90 never arrived"
    endless = replace(result.objectives[0], shown="without end", reason=f"is not < 200 ms; {note}")
    endless = replace(endless, measurement=Measurement(None, None, 90, note), verdict=Verdict.FAIL)
    (only,) = summary.rows(replace(result, objectives=(endless,)), plan.scenarios[0].objectives)
    assert (only.shown, only.bar, only.excess) == ("without end", None, "")
    assert only.reason == f"is not < 200 ms; {note}"


def test_a_run_whose_archive_is_damaged_does_not_blame_an_objective() -> None:
    plan = examples.example_plan()
    decision = replace(examples.approved(plan), decision=Decision.INCONCLUSIVE, reasons=("a seal is missing",))
    assert summary.lead(decision) == "The evidence is not whole, so the run decides nothing."
