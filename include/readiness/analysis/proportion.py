"""Shares of successes with their exact interval."""

from scipy.stats import beta

from readiness.model.interval import Interval
from readiness.model.result import Measurement


def proportion(successes: int, n: int, confidence: float, note: str = "") -> Measurement:
    """successes / n with the two-sided interval of Clopper & Pearson, Biometrika 26 (1934) 404-413.

    Its coverage is at least the nominal one for every true share. n = 0: no value. Raises ValueError for a number of
    successes outside 0..n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: must lie in 0..n")
    if n == 0:
        return Measurement(None, None, 0, note or "no observation in the measured phase")
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(beta.ppf(1 - tail, successes + 1, n - successes))
    return Measurement(successes / n, Interval(low, high, confidence), n, note)
