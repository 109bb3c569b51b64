"""How much of a time samples cover."""

from collections.abc import Iterable, Sequence

import numpy as np

S = 1e9


def missing_s(times_ns: Sequence[int], life: tuple[int, int], max_gap_s: float) -> float:
    """Seconds of ``life`` (start, end; epoch ns) in gaps of more than ``max_gap_s``, its edges included."""
    start_ns, end_ns = life
    inside = [at for at in times_ns if start_ns < at < end_ns]
    edges = np.array([start_ns, *inside, end_ns], dtype=np.int64)
    gaps_s = np.diff(edges) / S
    return float(gaps_s[gaps_s > max_gap_s].sum() if inside else gaps_s.sum())


def usual_step_s(series_ns: Iterable[Sequence[int]]) -> float | None:
    """The median time between two neighbouring samples of one series; None without any two."""
    steps = [np.diff(np.array(times_ns, dtype=np.int64)) for times_ns in series_ns if len(times_ns) > 1]
    return float(np.median(np.concatenate(steps))) / S if steps else None
