"""The failover picture says in words and shapes what the probes, the drill and the ledger hold."""

from dataclasses import replace

import pytest
from readiness.analysis.interruption import interruptions
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import RunDecision
from readiness.report.failover import failover_picture, length_words
from readiness.report.html import render
from synthetic_evidence import S, steady_evidence
from synthetic_probes import THROUGH_INGRESS, Down, with_drill, with_probes
from unit.report import report_examples as examples

BASE = steady_evidence(scenario="failover", measure_s=20)
AT = BASE.clock.phase("measure").start_ns + 8 * S
NEW = frozenset({("read", "new"), ("write", "new")})
PLAN = examples.example_plan("failover")
KILLED = with_drill(with_probes(BASE, [Down(AT, 0.318, "refuse", NEW)]), AT, 4.2)


def judged(evidence: ScenarioEvidence) -> RunDecision:
    decision = examples.approved(PLAN)
    found = tuple(replace(item, interruptions=interruptions(evidence)) for item in decision.scenarios)
    return replace(decision, scenarios=found)


def picture(evidence: ScenarioEvidence) -> "tuple[str, str, dict[str, str]]":
    found = failover_picture(evidence, PLAN.scenarios[0], judged(evidence).scenarios[0])
    assert found is not None
    return found.headline, found.figure.described, {fact.label: fact.value for fact in found.ledger}


def test_the_headline_states_the_interval() -> None:
    headline, described, ledger = picture(KILLED)
    low, high = headline.removeprefix("Service was interrupted for ").removesuffix(" ms.").split(" to ")
    assert int(low) <= 318 <= int(high)
    assert "read, kept connections: no outage" in described
    assert f"write, new connections: {low} to " in described
    assert ledger == {
        "sent": f"{len(BASE.requests):,}", "acknowledged by the platform": f"{len(BASE.requests):,}",
        "found stored afterwards": f"{len(BASE.requests):,}",
        "raised an alert that arrived": f"{BASE.deliveries['event_id'].nunique():,}", "lost": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        (with_probes(BASE), "Service was not interrupted: nothing longer than"),
        (with_probes(BASE, [Down(AT, 3600)]), "it had not come back for every path"),
        (with_probes(BASE, [Down(AT, 1.5)]), "Service was interrupted for 1.4"),
    ],
)
def test_each_end_has_its_words(evidence: ScenarioEvidence, says: str) -> None:
    assert says in picture(evidence)[0]


def test_what_cannot_be_told_is_not_told() -> None:
    result = examples.approved(PLAN).scenarios[0]
    found = failover_picture(KILLED, PLAN.scenarios[0], result)
    assert found is not None
    assert found.headline.startswith("How long service was interrupted cannot be told")
    assert found.outages == ()
    assert failover_picture(BASE, PLAN.scenarios[0], result) is None


def test_the_page_has_the_picture_the_steps_and_the_outages() -> None:
    page = render(PLAN, judged(KILLED), {"failover": KILLED})
    assert "What the fault did to service" in page
    assert "kill 1 of automation with KILL (automation-1)" in page
    assert "at 8.0 s; all healthy after 4.2 s" in page
    assert page.count('<th scope="row">write, new connections</th>') == 1
    assert render(PLAN, judged(KILLED), {"failover": KILLED}) == page
    without = with_drill(KILLED, AT, None)
    assert "not healthy again" in render(PLAN, judged(without), {"failover": without})


def test_many_outages_are_cut_and_said_to_be() -> None:
    downs = [Down(AT - 5 * S + k * S // 2, 0.05 + k / 1000) for k in range(20)]
    evidence = with_probes(BASE, downs)
    found = failover_picture(evidence, PLAN.scenarios[0], judged(evidence).scenarios[0])
    assert found is not None
    assert len(found.outages) == 20
    assert found.outages_words.endswith("the 20 longest of 80")


def test_lengths_are_written_as_people_say_them() -> None:
    assert length_words(0.3104, 0.3296) == "310 to 330 ms"
    assert length_words(0.0, 0.018) == "up to 18 ms"
    assert length_words(1.0412, 1.0671) == "1.04 to 1.07 s"
    assert length_words(8.2, None) == "at least 8.2 s"


def test_altered_files_leave_the_page_without_the_picture_and_no_crash() -> None:
    assert KILLED.probes is not None
    for altered in (
        replace(KILLED, probes=KILLED.probes.drop(columns="status")),
        replace(KILLED, probe={}),
    ):
        assert "What the fault did to service" not in render(PLAN, examples.approved(PLAN), {"failover": altered})
    bare = replace(KILLED, drill={"steps": [{"index": 0}]})
    assert "What the fault did to service" in render(PLAN, judged(bare), {"failover": bare})


def test_with_an_ingress_there_are_eight_paths_and_two_intervals() -> None:
    downs = [Down(AT, 0.318, "refuse", NEW), Down(AT, 0.7, "refuse", frozenset(THROUGH_INGRESS))]
    evidence = with_drill(with_probes(BASE, downs, ingress=True), AT, 4.2)
    headline, described, _ = picture(evidence)
    inside, outside = headline.split(": through the Service ")[1].removesuffix(".").split(", through the ingress ")
    assert int(inside.split()[0]) <= 318 <= int(inside.split()[2])
    assert int(outside.split()[0]) <= 700 <= int(outside.split()[2])
    assert described.count(";") == 7
    assert described.count("ingress: ") == 4
    page = render(PLAN, judged(evidence), {"failover": evidence})
    assert "any of the eight counts" in page
    assert page.count('<th scope="row">ingress: write, kept connections</th>') == 1
    unharmed = with_probes(BASE, [Down(AT, 0.318, "refuse", NEW)], ingress=True)
    assert picture(unharmed)[0].endswith("through the ingress not at all.")
    assert "any of the four counts" in render(PLAN, judged(KILLED), {"failover": KILLED})
