"""The HTML report: one file that needs nothing else, not even a network or a script."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from readiness.model.dataset import PhaseClock, ScenarioEvidence, data_sets_of, frame_of, place_of
from readiness.model.quantity import Dimension, show
from readiness.model.result import DataCheck, RunDecision, ScenarioResult
from readiness.model.run import RunPlan
from readiness.model.scenario import Scenario
from readiness.model.trend import Trends
from readiness.model.verdict import Decision, Verdict
from readiness.report import facts, summary
from readiness.report.failover import Failover, failover_picture
from readiness.report.figures import Figure, draw_all
from readiness.report.ledger import LedgerView, ledger_view


@dataclass(frozen=True)
class _Section:
    """What the page shows of one scenario. ``result`` None: it was not checked; ``figures`` empty: no evidence;
    ``decided`` None: it is the run's only scenario."""

    name: str
    title: str
    description: str
    load: str
    times: str
    zero: str
    badge: summary.Badge
    decided: summary.Badge | None
    result: ScenarioResult | None
    rows: tuple[summary.ObjectiveRow, ...]
    proof: tuple[facts.Fact, ...]
    ledger: LedgerView | None
    bad_checks: tuple[DataCheck, ...]
    good_checks: tuple[DataCheck, ...]
    failover: Failover | None
    figures: tuple[Figure, ...]
    data_sets: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    equipment: tuple[tuple[str, tuple[facts.Fact, ...]], ...]


def render(
    plan: RunPlan,
    decision: RunDecision,
    evidence: Mapping[str, ScenarioEvidence],
    *,
    status: Mapping[str, Any] | None = None,
    trends: Mapping[str, Trends] | None = None,
) -> str:
    """The page. Equal values give equal bytes.

    ``evidence``: by scenario; one that is missing, or whose data sets are missing or empty, is said to be so in its
    place, and what there is of it is shown.
    ``trends``: of memory and CPU, by scenario. ``status``: the target's status as it was deployed
    (docs/platform-api.md), if known. A run that awaits its sign-off is rendered with ``decision.sign_off`` None.
    """
    results = {result.scenario: result for result in decision.scenarios}
    several = decision.by_scenario if len(plan.scenarios) > 1 else {}
    found, slopes = evidence.get, trends or {}
    sections = [
        _section(plan, item, results.get(item.name), found(item.name), slopes.get(item.name, Trends()),
                 several.get(item.name))
        for item in plan.scenarios
    ]  # fmt: skip
    clocks = [found.clock for found in evidence.values()]
    template = _templates().get_template("report.html.j2")
    return template.render(
        plan=plan,
        decision=decision,
        badge=summary.decision_badge(decision.decision),
        scope=summary.scope_sentence(decision),
        lead=summary.lead(decision),
        reasons=tuple(dict.fromkeys(decision.reasons)),
        attention=summary.attention(plan, decision),
        sign_off=summary.sign_off_state(plan, decision),
        facts=facts.run_facts(plan, clocks, status),
        fingerprint=facts.flat(plan.fingerprint),
        components=list((status or {}).get("components") or ()),
        sections=sections,
        proof_good=summary.Badge("pass", "PROVEN"),
        proof_bad=summary.Badge("unknown", "NOT PROVEN"),
    )


def _templates() -> Environment:
    loader = PackageLoader("readiness.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["verdict_badge"] = summary.verdict_badge
    return environment


def _section(
    plan: RunPlan,
    scenario: Scenario,
    result: ScenarioResult | None,
    found: ScenarioEvidence | None,
    trends: Trends,
    decided: Decision | None,
) -> _Section:
    proof = result.load_proof if result else None
    checks = result.data_checks if result else ()
    return _Section(
        name=scenario.name,
        title=scenario.title,
        description=scenario.description,
        load=_load(plan, scenario),
        times=_times(found.clock) if found else "",
        zero=_zero(found.clock) if found else "",
        badge=_badge(result),
        decided=None if decided is None else summary.decision_badge(decided),
        result=result,
        rows=summary.rows(result, scenario.objectives) if result else (),
        proof=facts.load_facts(proof) if proof else (),
        ledger=ledger_view(result.ledger) if result and result.ledger else None,
        bad_checks=tuple(check for check in checks if check.verdict is not Verdict.PASS),
        good_checks=tuple(check for check in checks if check.verdict is Verdict.PASS),
        failover=failover_picture(found, scenario, result) if found else None,
        figures=draw_all(found, scenario, proof, trends) if found else (),
        data_sets=tuple(_data_sets(found)) if found else (),
        missing=found.missing if found else (),
        equipment=_equipment(found) if found else (),
    )


def _badge(result: ScenarioResult | None) -> summary.Badge:
    if result is None:
        return summary.Badge("unknown", "NOT CHECKED")
    return summary.verdict_badge(result.verdict) if result.trusted else summary.Badge("unknown", "NOT TRUSTED")


def _load(plan: RunPlan, scenario: Scenario) -> str:
    profile = scenario.profiles[plan.profile]
    phases = [(profile.warmup, "warmup"), (profile.measure, "measured"), (profile.drain, "at most to drain")]
    lengths = ", ".join(f"{show(length_s, Dimension.DURATION)} {what}" for length_s, what in phases)
    kind = {"poisson": "Poisson", "constant": "constant"}[scenario.load.arrivals]
    return (
        f"{show(scenario.load.rate, Dimension.RATE)} in {kind} arrivals of {scenario.load.traffic} traffic; {lengths}."
    )


def _times(clock: PhaseClock) -> str:
    parts = [
        f"{phase.name} {facts.utc_of_ns(phase.start_ns)} to {facts.utc_of_ns(phase.end_ns)[11:]}"
        for phase in clock.phases
        if phase.end_ns > phase.start_ns
    ]
    return "; ".join(parts)


def _zero(clock: PhaseClock) -> str:
    """The time that the figures count from."""
    starts = [phase.start_ns for phase in clock.phases if phase.name == "measure"]
    return facts.utc_of_ns(starts[0]) if starts else ""


def _data_sets(found: ScenarioEvidence) -> Iterable[tuple[str, str]]:
    """Each data set and its number of rows in words."""
    for path in dict.fromkeys([*data_sets_of(found), *found.missing]):
        yield place_of(found, path), "missing" if path in found.missing else f"{len(frame_of(found, path)):,}"


def _equipment(found: ScenarioEvidence) -> tuple[tuple[str, tuple[facts.Fact, ...]], ...]:
    # The targets are the components, which the page lists already; their addresses and pods are gone when it is read.
    observe = {name: value for name, value in found.observe.items() if name not in ("targets", "holdings")}
    documents = (("Generator", found.generator), ("Observation", observe), ("Collection", found.collect))
    return tuple((name, facts.flat(document)) for name, document in documents if document)
