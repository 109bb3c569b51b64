"""The proof of load: before anything is judged, was the load that was asked for really offered?"""

import math

import numpy as np
from numpy.typing import NDArray

from readiness.analysis.ledger import was_sent
from readiness.model.dataset import ScenarioEvidence
from readiness.model.result import LoadProof

SLICE_S = 1.0
SLICE_ARRIVALS = 1000
"""A share of 1 % is ten arrivals of a thousand; of fewer, one hiccup of the machine is already more."""
ON_TIME_NS = 10_000_000
ON_TIME_SHARE = 0.99
INVALID_SHARE = 0.01
_SIGMAS = 5.0


def prove_load(evidence: ScenarioEvidence, asked_per_s: float) -> LoadProof:
    """The proof over the measured phase.

    The phase is cut into slices of one length, each of at least 1 s and 1,000 arrivals of the rate asked
    (docs/decisions/0013-a-slice-is-a-thousand-arrivals.md). A slice is invalid if under 99 % of its arrivals were sent
    within 10 ms of their time; more than 1 % invalid slices, under 99 % of all arrivals on time, an arrival that was
    never sent, no arrival at all, a generator that did not finish, or a schedule that is not of the rate asked make the
    load invalid. A request that the target refused was still sent.
    """
    phase = evidence.clock.phase("measure")
    scheduled = int(evidence.clock.arrivals_scheduled["measure"])
    requests = evidence.requests[evidence.requests["phase"] == "measure"]
    sent = was_sent(requests)
    intended_ns = requests["intended_ns"].to_numpy()
    lag_ns = requests["sent_ns"].to_numpy() - intended_ns
    length_s = (phase.end_ns - phase.start_ns) / 1e9
    slices = _slices(length_s, asked_per_s)
    slice_ns = max(1, phase.end_ns - phase.start_ns) / slices
    on_time = sent & (lag_ns <= ON_TIME_NS)
    since_start_ns = intended_ns - phase.start_ns
    number = np.clip((since_start_ns // slice_ns).astype(np.int64), 0, slices - 1)
    invalid = _invalid_slices(number, on_time, slices)
    late_seconds = np.unique(since_start_ns[~on_time & np.isin(number, invalid)] // 1_000_000_000)
    n_sent = int(sent.sum())
    reasons = (
        *_schedule_reasons(evidence, scheduled, len(requests), n_sent),
        *_rate_reasons(asked_per_s, scheduled, length_s),
        *_slice_reasons(len(invalid), slices, slice_ns / 1e9, late_seconds),
        *_whole_reasons(on_time),
    )
    return LoadProof(
        valid=not reasons,
        scheduled=scheduled,
        sent=n_sent,
        asked_per_s=asked_per_s,
        achieved_per_s=n_sent / length_s if length_s > 0 else 0.0,
        slices=slices,
        invalid_slices=tuple((phase.start_ns + np.round(invalid * slice_ns).astype(np.int64)).tolist()),
        lag_p99_ms=float(np.percentile(lag_ns[sent] / 1e6, 99)) if n_sent else None,
        reasons=reasons,
        slice_s=slice_ns / 1e9,
    )


def _slices(length_s: float, asked_per_s: float) -> int:
    """Into how many slices the phase is cut, as many as are long enough; a short phase is one slice."""
    least_s = max(SLICE_S, SLICE_ARRIVALS / asked_per_s) if asked_per_s > 0 else length_s
    return max(1, math.floor(length_s / least_s + 1e-9)) if least_s > 0 else 1


def _invalid_slices(number: NDArray[np.int64], on_time: NDArray[np.bool_], slices: int) -> NDArray[np.int64]:
    """Numbers of the invalid slices, of which each arrival has one in ``number``."""
    due = np.bincount(number, minlength=slices)
    late = np.bincount(number[~on_time], minlength=slices)
    return np.flatnonzero(late > due * (1 - ON_TIME_SHARE) + 1e-9)


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


def _slice_reasons(invalid: int, slices: int, slice_s: float, late_seconds: NDArray[np.int64]) -> list[str]:
    if invalid <= INVALID_SHARE * slices:
        return []
    seconds = ", ".join(map(str, late_seconds[:5].tolist())) + (" ..." if len(late_seconds) > 5 else "")
    return [
        f"{invalid} of {slices} slices of {slice_s:.3g} s had over 1 % of their arrivals sent more than 10 ms late "
        f"(in seconds {seconds} of the measured phase); give the generator more CPU or lower the rate"
    ]
