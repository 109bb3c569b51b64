"""Interruption of service: the longest outage over all probed paths, as an interval that contains the truth.

*Interruption* means the longest time in which a path - read or write, over new or over kept connections, and the same
through the ingress where the environment names one - answered no probe with success (2xx within the probes' timeout).
Anything else counts as a failure: refused, reset, closed, timed out, any other status, 429 and 503 among them: an
honest refusal is honest, and no service. A success that comes late counts for the time of its coming;
``analysis.outage`` has the reasoning, the bounds and the sources.

Looked at is everything from the start of the measured phase to the end of the probing, which is after the recovery. A
path that keeps serving some probes while it fails others is not interrupted in this sense: error rates convict it. A
prober that stood still while a fault was in place concludes nothing; at other times its absence widens the interval.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from readiness.analysis.bound import AtLeast
from readiness.analysis.outage import Ints, Path, find_outages, longest_silence_s
from readiness.model.dataset import ScenarioEvidence
from readiness.model.interval import Interval
from readiness.model.probe_path import is_through_ingress, probed_paths, words
from readiness.model.quantity import Dimension, show
from readiness.model.result import LISTED_OUTAGES, Measurement, Outage, PathInterruption, longest_of

RESOLUTION_NS = 25_000_000
"""An interval is at most about this wide when the prober runs as it should. A prober that stood still for longer cannot
tell its own absence from the target's."""
SERVED_FROM, SERVED_BELOW = 200, 300
_SEND_NS = 1_000_000
S = 1_000_000_000


@dataclass(frozen=True)
class Window:
    """What is looked at, epoch ns; the end is exclusive."""

    start_ns: int
    end_ns: int


def interruption(evidence: ScenarioEvidence, confidence: float) -> Measurement:
    """Seconds. The value is the middle of the interval. Without a value: not probed, a path missing, the prober
    stalled, or an outage without beginning or end (then AtLeast what is proven)."""
    problem = probing_problem(evidence)
    if problem:
        return Measurement(None, None, 0, problem)
    found = interruptions(evidence)
    n = sum(item.probes for item in found)
    low_s = max(item.low_s for item in found)
    worst = max(found, key=lambda item: (float("inf") if item.high_s is None else item.high_s, item.low_s))
    note = _note(found, worst)
    if worst.high_s is None:
        return AtLeast(None, None, n, f"{note}; it has no end, or no beginning, in the records", bound=low_s)
    middle_s = (low_s + worst.high_s) / 2 if any(item.count for item in found) else 0.0
    return Measurement(middle_s, Interval(low_s, worst.high_s, confidence), n, note)


def interruptions(evidence: ScenarioEvidence) -> tuple[PathInterruption, ...]:
    """What the probes say of each path in the window; empty if there were none."""
    if evidence.probes is None or evidence.probe is None:
        return ()
    window, facts = window_of(evidence), evidence.probe
    probes = evidence.probes.sort_values("sent_ns", kind="stable")
    earliest_ns = _earliest(probes, int(facts["finished_ns"]))
    return tuple(
        _of_path(_path(probes, earliest_ns, name, connection, facts), window)
        for name, connection in probed_paths(ingress=evidence.ingress)
        if ((probes["path"] == name) & (probes["connection"] == connection)).any()
    )


def window_of(evidence: ScenarioEvidence) -> Window:
    """From the start of the measured phase to the end of the probing."""
    assert evidence.probe is not None
    return Window(evidence.clock.phase("measure").start_ns, int(evidence.probe["finished_ns"]))


def probing_problem(evidence: ScenarioEvidence) -> str:
    """Why nothing can be concluded from the probes; empty if they will do."""
    if evidence.probes is None or evidence.probe is None:
        return "the target was not probed"
    numbers = [evidence.probe.get(name) for name in ("rate_hz", "finished_ns")]
    if not all(isinstance(value, int | float) and value > 0 for value in numbers):
        return "probe/probe.json: rate_hz and finished_ns must be numbers above 0"
    phase, window = evidence.clock.phase("measure"), fault_window(evidence)
    missing, stalled_ns = [], 0
    for name, connection in probed_paths(ingress=evidence.ingress):
        lane = evidence.probes[(evidence.probes["path"] == name) & (evidence.probes["connection"] == connection)]
        if not lane["sent_ns"].between(phase.start_ns, phase.end_ns - 1).any():
            missing.append(f"no probe of {words(name, connection)} in the measured phase")
        else:
            stalled_ns = max(stalled_ns, _stalled_ns(lane, window, round(S / float(evidence.probe["rate_hz"]))))
    if stalled_ns > RESOLUTION_NS:
        missing.append(
            f"the prober stood still: a path was probed {stalled_ns / 1e6:.0f} ms late while it mattered, and the "
            f"resolution is {RESOLUTION_NS / 1e6:g} ms"
        )
    return "; ".join(missing)


def fault_window(evidence: ScenarioEvidence) -> Window:
    """Where a stall of the prober spoils everything: from the first fault until all is healthy again, or the measured
    phase where no fault is injected."""
    phase = evidence.clock.phase("measure")
    steps = [step for step in (evidence.drill or {}).get("steps", ()) if step.get("injected_ns") is not None]
    if not steps:
        return Window(phase.start_ns, phase.end_ns)
    # The probing ends when nothing has failed for a while: what heals later, heals unnoticed by whoever asks.
    healthy_ns, probed_ns = [step.get("healthy_ns") for step in steps], window_of(evidence).end_ns
    end_ns = probed_ns if None in healthy_ns else min(probed_ns, max(healthy_ns))
    return Window(min(step["injected_ns"] for step in steps), end_ns)


