"""A measurement of which the evidence shows only that it is at least so much (right-censored)."""

import math
from dataclasses import dataclass

from readiness.model.result import Measurement


@dataclass(frozen=True)
class AtLeast(Measurement):
    """``value`` is None; the true value is ``bound`` or more (infinite: what was waited for never happened).

    Only judging needs the bound: it convicts where a Measurement without a value could not, and is never stored,
    since JSON has no infinity.
    """

    bound: float = math.inf
