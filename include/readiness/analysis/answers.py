"""Answers of the platform outside of and within the time of a fault."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from readiness.analysis.fault_window import FaultWindow, fault_window
from readiness.analysis.ledger import succeeded, was_sent
from readiness.analysis.proportion import proportion
from readiness.analysis.readings import Readings
from readiness.model.result import Measurement

HONEST_STATUSES = (429, 503)
"""What the platform's API promises when it cannot take an event now."""
HONEST_FAILURES = ("refused", "reset", "closed", "timeout")
"""Without a process behind the port there is nobody to answer: nothing is claimed, so nothing is claimed wrongly."""
BROKEN_OFF = ("reset", "closed", "timeout")
"""How a request ends that was under way when the fault came."""
LONGEST_WAIT_NS = 5_000_000_000
"""A request that is still without an answer after this has failed by itself."""
NO_FAULT = "no fault was injected"


def error_rate_outside_fault(readings: Readings, _: str | None, confidence: float) -> Measurement:
    """Share of the requests of the measured phase outside of the fault window that were not answered with success."""
    window = fault_window(readings.evidence)
    if window is None:
        return Measurement(None, None, 0, NO_FAULT)
    requests = readings.measured
    outside = ~_touches(readings, window)
    n = int(outside.sum())
    good = int((succeeded(requests) & outside).sum())
    note = "" if window.healed else "the platform was not seen healthy again, so only the time before the fault counts"
    return proportion(n - good, n, confidence, note)


def wrong_answers_in_fault(readings: Readings, _: str | None, __: float) -> Measurement:
    """Requests of the fault window that were answered with something else than success, 429 or 503, or failed other
    than by being refused, reset, closed or timed out. n: requests of the window that were sent."""
    window = fault_window(readings.evidence)
    if window is None:
        return Measurement(None, None, 0, NO_FAULT)
    requests = readings.evidence.requests
    inside = window.holds(requests["intended_ns"].to_numpy(np.int64)) & was_sent(requests)
    n = int(inside.sum())
    if n == 0:
        return Measurement(None, None, 0, "no request was sent while the fault was in place")
    honest = (
        succeeded(requests)
        | requests["status"].isin(HONEST_STATUSES).to_numpy()
        | requests["error"].isin(HONEST_FAILURES).to_numpy()
    )
    wrong = inside & ~honest
    kinds = Counter(
        error or f"HTTP {status}"
        for status, error in zip(requests.loc[wrong, "status"], requests.loc[wrong, "error"], strict=True)
    )
    shown = [f"{count} times {what}" for what, count in kinds.most_common(5)]
    return Measurement(float(wrong.sum()), None, n, ", ".join(shown))


def _touches(readings: Readings, window: FaultWindow) -> NDArray[np.bool_]:
    """For each request of the measured phase whether the fault may have met it: it was due in the window, or before
    and answered in it, or shortly before and broken off without an answer."""
    requests = readings.measured
    intended_ns = requests["intended_ns"].to_numpy(np.int64)
    done_ns = requests["done_ns"].fillna(0).to_numpy(np.int64)
    before = intended_ns < window.start_ns
    broken = requests["error"].isin(BROKEN_OFF).to_numpy() & (intended_ns >= window.start_ns - LONGEST_WAIT_NS)
    return window.holds(intended_ns) | (before & ((done_ns >= window.start_ns) | broken))
