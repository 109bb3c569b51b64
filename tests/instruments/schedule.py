"""When requests are due, fixed before the first is sent."""

import numpy as np
from numpy.typing import NDArray

from instruments.plan import SendPlan

_STREAM_ARRIVALS = 11


def offsets_ns(plan: SendPlan) -> NDArray[np.int64]:
    """The due time of each request after the start, in order: evenly spaced, or a Poisson process conditioned on its
    number of arrivals, which then are the order statistics of uniform draws."""
    count, span_ns = plan.requests, plan.duration_s * 1e9
    if plan.arrivals == "constant":
        found = np.arange(count) * (span_ns / count)
    else:
        rng = np.random.Generator(np.random.PCG64([_STREAM_ARRIVALS, plan.seed]))
        found = np.sort(rng.random(count)) * span_ns
    return found.astype(np.int64)
