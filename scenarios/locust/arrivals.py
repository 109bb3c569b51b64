"""When each request is due: the open-loop schedule, computed ahead of the run from its seed.

Pure: no clock, no I/O. Offsets are nanoseconds since the start of the schedule; the warm-up comes first and
the measured phase follows it without a gap.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
PROCESSES = ("poisson", "constant")
_STREAM = 1


@dataclass(frozen=True, slots=True)
class Schedule:
    """Due times of all arrivals.

    offsets_ns: int64, ascending, in [0, warmup_ns + measure_ns); warmup_count: how many are due before the
    measured phase begins.
    """

    offsets_ns: NDArray[np.int64]
    warmup_ns: int
    measure_ns: int
    warmup_count: int

    @property
    def count(self) -> int:
        """Number of arrivals in both phases."""
        return len(self.offsets_ns)

    @property
    def total_ns(self) -> int:
        """Length of both phases."""
        return self.warmup_ns + self.measure_ns


def schedule(process: str, rate_per_s: float, warmup_s: float, measure_s: float, seed: int) -> Schedule:
    """Draw the schedule of a run: the same arguments always give the same due times.

    `constant` spaces arrivals 1/rate apart from offset 0. `poisson` sums exponential gaps of mean 1/rate
    (inversion method: -ln(1 - u) / rate), so the number of arrivals is random with mean and variance rate x time.
    """
    warmup_ns, measure_ns = round(warmup_s * NS_PER_S), round(measure_s * NS_PER_S)
    total_ns = warmup_ns + measure_ns
    if process == "constant":
        offsets = _constant(rate_per_s, total_ns)
    elif process == "poisson":
        offsets = _poisson(rate_per_s, total_ns, seed)
    else:
        raise ValueError(f"arrivals {process!r} is none of {', '.join(PROCESSES)}")
    warmup_count = int(np.searchsorted(offsets, warmup_ns, side="left"))
    return Schedule(offsets, warmup_ns, measure_ns, warmup_count)


def _constant(rate_per_s: float, total_ns: int) -> NDArray[np.int64]:
    count = math.ceil(rate_per_s * total_ns / NS_PER_S) + 1
    offsets = (np.arange(count) * (NS_PER_S / rate_per_s)).astype(np.int64)
    return offsets[offsets < total_ns]


def _poisson(rate_per_s: float, total_ns: int, seed: int) -> NDArray[np.int64]:
    # The raw uniform stream of PCG64 is kept stable by numpy; its exponential() may change between versions.
    rng = np.random.Generator(np.random.PCG64([_STREAM, seed]))
    mean = rate_per_s * total_ns / NS_PER_S
    block = math.ceil(mean + 4 * math.sqrt(mean)) + 16
    parts: list[NDArray[np.int64]] = []
    last_s = 0.0
    while last_s * NS_PER_S < total_ns:
        times_s = last_s + np.cumsum(-np.log1p(-rng.random(block)) / rate_per_s)
        last_s = float(times_s[-1])
        parts.append((times_s * NS_PER_S).astype(np.int64))
        block = 1024
    offsets = np.concatenate(parts)
    return offsets[offsets < total_ns]
