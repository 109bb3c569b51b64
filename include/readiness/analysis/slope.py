"""Trend of a series: the median of the slopes of all pairs of points, which outliers do not bend."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import theilslopes

from readiness.model.interval import Interval

LONGEST_SERIES = 120
"""A longer series is reduced to so many blocks: the method takes points as independent, which neighbouring seconds
are not, and its cost grows with the square of their number."""


@dataclass(frozen=True)
class Slope:
    """``value`` per hour, with its interval; ``blocks``: the number of points that it was estimated from."""

    value: float
    interval: Interval
    blocks: int


def theil_sen(
    times_s: NDArray[np.float64], values: NDArray[np.float64], confidence: float, *, mean_of_block: bool = False
) -> Slope | None:
    """Slope of Theil (1950) and its interval after Sen, JASA 63 (1968) 1379-1389; None below three blocks.

    times_s: ascending seconds; values: same length. Points are first reduced to at most LONGEST_SERIES blocks of
    equal length in time, each its median (or mean, for a rate whose quantisation a median would keep).
    """
    if len(times_s) < 3:
        return None
    edges = np.linspace(times_s[0], times_s[-1], min(LONGEST_SERIES, len(times_s)) + 1)
    block = np.clip(np.searchsorted(edges, times_s, side="right") - 1, 0, len(edges) - 2)
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    reduce = np.mean if mean_of_block else np.median
    x = np.array([part.mean() for part in np.split(times_s, starts[1:])]) / 3600
    y = np.array([reduce(part) for part in np.split(values, starts[1:])])
    if len(x) < 3:
        return None
    found = theilslopes(y, x, alpha=confidence)
    ends = float(found.low_slope), float(found.high_slope)
    if not np.isfinite(ends).all():
        return None
    return Slope(float(found.slope), Interval(*ends, confidence), len(x))
