"""The failover picture in a real browser: seen whole, readable, and nothing over anything else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser.test_report_in_browser import COLLIDING, CONTRAST, OVERFLOWING, SIZES
from browser.test_report_in_browser import browser as browser  # the fixture
from playwright.sync_api import Browser, Page
from readiness.analysis.interruption import interruptions
from readiness.report.html import render
from synthetic_evidence import S, steady_evidence
from synthetic_probes import THROUGH_INGRESS, Down, with_drill, with_probes
from unit.report import report_examples as examples

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["service", "service and ingress"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = examples.example_plan("failover")
    evidence = steady_evidence(scenario="failover", measure_s=60)
    at_ns = evidence.clock.phase("measure").start_ns + 24 * S
    new = frozenset({("read", "new"), ("write", "new")})
    downs, ingress = [Down(at_ns, 0.318, "refuse", new)], "ingress" in request.param
    downs += [Down(at_ns, 0.38, "refuse", frozenset(THROUGH_INGRESS))] if ingress else []
    evidence = with_drill(with_probes(evidence, downs, ingress=ingress), at_ns, 4.2)
    decision = examples.approved(plan)
    results = tuple(replace(item, interruptions=interruptions(evidence)) for item in decision.scenarios)
    path = tmp_path_factory.mktemp("failover") / "report.html"
    path.write_text(render(plan, replace(decision, scenarios=results), {"failover": evidence}), "utf-8")
    return path


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Page]:
    width, height = SIZES[request.param]
    opened = browser.new_page(viewport={"width": width, "height": height})
    opened.goto(report.as_uri())
    yield opened
    opened.close()


def test_the_picture_is_whole_and_readable(page: Page) -> None:
    assert page.evaluate(OVERFLOWING) == []
    assert page.evaluate(COLLIDING) == []
    picture = page.locator(".failover")
    assert picture.locator(".headline").inner_text().startswith("Service was interrupted for 3")
    box = picture.locator("svg.plot").bounding_box()
    assert box is not None
    assert box["width"] > 250
    ratios = page.evaluate(CONTRAST, ".failover p, .failover li, .failover td, .failover th, .failover svg.plot text")
    assert len(ratios) > 20
    assert [item for item in ratios if item[1] < 4.5] == []
