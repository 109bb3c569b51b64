"""Value axes: a logarithmic one for latencies, one from zero for everything else; and lines with gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from readiness.report.figures.series import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def latency_label(value_ms: float) -> str:
    """A round latency as an axis label."""
    if value_ms >= 1000:
        return f"{value_ms / 1000:g} s"
    return f"{value_ms:g} ms" if value_ms >= 1 else f"{value_ms * 1000:g} µs"


def log_latency(axes: Axes, values_ms: Floats) -> None:
    """A logarithmic axis around ``values_ms`` with up to six labelled ticks; linear would hide all but spikes."""
    positive = values_ms[np.isfinite(values_ms) & (values_ms > 0)]
    low, high = (float(positive.min()), float(positive.max())) if len(positive) else (1.0, 10.0)
    low, high = low / 1.25, max(high * 1.45, low * 2.5)
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**decade for decade in decades for factor in factors]
        ticks = [round(tick, 9) for tick in ticks if low <= tick <= high]
        if len(ticks) <= 6:
            break
    axes.set_yscale("log")
    axes.set_yticks(ticks, [latency_label(tick) for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_ylim(low, high)


def from_zero(axes: Axes, values: Floats, *, whole: bool = False) -> None:
    """A linear axis from zero with about four ticks and some air above the highest value."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    finite = values[np.isfinite(values)]
    high = float(finite.max()) if len(finite) else 0.0
    axes.set_ylim(0, high * 1.18 if high > 0 else 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def line(axes: Axes, at_s: Floats, values: Floats, **style: Any) -> None:
    """A line that breaks at NaN; a value with no neighbour on either side is a dot, since a line cannot show it."""
    axes.plot(at_s, values, **style)
    there = np.isfinite(values)
    beside = np.concatenate(([False], there[:-1])) | np.concatenate((there[1:], [False]))
    alone = there & ~beside
    if alone.any():
        dot = {"color": style["color"], "markersize": 3.0, "zorder": style.get("zorder", 2)}
        axes.plot(at_s[alone], values[alone], linestyle="none", marker="o", markeredgewidth=0, **dot)
