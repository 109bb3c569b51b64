"""The proof of load: before anything is judged, was the load that was asked for really offered?"""

import math

import numpy as np
from numpy.typing import NDArray

from readiness.analysis.ledger import was_sent
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import LoadProof

SLICE_NS = 1_000_000_000
ON_TIME_NS = 10_000_000
ON_TIME_SHARE = 0.99
INVALID_SHARE = 0.01
_SIGMAS = 5.0


def prove_load(evidence: ScenarioEvidence, asked_per_s: float) -> LoadProof:
    """The proof over the measured phase.

    A slice of 1 s is invalid if under 99 % of its arrivals were sent within 10 ms of their time, where one late arrival
    is no share yet (docs/decisions/0001-one-late-arrival.md); more than 1 % invalid slices, under 99 % of all arrivals
    on time, an arrival that was never sent, no arrival at all, a generator that did not finish, or a schedule that is
    not of the rate asked make the load invalid. A request that the target refused was still sent.
    """
    phase = evidence.clock.phase("measure")
    scheduled = int(evidence.clock.arrivals_scheduled["measure"])
    requests = evidence.requests[evidence.requests["phase"] == "measure"]
    sent = was_sent(requests)
    intended_ns = requests["intended_ns"].to_numpy()
    lag_ns = requests["sent_ns"].to_numpy() - intended_ns
    length_s = (phase.end_ns - phase.start_ns) / 1e9
    slices = math.ceil((phase.end_ns - phase.start_ns) / SLICE_NS)
    on_time = sent & (lag_ns <= ON_TIME_NS)
    invalid = _invalid_slices((intended_ns - phase.start_ns) // SLICE_NS, on_time, slices)
    n_sent = int(sent.sum())
    reasons = (
        *_schedule_reasons(evidence, scheduled, len(requests), n_sent),
        *_rate_reasons(asked_per_s, scheduled, length_s),
        *_slice_reasons(invalid, slices),
        *_whole_reasons(on_time),
    )
    return LoadProof(
        valid=not reasons,
        scheduled=scheduled,
        sent=n_sent,
        asked_per_s=asked_per_s,
        achieved_per_s=n_sent / length_s if length_s > 0 else 0.0,
        slices=slices,
        invalid_slices=tuple((phase.start_ns + invalid * SLICE_NS).tolist()),
        lag_p99_ms=float(np.percentile(lag_ns[sent] / 1e6, 99)) if n_sent else None,
        reasons=reasons,
    )


def _invalid_slices(number: NDArray[np.int64], on_time: NDArray[np.bool_], slices: int) -> NDArray[np.int64]:
    """Numbers of the invalid slices; an arrival outside of the phase belongs to the nearest."""
    number = np.clip(number, 0, max(0, slices - 1))
    due = np.bincount(number, minlength=slices)
    late = np.bincount(number[~on_time], minlength=slices)
    return np.flatnonzero(late > np.maximum(1.0, due * (1 - ON_TIME_SHARE)) + 1e-9)


def _schedule_reasons(evidence: ScenarioEvidence, scheduled: int, rows: int, sent: int) -> list[str]:
    reasons = []
    if evidence.generator.get("finished") is not True:
        reasons.append("the generator did not finish")
    if rows == 0 or scheduled == 0:
        reasons.append("no request in the measured phase")
    if sent < scheduled:
        reasons.append(f"{scheduled - sent} of {scheduled} scheduled arrivals were not sent")
    if rows > scheduled:
        reasons.append(f"{rows} requests are recorded, but only {scheduled} arrivals were scheduled")
    return reasons


def _rate_reasons(asked_per_s: float, scheduled: int, length_s: float) -> list[str]:
    """A Poisson number has the variance of its mean; five standard deviations are passed once in 1.7 million."""
    expected = asked_per_s * length_s
    if abs(scheduled - expected) <= _SIGMAS * math.sqrt(expected) + 1:
        return []
    shown = scheduled / length_s * 60 if length_s > 0 else 0.0
    return [f"{asked_per_s * 60:,.0f}/min were asked for, but the schedule has {shown:,.0f}/min"]


def _whole_reasons(on_time: NDArray[np.bool_]) -> list[str]:
    late = int((~on_time).sum())
    if late <= len(on_time) * (1 - ON_TIME_SHARE) + 1e-9:
        return []
    return [f"{late} of {len(on_time)} arrivals of the measured phase were sent more than 10 ms late or not at all"]


def _slice_reasons(invalid: NDArray[np.int64], slices: int) -> list[str]:
    if len(invalid) <= INVALID_SHARE * slices:
        return []
    seconds = ", ".join(str(number) for number in invalid[:5].tolist()) + (" ..." if len(invalid) > 5 else "")
    return [
        f"{len(invalid)} of {slices} slices of 1 s had over 1 % of their arrivals sent more than 10 ms late "
        f"(seconds {seconds} of the measured phase); give the generator more CPU or lower the rate"
    ]
