"""The figures of scaling out and of trends: what they say, and when they have nothing to say."""

from dataclasses import replace

import synthetic_evidence as synthetic
from readiness.model.dataset import ScenarioEvidence
from readiness.model.interval import Interval
from readiness.model.trend import ReplicaTrend, Trends
from readiness.model.verdict import Decision
from readiness.report.figures import draw_all
from readiness.report.figures.canvas import Figure
from readiness.report.html import render
from readiness.spec.files import read_scenario
from scaled_evidence import with_replica_added
from unit.report import report_examples as examples

MIB = 1024**2
TRENDS = Trends(
    memory=(
        ReplicaTrend("automation-0", 0.1 * MIB, Interval(-0.1 * MIB, 0.3 * MIB, 0.95)),
        ReplicaTrend("postgres-0", 2.0 * MIB, Interval(1.5 * MIB, 2.5 * MIB, 0.95)),
    ),
    cpu=(ReplicaTrend("automation-0", 0.001, Interval(-0.002, 0.004, 0.95)),),
)


def figures(name: str, evidence: ScenarioEvidence, trends: Trends = Trends()) -> dict[str, Figure]:  # noqa: B008  frozen
    scenario = read_scenario(examples.SCENARIOS / f"{name}.yaml")
    return {figure.key: figure for figure in draw_all(replace(evidence, scenario=name), scenario, None, trends)}


def test_replicas_are_shown_against_the_load_with_the_times_of_the_changes() -> None:
    evidence = with_replica_added(synthetic.steady_evidence(), "automation-3", found_s=12, ready_s=15)
    figure = figures("peak", evidence)["peak-scale-out"]
    assert figure.svg is not None
    assert "3 at first, 4 from 10 s on" in figure.note  # s of the measured phase, which starts 5 s after the load
    assert "ready replicas of automation" in figure.note.lower()
    assert any("load, at most 1," in item.label for item in figure.legend)


def test_a_peak_without_scaling_shows_that_nothing_changed() -> None:
    figure = figures("peak", synthetic.steady_evidence())["peak-scale-out"]
    assert figure.note.endswith("3 at first.")


def test_scenarios_that_neither_scale_nor_ask_for_it_have_no_such_figure() -> None:
    found = figures("steady", synthetic.steady_evidence())
    assert not [key for key in found if "scale-out" in key or "trend" in key]


def test_trends_name_every_replica_its_interval_and_what_would_have_been_seen() -> None:
    found = figures("sustained", synthetic.steady_evidence(), TRENDS)
    memory = found["sustained-memory-trend"]
    assert "postgres-0 2 MiB/h (1.5 MiB/h to 2.5 MiB/h)" in memory.described
    assert "a leak of 1 MiB/h or more would show on every replica" in memory.note
    labels = [item.label for item in memory.legend]
    assert labels == ["slope and its 95 % interval", "not wholly below the target", "target 1 MiB/h"]
    assert len(found["sustained-cpu-trend"].legend) == 2


def test_without_trends_the_page_says_that_leaks_were_not_judged() -> None:
    evidence = synthetic.steady_evidence(scenario="sustained")
    figure = figures("sustained", evidence)["sustained-memory-trend"]
    assert figure.svg is None
    assert "leaks were not judged" in figure.note
    plan = examples.example_plan("sustained", profile="smoke")
    page = render(plan, examples.approved(plan), {"sustained": evidence})
    assert "leaks were not judged" in page


def test_each_of_several_scenarios_shows_what_its_evidence_alone_says() -> None:
    plan = examples.example_plan("steady", "sustained")
    words = {"steady": Decision.APPROVED, "sustained": Decision.INCONCLUSIVE}
    decision = replace(examples.approved(plan), by_scenario=words)
    page = render(plan, decision, {"steady": synthetic.steady_evidence()})
    assert page.count("What its evidence alone says") == 2
    assert "INCONCLUSIVE" in page
    only = examples.example_plan()
    assert "What its evidence alone says" not in render(only, examples.approved(only), {})
