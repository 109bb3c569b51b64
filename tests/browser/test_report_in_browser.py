"""The report in a real browser: nothing loads from elsewhere, nothing overflows, everything can be seen and read.

READINESS_REQUIRE_BROWSER=1 makes a missing chromium a failure instead of a skip (for machines that must have it).
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import planted_faults
import pytest
import synthetic_evidence as synthetic
from playwright.sync_api import Browser, Page, sync_playwright
from readiness.model.result import RunDecision
from readiness.model.run import RunPlan
from readiness.report.html import render
from unit.report import report_examples as examples

pytestmark = pytest.mark.browser

DECISIONS: dict[str, Callable[[RunPlan], RunDecision]] = {
    "APPROVED": examples.approved,
    "REJECTED": examples.rejected,
    "INCONCLUSIVE": examples.inconclusive,
}
SIZES = {"desktop": (1280, 800), "tablet": (768, 1024), "phone": (360, 740)}
LONG = "a-name-without-any-place-to-break-" * 8

CONTRAST = """
(selector) => {
  const parse = (text) => { const p = text.match(/[\\d.]+/g).map(Number); return p.length < 4 ? [...p, 1] : p; };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return [255, 255, 255, 1];
  };
  const seen = (node) => node.getClientRects().length && node.textContent.trim();
  return [...document.querySelectorAll(selector)].filter(seen).map((node) => {
    const style = getComputedStyle(node);
    const svg = node instanceof SVGElement;
    const [a, b] = [light(parse(svg ? style.fill : style.color)), light(behind(node))].sort((x, y) => y - x);
    return [node.textContent.trim().slice(0, 40), (a + 0.05) / (b + 0.05)];
  });
}
"""
"""Contrast ratios of the text of elements with what lies behind it (WCAG 2.2, relative luminance)."""

OVERFLOWING = """
() => {
  const width = document.documentElement.clientWidth;
  const out = [...document.body.querySelectorAll('*')].filter((node) => {
    const box = node.getBoundingClientRect();
    const unseen = node.closest('.hidden, .skip, thead, details:not([open])');
    return !unseen && box.width > 0 && (box.right > width + 0.5 || box.left < -0.5);
  });
  return out.map((node) => node.tagName + '.' + node.getAttribute('class') + ' ' + node.textContent.slice(0, 30));
}
"""

COLLIDING = """
() => [...document.querySelectorAll('svg.plot')].flatMap((plot) => {
  const texts = [...plot.querySelectorAll('text')].map((node) => [node.textContent, node.getBoundingClientRect()]);
  const card = plot.closest('figure').getBoundingClientRect();
  const found = texts.filter(([_, box]) => box.left < card.left || box.right > card.right).map(([text]) => text);
  texts.forEach(([one, a], k) => texts.slice(k + 1).forEach(([other, b]) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 0.5 && high > 0.35 * Math.min(a.height, b.height)) found.push(one + ' / ' + other);
  }));
  return found;
})
"""
"""Texts of figures that leave their card or lie over each other (boxes may touch: lines of text have air)."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium; playwright brings none of its own here."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("READINESS_REQUIRE_BROWSER") == "1":
            pytest.fail("READINESS_REQUIRE_BROWSER=1, but there is no chromium in PATH: apt-get install chromium")
        pytest.skip("no chromium in PATH; apt-get install chromium, or READINESS_REQUIRE_BROWSER=1 to insist")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One report for each decision, with trouble in the evidence, and one with texts that do not break."""
    folder = tmp_path_factory.mktemp("reports")
    plan = examples.example_plan("steady", "failover", sign_off=True)
    steady = planted_faults.with_not_ready(synthetic.steady_evidence(warmup_s=8), "automation-1", 4)
    steady = planted_faults.with_errors(steady, planted_faults.some_events(steady, 5))
    evidence = {"steady": steady, "failover": synthetic.steady_evidence(scenario="failover", warmup_s=1, measure_s=90)}
    paths = {}
    for word, made in DECISIONS.items():
        paths[word] = folder / f"{word}.html"
        paths[word].write_text(render(plan, made(plan), evidence), "utf-8")
    decision = examples.inconclusive(plan)
    first = decision.scenarios[0]
    objective = replace(first.objectives[0], name=LONG, must=LONG, shown=LONG, reason=LONG)
    checks = tuple(replace(check, expected=LONG, observed=LONG, check=LONG) for check in first.data_checks)
    first = replace(first, problems=(LONG,), objectives=(objective, *first.objectives[1:]), data_checks=checks)
    decision = replace(decision, reasons=(LONG,), warnings=(LONG,), scenarios=(first, *decision.scenarios[1:]))
    strange = replace(plan, requested_by=LONG, version_under_test=LONG)
    steady = replace(steady, health=steady.health.assign(replica=LONG), metrics=steady.metrics.assign(replica=LONG))
    paths["LONG"] = folder / "long.html"
    paths["LONG"].write_text(render(strange, decision, evidence | {"steady": steady}), "utf-8")
    return paths


@pytest.fixture
def opened(browser: Browser, reports: dict[str, Path]) -> Iterator[Callable[..., Page]]:
    """Opens a report; afterwards the console must be silent and the file itself the only thing that was asked for."""
    pages: list[Page] = []
    said: list[str] = []
    asked: list[str] = []

    def open_report(word: str, size: str = "desktop", colours: str = "light") -> Page:
        width, height = SIZES[size]
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=colours)
        pages.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(reports[word].as_uri())
        return page

    yield open_report
    for page in pages:
        page.close()
    assert said == []
    assert len(asked) == len(pages)
    assert all(url.startswith("file://") and url.endswith(".html") for url in asked)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("word", DECISIONS)
def test_the_decision_is_seen_at_once(word: str, size: str, opened: Callable[..., Page]) -> None:
    page = opened(word, size)
    heading = page.get_by_role("heading", level=1)
    assert heading.inner_text() == word
    box = heading.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] < SIZES[size][1] / 2
    assert page.title() == f"{word} - {examples.RUN_ID}"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("word", [*DECISIONS, "LONG"])
def test_nothing_is_wider_than_the_window(word: str, size: str, opened: Callable[..., Page]) -> None:
    page = opened(word, size)
    for everything_open in (False, True):
        if everything_open:
            page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
        wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1]
        assert page.evaluate(OVERFLOWING) == []


@pytest.mark.parametrize("size", SIZES)
def test_every_figure_is_visible_and_its_texts_are_apart(size: str, opened: Callable[..., Page]) -> None:
    page = opened("REJECTED", size)
    plots = page.locator("svg.plot")
    assert plots.count() == 16
    for number in range(plots.count()):
        box = plots.nth(number).bounding_box()
        assert box is not None
        assert box["width"] > 250
        assert box["height"] > 100
    assert page.evaluate(COLLIDING) == []


def test_figures_stand_in_two_columns_on_a_desktop_and_in_one_on_a_phone(opened: Callable[..., Page]) -> None:
    for size, columns in (("desktop", 2), ("phone", 1)):
        boxes = [box.bounding_box() for box in opened("APPROVED", size).locator("figure").all()]
        assert len({round(box["x"]) for box in boxes if box}) == columns


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("word", DECISIONS)
def test_text_can_be_read_in_light_and_dark(word: str, colours: str, opened: Callable[..., Page]) -> None:
    page = opened(word, colours=colours)
    selector = "h1 span, h2, p, li, td, th, dt, dd, .badge, .note, .meaning, .interval, .shown, a, svg.plot text"
    ratios = page.evaluate(CONTRAST, selector)
    assert len(ratios) > 100
    assert [item for item in ratios if item[1] < 4.5] == []
    body = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, body[4:-1].split(","))) < 384) == (colours == "dark")


def test_a_phone_shows_each_cell_with_the_name_of_its_column(opened: Callable[..., Page]) -> None:
    page = opened("REJECTED", "phone")
    cell = page.locator("table.objectives td[data-label='Must be']").first
    assert cell.evaluate("(node) => getComputedStyle(node, '::before').content") == '"Must be"'
    assert page.get_by_role("table").count() >= 2
    assert page.get_by_role("columnheader").count() > 0


def test_print_is_black_on_white_even_from_a_dark_screen(opened: Callable[..., Page]) -> None:
    page = opened("APPROVED", colours="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert [item for item in page.evaluate(CONTRAST, "p, td, th, dd, svg.plot text") if item[1] < 4.5] == []
