"""Percentiles with distribution-free confidence intervals from order statistics.

Hahn & Meeker, "Statistical Intervals", 2nd ed. (2017), section 5.2; David & Nagaraja, "Order Statistics", 3rd ed.
(2003), section 7.1. The observations are taken as independent: where neighbours resemble one another (a stall slows
all requests that fall into it) the true coverage is below the nominal one.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from readiness.analysis.bound import AtLeast
from readiness.model.interval import Interval
from readiness.model.result import Measurement


def observations_needed(quantile: float, confidence: float) -> int:
    """The smallest sample for which the two-sided interval of a quantile exists.

    Both ends exist if q^n and (1 - q)^n are at most (1 - confidence) / 2, the probability that all observations lie
    on one side of the quantile.
    """
    tail = math.log((1 - confidence) / 2)
    return max(math.ceil(tail / math.log(quantile)), math.ceil(tail / math.log1p(-quantile)))


def interval_ranks(n: int, quantile: float, confidence: float) -> tuple[int, int] | None:
    """Ranks (from 1) of the observations that are the ends of the interval; None if n is too small for one.

    The number of observations below the quantile is binomial(n, q). The lower rank is the largest, the upper the
    smallest whose own tail is at most (1 - confidence) / 2, so each side keeps its share of the error.
    """
    tail = (1 - confidence) / 2
    low = int(binom.ppf(tail, n, quantile))
    high = int(binom.ppf(1 - tail, n, quantile)) + 1
    return (low, high) if low >= 1 and high <= n else None


def percentile(
    values: NDArray[np.float64], quantile: float, confidence: float, *, endless: str = "observations without an end"
) -> Measurement:
    """The quantile (0..1) of a sample, in the unit of ``values``, as the order statistic of rank ceil(n q).

    An infinite value is an observation that never came to its end; ``endless`` names such ones for people. If the
    quantile itself lies among them the result is AtLeast(inf). If only the upper end of the interval does, or the
    sample is too small for one, there is no interval and the note says so.
    """
    n = len(values)
    if n == 0:
        return Measurement(None, None, 0, "no observation in the measured phase")
    ordered = np.sort(values)
    count = int(np.isinf(ordered).sum())
    note = f"{count} of {n} {endless}" if count else ""
    value = float(ordered[max(1, math.ceil(n * quantile - 1e-9)) - 1])
    if math.isinf(value):
        return AtLeast(None, None, n, note)
    ranks = interval_ranks(n, quantile, confidence)
    if ranks is None:
        needed = observations_needed(quantile, confidence)
        return Measurement(value, None, n, _joined(f"needs at least {needed} observations, has {n}", note))
    low, high = (float(ordered[rank - 1]) for rank in ranks)
    if math.isinf(high):
        return Measurement(value, None, n, _joined("the upper end of the interval lies among them", note))
    return Measurement(value, Interval(low, high, confidence), n, note)


def largest(values: NDArray[np.float64], *, endless: str = "observations without an end") -> Measurement:
    """The maximum: exact for what was observed, and no estimate of anything beyond, so it has no interval."""
    n = len(values)
    if n == 0:
        return Measurement(None, None, 0, "no observation in the measured phase")
    value, count = float(values.max()), int(np.isinf(values).sum())
    return AtLeast(None, None, n, f"{count} of {n} {endless}") if count else Measurement(value, None, n)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in reversed(parts) if part)
