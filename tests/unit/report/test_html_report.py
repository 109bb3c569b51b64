"""The HTML report stands alone, says what was decided and why, and takes any text and any lack of evidence."""

import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import planted_faults
import pytest
import synthetic_evidence as synthetic
from readiness.analysis.ledger import ledger
from readiness.model.dataset import DATASETS, ScenarioEvidence
from readiness.model.interval import Interval
from readiness.model.result import Measurement, RunDecision, SignOff
from readiness.model.run import RunPlan
from readiness.model.verdict import Decision, Verdict
from readiness.report.html import render
from unit.report import report_examples as examples
from unit.report.html_page import Page

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)> & "\' $x^{$'


@pytest.fixture(scope="module")
def evidence() -> ScenarioEvidence:
    return synthetic.steady_evidence()


@pytest.fixture(scope="module")
def plan() -> RunPlan:
    return examples.example_plan()


@pytest.fixture(scope="module")
def approved(plan: RunPlan, evidence: ScenarioEvidence) -> str:
    return render(plan, examples.approved(plan), {"steady": evidence})


def of_decision(plan: RunPlan, decision: RunDecision, evidence: ScenarioEvidence) -> Page:
    return Page(render(plan, decision, {"steady": evidence}))


def test_nothing_outside_of_the_page_is_referred_to(approved: str) -> None:
    page = Page(approved)
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            value = attributes.get(name) or ""
            assert value == "" or value.startswith("#"), f"<{tag} {name}={value}>"
    assert not re.findall(r"url\((?!#)", approved)
    assert set(re.findall(r"\w+://[^\"'<\s]*", approved)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|@font-face", approved)
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "embed", "img", "base"}


def test_equal_values_give_equal_bytes_in_a_process_of_its_own(approved: str) -> None:
    code = (
        "import sys; sys.path[:0] = ['tests', 'include']\n"
        "import synthetic_evidence as s\n"
        "from unit.report import report_examples as e\n"
        "from readiness.report.html import render\n"
        "p = e.example_plan(); sys.stdout.write(render(p, e.approved(p), {'steady': s.steady_evidence()}))"
    )
    root = examples.SCENARIOS.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == approved


def test_elements_nest_and_ids_are_unique(evidence: ScenarioEvidence) -> None:
    two = examples.example_plan("steady", "peak")
    other = replace(evidence, scenario="peak")
    page = Page(render(two, examples.rejected(two), {"steady": evidence, "peak": other}))
    assert page.unbalanced == []
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for reference in re.findall(
            r"(?:^|url\()#([\w.-]+)", str(attributes.get("href") or attributes.get("clip-path"))
        ):
            assert reference in ids


@pytest.mark.parametrize("made", [examples.approved, examples.rejected, examples.inconclusive])
def test_the_decision_is_the_title_and_the_only_first_heading(made, plan: RunPlan, evidence: ScenarioEvidence) -> None:
    decision = made(plan)
    page = of_decision(plan, decision, evidence)
    word = decision.decision.value
    assert f"{word} - {plan.run_id}" in page.text
    assert len(page.all("h1")) == 1
    others = {item.value for item in Decision} - {word}
    assert not [other for other in others if other in page.text]


