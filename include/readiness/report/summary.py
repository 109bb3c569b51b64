"""The words of a report, whatever shows it: badges, sentences and rows made of plan and decision."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from readiness.model.metric import CATALOGUE
from readiness.model.quantity import Dimension, show
from readiness.model.result import ObjectiveResult, RunDecision, ScenarioResult
from readiness.model.run import RunPlan
from readiness.model.scenario import Objective, Target
from readiness.model.verdict import Decision, Verdict
from readiness.report.facts import Fact, utc

_ORDER = (Verdict.FAIL, Verdict.ERROR, Verdict.NO_DATA, Verdict.WARN, Verdict.PASS)
_KINDS = {
    Verdict.PASS: "pass",
    Verdict.WARN: "warn",
    Verdict.FAIL: "fail",
    Verdict.NO_DATA: "unknown",
    Verdict.ERROR: "error",
}
_DECISION_KINDS = {Decision.APPROVED: "pass", Decision.REJECTED: "fail", Decision.INCONCLUSIVE: "unknown"}
_BOUNDED = frozenset({"<", "<=", ">", ">="})


@dataclass(frozen=True)
class Badge:
    """A word with the kind of mark that stands beside it: pass, warn, fail, unknown, error or wait."""

    kind: str
    word: str


@dataclass(frozen=True)
class Bar:
    """Value, interval and target as shares 0..1 of a common length."""

    value: float
    low: float
    high: float
    target: float
    words: str


@dataclass(frozen=True)
class ObjectiveRow:
    """One objective for people. ``excess``: by how much the target is missed; empty if it is not, or unknown."""

    scenario: str
    name: str
    meaning: str
    must: str
    shown: str
    interval: str
    n: str
    advisory: bool
    badge: Badge
    excess: str
    reason: str
    note: str
    bar: Bar | None


@dataclass(frozen=True)
class SignOffState:
    """Where the sign-off stands. ``pending``: the decision can still change."""

    badge: Badge
    sentence: str
    pending: bool
    facts: tuple[Fact, ...] = ()


def verdict_badge(verdict: Verdict) -> Badge:
    """The badge of a verdict."""
    return Badge(_KINDS[verdict], verdict.value.replace("_", " "))


def decision_badge(decision: Decision) -> Badge:
    """The badge of a decision."""
    return Badge(_DECISION_KINDS[decision], decision.value)


def scope_sentence(decision: RunDecision) -> str:
    """What the decision may be used for."""
    if decision.scope == "drill":
        return "This was a drill: the decision gates nothing."
    if decision.scope == "merge":
        return "This decision gates a merge, never a release: the smoke profile shortens the phases."
    return "This decision gates a release."


def lead(decision: RunDecision) -> str:
    """The decision's ground in one sentence, counted over all scenarios."""
    objectives = [item for scenario in decision.scenarios for item in scenario.objectives]
    counted = Counter(item.verdict for item in objectives)
    where = _scenarios(len(decision.scenarios))
    untrusted = [scenario.scenario for scenario in decision.scenarios if not scenario.trusted]
    if decision.decision is Decision.INCONCLUSIVE:
        if untrusted:
            return f"The evidence of {_listed(untrusted)} cannot be trusted, so the run decides nothing."
        unknown = counted[Verdict.NO_DATA] + counted[Verdict.ERROR]
        if not unknown:
            return "The evidence is not whole, so the run decides nothing."
        return f"{unknown} of {_objectives(len(objectives))} cannot be judged, so the run decides nothing."
    held = counted[Verdict.PASS]
    if counted[Verdict.FAIL]:
        failing = [s.scenario for s in decision.scenarios if any(o.verdict is Verdict.FAIL for o in s.objectives)]
        return f"{counted[Verdict.FAIL]} of {_objectives(len(objectives))} failed, in {_listed(failing)}."
    if decision.decision is Decision.REJECTED:
        return f"{held} of {_objectives(len(objectives))} in {where} hold; the run is rejected for another reason."
    if counted[Verdict.WARN]:
        missed = counted[Verdict.WARN]
        rest = f"{missed} advisory do{'es' if missed == 1 else ''} not"
        return f"{held} of {_objectives(len(objectives))} in {where} hold; {rest}."
    return f"All {_objectives(len(objectives))} in {where} hold, on evidence that passed every check."


def _listed(names: Iterable[str]) -> str:
    *head, last = names
    return f"{', '.join(head)} and {last}" if head else last


def _objectives(count: int) -> str:
    return f"{count} objective{'' if count == 1 else 's'}"


def _scenarios(count: int) -> str:
    return f"{count} scenario{'' if count == 1 else 's'}"