def _stalled_ns(lane: pd.DataFrame, window: Window, period_ns: int) -> int:
    """How late this path was probed at the worst: by a probe's lag, or by what was left out before the next."""
    lane = lane.sort_values("sent_ns")
    sent_ns = lane["sent_ns"].to_numpy(np.int64)
    last = int(np.searchsorted(sent_ns, window.end_ns))  # the first one after the window tells how it ended
    inside = (sent_ns >= window.start_ns) & (np.arange(len(sent_ns)) <= last)
    lag_ns = (lane["sent_ns"] - lane["intended_ns"]).to_numpy(np.int64)[inside]
    edge_ns = sent_ns[inside][-1:] if last < len(sent_ns) else np.array([window.end_ns], dtype=np.int64)
    pauses_ns = np.diff(np.concatenate([[window.start_ns], sent_ns[inside], edge_ns]))
    return max(int(pauses_ns.max(initial=0)) - period_ns, int(lag_ns.max(initial=0)))


def _path(probes: pd.DataFrame, earliest_ns: Ints, name: str, connection: str, facts: dict[str, Any]) -> Path:
    lane = ((probes["path"] == name) & (probes["connection"] == connection)).to_numpy()
    rows, last_ns = probes[lane], int(facts["finished_ns"])
    over = rows["done_ns"].notna().to_numpy()
    served = rows["status"].between(SERVED_FROM, SERVED_BELOW - 1).to_numpy() & over
    return Path(
        name=name,
        connection=connection,
        period_ns=round(S / float(facts["rate_hz"])),
        sent_ns=rows["sent_ns"].to_numpy(np.int64),
        ended_ns=rows["done_ns"].fillna(last_ns).to_numpy(np.int64),
        earliest_ns=earliest_ns[lane],
        served=served,
        failed=over & ~served,
    )


def _earliest(probes: pd.DataFrame, last_ns: int) -> Ints:
    """When each probe can have ended at the earliest. A prober that did not run when a probe was due, and sent it only
    after it had seen another's end, may have been away since that probe was due."""
    ended_ns = probes["done_ns"].fillna(last_ns).to_numpy(np.int64)
    sent_ns, due_ns = probes["sent_ns"].to_numpy(np.int64), probes["intended_ns"].to_numpy(np.int64)
    following = np.searchsorted(sent_ns, ended_ns - _SEND_NS)
    inside = np.minimum(following, len(sent_ns) - 1)
    waking = (following < len(sent_ns)) & (due_ns[inside] < ended_ns)
    earliest: Ints = np.where(waking, np.maximum(due_ns[inside], sent_ns), ended_ns)
    return earliest


def _of_path(path: Path, window: Window) -> PathInterruption:
    outages = tuple(
        item for item in find_outages(path) if item.until_ns > window.start_ns and item.from_ns < window.end_ns
    )
    inside = path.sent_ns >= window.start_ns
    silence_s = longest_silence_s(path, window.start_ns, window.end_ns)
    bounds = [item.high_s for item in outages]
    bounded = None not in bounds and np.isfinite(silence_s)
    high_s = max([silence_s, *(bound for bound in bounds if bound is not None)]) if bounded else None
    return PathInterruption(
        path=path.name,
        connection=path.connection,
        probes=int(inside.sum()),
        failed=int((path.failed & inside).sum()),
        low_s=max((item.low_s for item in outages), default=0.0),
        high_s=high_s,
        count=len(outages),
        outages=_listed(outages),
    )


def _listed(outages: tuple[Outage, ...]) -> tuple[Outage, ...]:
    longest = sorted(outages, key=lambda item: (item.ended and item.began, -(item.high_s or 0.0)))[:LISTED_OUTAGES]
    return tuple(sorted(longest, key=lambda item: item.from_ns))


def _note(found: tuple[PathInterruption, ...], worst: PathInterruption) -> str:
    count = sum(item.count for item in found)
    if not count:
        return "no probe failed or waited; what is shorter than the interval's end would not have been seen"
    longest = _bounds(worst.low_s, worst.high_s)
    return f"{count} outages on {sum(item.count > 0 for item in found)} of {len(found)} paths; the longest, " \
           f"{longest}, on {words(worst.path, worst.connection)}{_by_way_in(found)}"  # fmt: skip


def _by_way_in(found: tuple[PathInterruption, ...]) -> str:
    """The longest by each of two ways in; nothing where there is one."""
    ways = {
        name: [item for item in found if is_through_ingress(item.path) is through]
        for name, through in (("the Service", False), ("the ingress", True))
    }
    if not all(ways.values()):
        return ""
    return "; " + ", ".join(f"through {name} {_bounds(*longest_of(items))}" for name, items in ways.items())


def _bounds(low_s: float, high_s: float | None) -> str:
    low = show(low_s, Dimension.DURATION)
    return f"at least {low}" if high_s is None else f"{low} to {show(high_s, Dimension.DURATION)}"