def test_headings_never_skip_a_level(approved: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(approved).elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_rejection_says_what_failed_and_by_how_much(plan: RunPlan, evidence: ScenarioEvidence) -> None:
    text = of_decision(plan, examples.rejected(plan), evidence).text
    assert f"3 of {len(plan.scenarios[0].objectives)} objectives failed, in steady." in text
    assert "56 % over the limit" in text
    assert "95 %: 301 ms to 325 ms" in text
    assert "17 over" in text


def test_what_is_missing_is_said(plan: RunPlan, evidence: ScenarioEvidence) -> None:
    text = of_decision(plan, examples.inconclusive(plan), evidence).text
    assert "The evidence of steady cannot be trusted" in text
    assert "no data" in text
    assert "automation-1 was not observed for 12 s" in text
    assert "NOT PROVEN" in text
    assert "25 of 1,800 (1.39%)" in text
    assert "2 of 3 data checks passed; the others:" in text


def test_a_smoke_run_gates_a_merge_never_a_release(evidence: ScenarioEvidence, approved: str) -> None:
    smoke = examples.example_plan(profile="smoke")
    assert "gates a merge, never a release" in of_decision(smoke, examples.approved(smoke), evidence).text
    assert "never a release" not in Page(approved).text
    assert "gates a release" in Page(approved).text


def test_a_decision_that_awaits_its_sign_off_says_so(evidence: ScenarioEvidence, approved: str) -> None:
    asked = examples.example_plan(sign_off=True)
    text = of_decision(asked, examples.approved(asked), evidence).text
    assert "AWAITING SIGN-OFF" in text
    assert "provisional decision" in text
    assert "AWAITING" not in Page(approved).text


def test_a_sign_off_for_other_evidence_is_not_shown_as_approval(evidence: ScenarioEvidence) -> None:
    asked = examples.example_plan(sign_off=True)
    good = SignOff("approve", "grace", "2026-09-21T15:00:00+00:00", "ship it", examples.DIGEST, "4" * 64)
    text = of_decision(asked, replace(examples.approved(asked), sign_off=good), evidence).text
    assert "A person approved this run." in text
    assert "grace" in text
    assert "2026-09-21 15:00:00 UTC" in text
    stale = replace(good, evidence_digest="5" * 64)
    text = of_decision(asked, replace(examples.approved(asked), sign_off=stale), evidence).text
    assert "A person approved this run." not in text
    assert "The answer was given for other evidence than this." in text


def test_text_of_others_is_shown_and_never_run(plan: RunPlan, evidence: ScenarioEvidence) -> None:
    scenario = plan.scenarios[0].model_copy(update={"title": EVIL, "description": EVIL})
    evil_plan = replace(
        plan, scenarios=(scenario,), requested_by=EVIL, version_under_test=EVIL, fingerprint={EVIL: {EVIL: EVIL}}
    )
    decision = examples.inconclusive(plan)
    result = decision.scenarios[0]
    objective = replace(result.objectives[-1], reason=EVIL, must=EVIL)
    check = replace(result.data_checks[-1], observed=EVIL, check=EVIL)
    result = replace(
        result,
        problems=(EVIL,),
        objectives=(*result.objectives[:-1], objective),
        data_checks=(*result.data_checks[:-1], check),
    )
    decision = replace(decision, reasons=(EVIL,), warnings=(EVIL,), scenarios=(result,))
    health = evidence.health.assign(replica=EVIL)
    metrics = evidence.metrics.assign(replica=EVIL)
    generator = {EVIL: [EVIL]}
    planted = replace(evidence, health=health, metrics=metrics, generator=generator)
    status = {"version": EVIL, "components": [{"component": EVIL, "replica": EVIL, "ready": True}]}
    source = render(evil_plan, decision, {"steady": planted}, status=status)
    page = Page(source)
    assert not page.all("script")
    assert not page.all("img")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count('<script>alert("x")</script>') >= 10
    assert page.unbalanced == []


def _without(evidence: ScenarioEvidence, *names: str) -> ScenarioEvidence:
    return replace(evidence, **{name: pd.DataFrame() for name in names})


ALL_FRAMES = ("requests", "metrics", "health", "audit", "deliveries")


@pytest.mark.parametrize("gone", [*[(name,) for name in ALL_FRAMES], ALL_FRAMES])
@pytest.mark.parametrize("typed", [True, False])
def test_figures_without_evidence_say_so(gone: tuple[str, ...], typed: bool, plan: RunPlan, evidence) -> None:
    less = replace(evidence, **{name: getattr(evidence, name).iloc[:0] for name in gone}) if typed else None
    page = of_decision(plan, examples.approved(plan), less or _without(evidence, *gone))
    assert "No data:" in page.text or gone == ("deliveries",)
    assert len(page.all("figure")) == 8
    drawn = sum("plot" in str(item.get("class")) for item in page.all("svg"))
    assert drawn == 8 - page.text.count("No data:")
    assert gone != ALL_FRAMES or drawn == 0


def test_a_scenario_without_evidence_or_result_is_still_named(plan: RunPlan) -> None:
    text = Page(render(plan, examples.approved(plan), {})).text
    assert "the evidence of this scenario is missing" in text
    nothing = replace(examples.approved(plan), decision=Decision.INCONCLUSIVE, scenarios=(), reasons=("no check",))
    text = Page(render(plan, nothing, {})).text
    assert "NOT CHECKED" in text
    assert "no check" in text


def test_a_load_without_phases_leaves_a_word_in_place_of_figures(plan: RunPlan, evidence: ScenarioEvidence) -> None:
    none = replace(evidence, clock=replace(evidence.clock, phases=()))
    assert "the load published no phase" in of_decision(plan, examples.approved(plan), none).text


def test_every_figure_and_bar_has_words(approved: str) -> None:
    graphics = [item for item in Page(approved).all("svg") if item.get("role") == "img"]
    assert len([item for item in graphics if item.get("class") == "plot"]) == 8
    assert all(len(str(item.get("aria-label"))) > 10 for item in graphics)
    others = [item for item in Page(approved).all("svg") if item.get("role") != "img"]
    assert all(item.get("aria-hidden") == "true" for item in others)


def test_tables_have_captions_and_figures_too(approved: str) -> None:
    page = Page(approved)
    assert len(page.all("table")) == len(page.all("caption")) > 0
    assert len(page.all("figure")) == len(page.all("figcaption"))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("main")) == 1


