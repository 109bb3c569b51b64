"""The failover picture: what a fault did to service, to the events and to the replicas, in words and in one figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from readiness.model.dataset import PROBES, ScenarioEvidence
from readiness.model.probe_path import is_through_ingress, label
from readiness.model.quantity import Dimension, show
from readiness.model.result import Outage, PathInterruption, ScenarioResult, longest_of
from readiness.model.scenario import Scenario
from readiness.report.facts import Fact
from readiness.report.figures.canvas import Figure
from readiness.report.figures.failover import failover_figure, steps_of
from readiness.report.figures.timeline import timeline

_SHOWN = 20


@dataclass(frozen=True)
class OutageRow:
    """An outage for people; ``began``: after the start of the measured phase."""

    path: str
    began: str
    length: str
    failed: str


@dataclass(frozen=True)
class Failover:
    """The whole picture. ``ledger``: counts of events on their way, the last of them what it comes to (``code``)."""

    headline: str
    note: str
    figure: Figure
    ledger: tuple[Fact, ...]
    steps: tuple[Fact, ...]
    outages: tuple[OutageRow, ...]
    outages_words: str


def failover_picture(evidence: ScenarioEvidence, scenario: Scenario, result: ScenarioResult | None) -> Failover | None:
    """The picture of a scenario that was probed; None of another."""
    axis = timeline(evidence, scenario)
    if evidence.probes is None or evidence.probe is None or axis is None:
        return None
    if not PROBES.keys() <= set(evidence.probes.columns) or _lacks_facts(evidence.probe):
        return None  # the checks name what is wrong with it
    found = result.interruptions if result else ()
    outages = sorted((item for path in found for item in path.outages), key=lambda item: item.from_ns)
    longest = sorted(outages, key=lambda item: (item.ended and item.began, -(item.high_s or 0.0)))[:_SHOWN]
    count = sum(path.count for path in found)
    hidden = f", the {_SHOWN} longest of {count}" if count > _SHOWN else ""
    return Failover(
        headline=_headline(found, result),
        note=_note(evidence, found),
        figure=failover_figure(f"{evidence.scenario}-failover", evidence, found, axis),
        ledger=_ledger(evidence, result),
        steps=_steps(evidence, axis.origin_ns),
        outages=tuple(_row(item, axis.origin_ns) for item in sorted(longest, key=lambda item: item.from_ns)),
        outages_words=f"Outages of single paths, one by one{hidden}",
    )


def _lacks_facts(facts: Mapping[str, Any]) -> bool:
    """Whether probe.json has not the numbers that the picture needs."""
    return not all(isinstance(facts.get(name), int | float) for name in ("rate_hz", "finished_ns"))


def length_words(low_s: float, high_s: float | None) -> str:
    """An interval of lengths: "310 to 330 ms"."""
    if high_s is None:
        return f"at least {show(low_s, Dimension.DURATION)}"
    if high_s < 1:
        return f"{low_s * 1000:.0f} to {high_s * 1000:.0f} ms" if low_s else f"up to {high_s * 1000:.0f} ms"
    return f"{low_s:.2f} to {high_s:.2f} s" if low_s else f"up to {high_s:.2f} s"


def _headline(found: tuple[PathInterruption, ...], result: ScenarioResult | None) -> str:
    if not found:
        said = [item.reason for item in result.objectives if item.metric == "interruption"] if result else []
        return f"How long service was interrupted cannot be told: {said[0] if said else 'the probes were not judged'}."
    low_s, high_s = longest_of(found)
    if not any(item.count for item in found):
        return (
            f"Service was not interrupted: nothing longer than {show(high_s or 0.0, Dimension.DURATION)} went unseen."
        )
    if high_s is None:
        return f"Service was interrupted for {length_words(low_s, None)}: it had not come back for every path."
    return f"Service was interrupted for {length_words(low_s, high_s)}{_by_way_in(found)}."


def _by_way_in(found: tuple[PathInterruption, ...]) -> str:
    """How long by each of two ways in; nothing where there is one."""
    inside = [item for item in found if not is_through_ingress(item.path)]
    outside = [item for item in found if is_through_ingress(item.path)]
    if not inside or not outside:
        return ""
    return f": through the Service {_length_of(inside)}, through the ingress {_length_of(outside)}"


def _length_of(found: list[PathInterruption]) -> str:
    return length_words(*longest_of(found)) if any(item.count for item in found) else "not at all"


def _note(evidence: ScenarioEvidence, found: tuple[PathInterruption, ...]) -> str:
    assert evidence.probe is not None
    rate = f"{float(evidence.probe['rate_hz']):g} times a second"
    sent = sum(item.probes for item in found)
    failed = sum(item.failed for item in found)
    counted = f" {failed:,} of {sent:,} such requests failed." if found else ""
    ways, paths = (" through the Service and through the ingress,", "eight") if evidence.ingress else ("", "four")
    return (
        f"Reading and writing were each tried {rate}{ways} over new and over kept connections; the longest time "
        f"without an answer on any of the {paths} counts, and the truth lies within the bounds.{counted}"
    )


def _ledger(evidence: ScenarioEvidence, result: ScenarioResult | None) -> tuple[Fact, ...]:
    """Plain counts of the load's own events, without those of probes; whether any was lost is the judged objective's
    word."""
    requests, audit, deliveries = evidence.requests, evidence.audit, evidence.deliveries
    stored = audit[(audit["action"] == "received") & audit["event_id"].isin(requests["event_id"])]
    alerted = deliveries[deliveries["event_id"].isin(requests["event_id"])]
    counts = (
        ("sent", len(requests)),
        ("acknowledged by the platform", int(requests["status"].between(200, 299).sum())),
        ("found stored afterwards", int(stored["event_id"].nunique())),
        ("raised an alert that arrived", int(alerted["event_id"].nunique())),
    )
    rows = [Fact(label, f"{count:,}") for label, count in counts]
    lost = [item for item in result.objectives if item.metric == "events_lost"] if result else []
    for item in lost[:1]:
        value = item.measurement.value
        rows.append(Fact("lost", "unknown" if value is None else f"{value:,.0f}", code=True))
    return tuple(rows)


def _steps(evidence: ScenarioEvidence, origin_ns: int) -> tuple[Fact, ...]:
    facts = []
    for step in steps_of(evidence):
        facts.append(Fact(step_words(step), _step_times(step, origin_ns)))
    return tuple(facts)


def step_words(step: Mapping[str, Any]) -> str:
    """A step and its victims: "kill automation (automation-1)"."""
    said = str(step["describe"] or step["action"])
    victims = ", ".join(name for name in (str(item["replica"]) for item in step["victims"]) if name not in said)
    return said + (f" ({victims})" if victims else "")


def _step_times(step: Mapping[str, Any], origin_ns: int) -> str:
    if step["error"]:
        return f"failed: {step['error']}"
    if step["injected_ns"] is None:
        return "never injected"
    began = f"at {(step['injected_ns'] - origin_ns) / 1e9:.1f} s"
    if step["healthy_ns"] is None:
        return f"{began}; not healthy again"
    return f"{began}; all healthy after {show((step['healthy_ns'] - step['injected_ns']) / 1e9, Dimension.DURATION)}"


def _row(item: Outage, origin_ns: int) -> OutageRow:
    return OutageRow(
        path=label(item.path, item.connection),
        began=f"{(item.from_ns - origin_ns) / 1e9:.3f} s",
        length=length_words(item.low_s, item.high_s),
        failed=f"{item.failed:,}",
    )
