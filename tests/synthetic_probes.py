"""Probes of a target that never was: what a prober would have recorded of outages of known length."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from readiness.model.dataset import PROBES, ScenarioEvidence
from synthetic_evidence import MS, S

RATE_HZ, TIMEOUT_S = 110.0, 0.5
LANES = (("read", "new"), ("write", "new"), ("read", "reused"), ("write", "reused"))
THROUGH_INGRESS = tuple((f"ingress-{path}", connection) for path, connection in LANES)
ALL = frozenset((*LANES, *THROUGH_INGRESS))


@dataclass(frozen=True)
class Down:
    """The target is away from ``start_ns`` for ``length_s``. kind: ``refuse`` (what is under way is reset, what comes
    is refused) or ``hang`` (nothing is answered until it is over, all is then). lanes: the paths that it strikes."""

    start_ns: int
    length_s: float
    kind: str = "refuse"
    lanes: frozenset[tuple[str, str]] = ALL

    @property
    def end_ns(self) -> int:
        return self.start_ns + round(self.length_s * S)


def with_probes(
    evidence: ScenarioEvidence,
    downs: Iterable[Down] = (),
    *,
    seed: int = 1,
    latency_ms: float = 1.5,
    tail_s: float = 3,
    ingress: bool = False,
) -> ScenarioEvidence:
    """The evidence with probes from a second before the measured phase until ``tail_s`` after it. ``ingress``: of an
    environment that names one."""
    lanes = (*LANES, *THROUGH_INGRESS) if ingress else LANES
    phase = evidence.clock.phase("measure")
    started_ns, finished_ns = phase.start_ns - S, phase.end_ns + round(tail_s * S)
    rng = np.random.default_rng(seed)
    due_ns = np.arange(started_ns, finished_ns - S, round(S / RATE_HZ / len(lanes)))
    due_ns = due_ns + int(rng.integers(0, 10 * MS))
    sent_ns = due_ns + (rng.gamma(2, 0.2, len(due_ns)) * MS).astype(np.int64)
    sent_ns = np.maximum.accumulate(sent_ns)  # one loop sends them, one after the other
    lane = np.arange(len(due_ns)) % len(lanes)
    done_ns = sent_ns + (latency_ms * MS * rng.lognormal(0, 0.3, len(due_ns))).astype(np.int64)
    status = np.where(lane % 2 == 0, 200, 202)
    error = np.full(len(due_ns), "", dtype=object)
    for down in downs:
        struck = np.isin(lane, [k for k, item in enumerate(lanes) if item in down.lanes])
        struck &= (sent_ns < down.end_ns) & (done_ns > down.start_ns)
        _strike(down, struck, rng, sent_ns, done_ns, status, error)
    ids = [f"{k:08x}-0000-4000-8000-000000000000" if k % 2 else "" for k in range(len(due_ns))]
    columns = {
        "seq": np.arange(len(due_ns)), "path": [lanes[k][0] for k in lane], "connection": [lanes[k][1] for k in lane],
        "intended_ns": due_ns, "sent_ns": sent_ns, "done_ns": done_ns, "status": status, "error": error,
        "event_id": ids,
    }  # fmt: skip
    probes = pd.DataFrame({name: columns[name] for name in PROBES}).astype(PROBES)
    facts = {"rate_hz": RATE_HZ, "timeout_s": TIMEOUT_S, "started_ns": started_ns, "finished_ns": finished_ns,
             "worst_lag_ms": float((sent_ns - due_ns).max() / MS), "wall_clock_drift_ns": 0}  # fmt: skip
    return replace(evidence, probes=probes, probe=facts, ingress=ingress)


def _strike(down: Down, hit: "np.ndarray", rng: np.random.Generator, sent_ns: "np.ndarray", done_ns: "np.ndarray",
            status: "np.ndarray", error: "np.ndarray") -> None:  # fmt: skip
    n, soon_ns = int(hit.sum()), (0.3 * MS * rng.lognormal(0, 0.3, int(hit.sum()))).astype(np.int64)
    if down.kind == "refuse":
        under_way = sent_ns[hit] < down.start_ns
        done_ns[hit] = np.maximum(sent_ns[hit], down.start_ns) + soon_ns
        error[hit] = np.where(under_way, "reset", "refused")
        status[hit] = 0
        return
    answered_ns = down.end_ns + np.sort((rng.gamma(2, 0.4, n) * MS).astype(np.int64))
    late = answered_ns - sent_ns[hit] > TIMEOUT_S * S
    done_ns[hit] = np.where(late, sent_ns[hit] + round(TIMEOUT_S * S), answered_ns)
    status[hit] = np.where(late, 0, status[hit])
    error[hit] = np.where(late, "timeout", "")


def with_stalled_prober(evidence: ScenarioEvidence, at_ns: int, length_s: float) -> ScenarioEvidence:
    """The prober did not run from ``at_ns`` on: the oldest due probe of each path was sent when it woke, the others
    never, and what ended meanwhile was seen to end only then."""
    assert evidence.probes is not None
    probes, wake_ns = evidence.probes, at_ns + round(length_s * S)
    slept = (probes["intended_ns"] >= at_ns) & (probes["intended_ns"] < wake_ns)
    first = slept & ~probes[slept].duplicated(["path", "connection"]).reindex(probes.index, fill_value=True)
    kept = probes[~slept | first].copy()
    shift_ns = (wake_ns - kept["sent_ns"]).where(first[kept.index], 0)
    kept["sent_ns"] += shift_ns
    kept["done_ns"] = kept["done_ns"] + shift_ns
    unseen = (kept["done_ns"] >= at_ns) & (kept["done_ns"] < wake_ns)
    kept["done_ns"] = kept["done_ns"].where(~unseen, wake_ns)
    return replace(evidence, probes=kept.astype(PROBES).reset_index(drop=True))


def with_drill(evidence: ScenarioEvidence, injected_ns: int, healthy_after_s: float | None) -> ScenarioEvidence:
    """The evidence with a drill of one step that killed automation-1."""
    healthy_ns = None if healthy_after_s is None else injected_ns + round(healthy_after_s * S)
    step = {
        "index": 0, "action": "kill", "describe": "kill 1 of automation with KILL",
        "victims": [{"component": "automation", "replica": "automation-1", "pid": 4711}],
        "due_ns": injected_ns - 2 * MS, "injected_ns": injected_ns, "in_place_ns": injected_ns + MS,
        "restored_ns": injected_ns + S, "healthy_ns": healthy_ns, "error": "",
    }  # fmt: skip
    drill = {"schema": 1, "started_ns": injected_ns - 20 * S, "finished_ns": injected_ns + 30 * S, "leftovers": [],
             "not_healthy": "", "under_load": "automation", "replicas": {"automation": 3}, "steps": [step]}  # fmt: skip
    return replace(evidence, drill=drill)