def test_a_result_of_an_objective_that_the_plan_does_not_know_is_shown(plan: RunPlan, evidence) -> None:
    decision = examples.approved(plan)
    result = decision.scenarios[0]
    stray = replace(
        result.objectives[0],
        name="stray",
        metric="of_another_version",
        verdict=Verdict.WARN,
        measurement=Measurement(3.0, Interval(2.0, 4.0, 0.9), 5),
    )
    decision = replace(decision, scenarios=(replace(result, objectives=(stray,)),))
    assert "of_another_version" in of_decision(plan, decision, evidence).text


def test_thirty_minutes_stay_small() -> None:
    plan = examples.example_plan()
    long = synthetic.steady_evidence(rate_per_s=83.33, warmup_s=60, measure_s=1800)
    page = render(plan, examples.rejected(plan), {"steady": planted_faults.with_slow_tail(long, 0.02, 900)})
    assert len(page.encode()) < 1_500_000


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_one_missing_data_set_hides_only_what_is_drawn_from_it(dataset: str) -> None:
    plan, evidence = examples.example_plan(), synthetic.steady_evidence()
    field = dataset.split("/")[1].removesuffix(".parquet")
    partial = replace(evidence, missing=(dataset,), **{field: getattr(evidence, field).iloc[:0]})
    page = Page(render(plan, examples.inconclusive(plan), {"steady": partial}))
    assert page.unbalanced == []
    assert f"Without {dataset}" in page.text
    whole = Page(render(plan, examples.inconclusive(plan), {"steady": evidence}))
    drawn, all_of_them = (len([one for one in some.all("svg") if one.get("class") == "plot"]) for some in (page, whole))
    assert 0 < drawn < all_of_them


def test_facts_that_are_missing_leave_the_figures() -> None:
    plan, evidence = examples.example_plan(), synthetic.steady_evidence()
    bare = replace(evidence, generator={}, observe={}, collect={})
    page = Page(render(plan, examples.inconclusive(plan), {"steady": bare}))
    assert [one for one in page.all("svg") if one.get("class") == "plot"]


def test_the_ledger_reads_from_sender_to_channel_and_names_what_is_lost() -> None:
    plan, evidence = examples.example_plan(), synthetic.steady_evidence()
    gone = planted_faults.some_events(evidence, 3)
    result = replace(
        examples.clean_result(plan, "steady"), ledger=ledger(planted_faults.without_audit(evidence, gone)).summary()
    )
    page = Page(render(plan, replace(examples.rejected(plan), scenarios=(result,)), {"steady": evidence}))
    assert page.unbalanced == []
    assert "DOES NOT BALANCE" in page.text
    assert "3 lost: acknowledged, and not persisted" in page.text
    assert all(name in page.text for name in gone)
    meanings = ("events sent by", "answered with success", "durable, says", "have a risk", "reached every channel")
    section = page.text[page.text.index("Event ledger") :]
    places = [section.index(meaning) for meaning in meanings]
    assert places == sorted(places)
    good = replace(result, ledger=ledger(evidence).summary())
    page = Page(render(plan, replace(examples.approved(plan), scenarios=(good,)), {"steady": evidence}))
    assert f"Every one of {len(evidence.requests):,} events is accounted for" in page.text