def rows(result: ScenarioResult, objectives: Iterable[Objective]) -> tuple[ObjectiveRow, ...]:
    """The objectives of a scenario, what failed first, otherwise in the scenario's order."""
    targets = {objective.name: objective.must for objective in objectives}
    ordered = sorted(result.objectives, key=lambda item: _ORDER.index(item.verdict))
    return tuple(_row(result.scenario, item, targets.get(item.name)) for item in ordered)


def _row(scenario: str, item: ObjectiveResult, target: Target | None) -> ObjectiveRow:
    metric, measured = CATALOGUE.get(item.metric), item.measurement
    meaning = metric.description if metric else item.metric
    interval = ""
    if measured.interval is not None and metric is not None:
        low, high = (show(end, metric.dimension) for end in (measured.interval.low, measured.interval.high))
        interval = f"{measured.interval.confidence * 100:g} %: {low} to {high}"
    return ObjectiveRow(
        scenario=scenario,
        name=item.name,
        meaning=f"{item.statistic} of: {meaning}" if item.statistic else meaning,
        must=item.must,
        shown=item.shown if measured.value is None or metric is None else show(measured.value, metric.dimension),
        interval=interval,
        n=f"{measured.n:,}",
        advisory=item.severity == "advisory",
        badge=verdict_badge(item.verdict),
        excess=_excess(measured.value, target) if item.verdict in (Verdict.FAIL, Verdict.WARN) else "",
        reason=item.reason if measured.note in item.reason else f"{item.reason}; {measured.note}".removeprefix("; "),
        note=measured.note,
        bar=_bar(item, target),
    )


def _excess(value: float | None, target: Target | None) -> str:
    """By how much a value misses its target: relative where that says something, else as a difference."""
    if value is None or target is None or target.holds(value):
        return ""
    difference = value - target.value
    direction = "over" if difference > 0 else "under"
    if target.dimension is Dimension.RATIO:
        return f"{abs(difference) * 100:.3g} percentage points {direction}"
    if target.value == 0 or target.dimension is Dimension.COUNT:
        return f"{show(abs(difference), target.dimension)} {direction}"
    share = abs(difference) / target.value
    if difference > 0 and share > 1:
        return f"{value / target.value:.3g} times the limit"
    return f"{share * 100:.3g} % {direction} the limit"


def _bar(item: ObjectiveResult, target: Target | None) -> Bar | None:
    value = item.measurement.value
    if value is None or target is None or target.comparison not in _BOUNDED or target.value <= 0 or value < 0:
        return None
    interval = item.measurement.interval
    low, high = (interval.low, interval.high) if interval else (value, value)
    length = max(value, target.value, min(high, 2 * max(value, target.value))) * 1.08
    words = f"{item.shown} against a target of {item.must}"
    return Bar(value / length, max(low, 0.0) / length, min(high / length, 1.0), target.value / length, words)


def attention(plan: RunPlan, decision: RunDecision) -> tuple[ObjectiveRow, ...]:
    """Every objective that did not pass, over all scenarios, the worst first."""
    found = [row for result in decision.scenarios for row in rows(result, _objectives_of(plan, result.scenario))]
    kinds = [_KINDS[verdict] for verdict in _ORDER]
    return tuple(
        sorted([row for row in found if row.badge.kind != "pass"], key=lambda row: kinds.index(row.badge.kind))
    )


def _objectives_of(plan: RunPlan, name: str) -> tuple[Objective, ...]:
    return plan.scenario(name).objectives if name in plan.scenario_names else ()


def sign_off_state(plan: RunPlan, decision: RunDecision) -> SignOffState:
    """Where the sign-off stands, and whether it is about this evidence."""
    given = decision.sign_off
    if given is None and plan.sign_off:
        return SignOffState(Badge("wait", "AWAITING SIGN-OFF"), "A person has yet to approve or reject this run.", True)
    if given is None or given.answer == "not required":
        return SignOffState(Badge("pass", "NOT REQUIRED"), "Neither the environment nor the run asks for one.", False)
    badge, sentence = {
        "approve": (Badge("pass", "APPROVED"), "A person approved this run."),
        "reject": (Badge("fail", "REJECTED"), "A person rejected this run."),
        "none": (Badge("unknown", "NO ANSWER"), "Nobody answered in time."),
    }[given.answer]
    if given.evidence_digest != decision.evidence_digest:
        badge, sentence = Badge("fail", "OTHER EVIDENCE"), "The answer was given for other evidence than this."
    optional = (("By", given.by), ("At", utc(given.answered_at or "")), ("Comment", given.comment))
    facts = [Fact(label, value) for label, value in optional if value]
    facts.append(Fact("For evidence", given.evidence_digest, code=True))
    if given.report_sha256:
        facts.append(Fact("For report (sha256)", given.report_sha256, code=True))
    return SignOffState(badge, sentence, False, tuple(facts))
