"""Labelled values: what ran where and when, the proof of load, and any JSON document laid flat."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from readiness.model.dataset import PhaseClock
from readiness.model.image import images_of
from readiness.model.quantity import Dimension, show
from readiness.model.result import LoadProof
from readiness.model.run import RunPlan


@dataclass(frozen=True)
class Fact:
    """A labelled value; ``code``: an identifier, to be set in a monospaced font."""

    label: str
    value: str
    code: bool = False


def utc(text: str) -> str:
    """An ISO 8601 time as people read it; a text that is none is returned as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def utc_of_ns(time_ns: int) -> str:
    """Epoch nanoseconds as people read them, cut to the second."""
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def run_facts(plan: RunPlan, clocks: Iterable[PhaseClock], status: Mapping[str, Any] | None) -> tuple[Fact, ...]:
    """What ran, where, for whom and when."""
    version = str((status or {}).get("version") or "")
    asked = plan.version_under_test or "any"
    spans = [(clock.phases[0].start_ns, clock.phases[-1].end_ns) for clock in clocks if clock.phases]
    facts = [
        Fact("Run", plan.run_id, code=True),
        Fact("Version under test", f"{version} (asked: {asked})" if version and version != asked else asked),
        Fact("Environment", f"{plan.environment.name}: {plan.environment.title}"),
        Fact("Profile", plan.profile),
        Fact("Replicas", f"{plan.replicas} of {plan.environment.under_load}"),
        Fact("Requested by", plan.requested_by or "not recorded"),
        Fact("Planned", utc(plan.created_at)),
    ]
    if spans:
        facts.append(Fact("First load", utc_of_ns(min(start for start, _ in spans))))
        facts.append(Fact("Last load ended", utc_of_ns(max(end for _, end in spans))))
    for component, digests in images_of((status or {}).get("components", ())).items():
        facts.append(Fact(f"Image of {component}", ", ".join(digests), code=True))
    machine = plan.fingerprint.get("machine")
    facts.append(Fact("Machine", _machine(machine) if isinstance(machine, Mapping) else str(machine or "not recorded")))
    facts.append(Fact("Seed", str(plan.seed), code=True))
    return tuple(facts)


def _machine(machine: Mapping[str, Any]) -> str:
    parts = []
    for name, value in sorted(machine.items(), key=lambda item: (item[0] != "cpu", item[0])):
        if name.endswith("_bytes") and isinstance(value, int | float):
            parts.append(f"{value / 1024**3:.3g} GiB {name.removesuffix('_bytes')}")
        elif name == "cores":
            parts.append(f"{value} cores")
        else:
            parts.append(str(value))
    return ", ".join(parts) or "not recorded"


def flat(document: Mapping[str, Any], prefix: str = "") -> tuple[Fact, ...]:
    """A JSON document as labelled values, with dots between the names of nested ones, sorted."""
    found: list[Fact] = []
    for name, value in sorted(document.items(), key=lambda item: str(item[0])):
        label = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            found += flat(value, f"{label}.")
        elif isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
            for number, item in enumerate(value):
                found += flat(item, f"{label}.{number}.")
        else:
            found.append(Fact(label, _written(value, str(name)), code=True))
    return tuple(found)


_FIRST_EPOCH_NS = 10**18
"""Nanoseconds above this are a time (from 2001 on), below it a duration (up to 31 years)."""


def _written(value: Any, name: str = "") -> str:
    if name.endswith("_ns") and isinstance(value, int) and value > _FIRST_EPOCH_NS:
        return utc_of_ns(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def load_facts(proof: LoadProof) -> tuple[Fact, ...]:
    """The proof of load as labelled values."""
    invalid = len(proof.invalid_slices)
    share = invalid / proof.slices if proof.slices else 0.0
    return (
        Fact("Asked", f"{show(proof.asked_per_s, Dimension.RATE)} ({proof.asked_per_s:,.4g}/s)"),
        Fact("Achieved", f"{show(proof.achieved_per_s, Dimension.RATE)} ({proof.achieved_per_s:,.4g}/s)"),
        Fact("Arrivals sent", f"{proof.sent:,} of {proof.scheduled:,}"),
        Fact("Send lag p99", "not measured" if proof.lag_p99_ms is None else f"{proof.lag_p99_ms:.3g} ms"),
        Fact("Invalid slices", f"{invalid:,} of {proof.slices:,} ({share:.2%}), each of {proof.slice_s:.3g} s"),
    )
