"""How well an outage of known length is measured: a fake that refuses, and one that hangs, each length many times."""

import time
from dataclasses import replace

import numpy as np
from interruptible_server import Interruption, interruptible_server
from probing import probe_while
from readiness.analysis.interruption import RESOLUTION_NS, interruptions, probing_problem
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import Outage
from target import Target, at_least, at_most

LENGTHS_S = (0.05, 0.2, 0.5, 0.95, 1.05)
TIMES, SHORT_TIMES = 20, 4
KINDS = ("refuse", "hang")
BETWEEN_S = 0.4
ROUND = 5
"""Outages in one session of probing: the prober is started anew after these."""
MOST_SPOILED = 3
"""How many times as many outages may be made anew because the prober stood still, or the fake did. They are told, and
not counted: a run would be INCONCLUSIVE."""
AROUND_NS = 100_000_000
MOST_DOUBT_NS = 2_000_000
"""An outage whose length the fake itself knows no better than this is made anew, too."""

TARGETS: dict[str, Target] = {
    f"{kind}: {name}": target
    for kind in KINDS
    for name, target in (("truth in the interval, %", at_least(95)), ("width p95 ms", at_most(RESOLUTION_NS / 1e6)))
}


def measure(short: bool) -> dict[str, float]:
    """Containment and width over every path of every outage, and how many outages were made anew."""
    found: dict[str, float] = {}
    for kind in KINDS:
        contained, widths_s, spoiled = _many(kind, SHORT_TIMES if short else TIMES)
        found |= {
            f"{kind}: truth in the interval, %": float(np.mean(contained) * 100),
            f"{kind}: width median ms": float(np.median(widths_s)) * 1e3,
            f"{kind}: width p95 ms": float(np.percentile(widths_s, 95)) * 1e3,
            f"{kind}: intervals": float(len(contained)),
            f"{kind}: outages without a conclusion": float(spoiled),
        }
    return found


def _many(kind: str, times: int) -> tuple[list[bool], list[float], int]:
    """For each path of each outage whether its interval contains the truth, and its width in s; and how many outages
    were made anew. Raises RuntimeError when that never ends."""
    left, contained, widths_s, spoiled = list(LENGTHS_S) * times, list[bool](), list[float](), 0
    while left:
        lengths_s, left = left[:ROUND], left[ROUND:]
        truths, evidence = _probe(kind, lengths_s)
        for length_s, truth in zip(lengths_s, truths, strict=True):
            found = _intervals(evidence, truth)
            if not found:
                spoiled += 1
                left.append(length_s)
            contained += [one.low_s <= truth.length_s <= (one.high_s or 0) for one in found]
            widths_s += [(one.high_s or float("inf")) - one.low_s for one in found]
        if spoiled > MOST_SPOILED * times * len(LENGTHS_S):
            raise RuntimeError(f"the prober stood still in {spoiled} outages: this machine has no time for it")
    return contained, widths_s, spoiled


def _intervals(evidence: ScenarioEvidence, truth: Interruption) -> tuple[Outage, ...]:
    """What each path says of this outage; nothing if the prober stood still just then, or its length is not known."""
    step = {"injected_ns": truth.start_ns - AROUND_NS, "healthy_ns": truth.end_ns + AROUND_NS}
    if truth.doubt_ns > MOST_DOUBT_NS or probing_problem(replace(evidence, drill={"steps": [step]})):
        return ()
    return tuple(_matching(item.outages, truth) for item in interruptions(evidence))


def _probe(kind: str, lengths_s: list[float]) -> tuple[list[Interruption], ScenarioEvidence]:
    truths: list[Interruption] = []
    with interruptible_server() as server:

        def interrupt() -> None:
            for length_s in lengths_s:
                server.interrupt(kind, length_s)
                truths.append(server.interruption())
                time.sleep(BETWEEN_S)  # the calm between two outages, which is part of what is measured

        return truths, probe_while(server.url, interrupt)


def _matching(outages: tuple[Outage, ...], truth: Interruption) -> Outage:
    """The outage that is this one; an empty one, which contains no truth, if it was not seen."""
    near = [item for item in outages if item.from_ns < truth.end_ns and item.until_ns > truth.start_ns]
    missed = Outage("", "", truth.start_ns, truth.start_ns, 0.0, 0.0, 0)
    return max(near, key=lambda item: item.until_ns - item.from_ns, default=missed)
