"""The trend of memory or CPU of each replica with its interval, against no trend at all and against the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from readiness.model.quantity import Dimension, show
from readiness.report.figures.canvas import ALARM, HEIGHT_PX, INK, SERIES, TARGET, Figure, LegendItem, draw, no_data
from readiness.report.figures.timeline import natural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from readiness.model.scenario import Scenario
    from readiness.model.trend import ReplicaTrend

_LANE_PX = 36
_MOST_LANES = 10
_WORDS: dict[str, tuple[str, str, Dimension, float, str]] = {
    "memory": ("Memory trend by replica", "memory_slope", Dimension.BYTES_PER_HOUR, 1024**2, "MiB/h"),
    "cpu": ("CPU trend by replica", "cpu_slope", Dimension.CORES_PER_HOUR, 1.0, "cores/h"),
}


def target_of(scenario: Scenario | None, metric: str) -> float | None:
    """The target that the scenario sets for the metric; None if it sets none."""
    found = [item.must.value for item in (scenario.objectives if scenario else ()) if item.metric == metric]
    return found[0] if found else None


def slope_figure(
    key: str, what: Literal["memory", "cpu"], trends: tuple[ReplicaTrend, ...], scenario: Scenario | None
) -> Figure:
    """One lane for each replica, the steepest first: the slope as a point, its interval as a bar."""
    title, metric, dimension, unit_size, unit = _WORDS[what]
    if not trends:
        return no_data(key, title, "leaks were not judged: no replica was observed for long enough to show a trend")
    target = target_of(scenario, metric)
    lanes = sorted(trends, key=lambda item: (-item.interval.high, natural(item.replica)))[:_MOST_LANES]

    def paint(axes: Axes) -> None:
        axes.grid(visible=False)
        axes.set_yticks([])
        axes.set_ylim(len(lanes), 0)
        low, high = _bounds(lanes, target, unit_size)
        axes.set_xlim(low, high)
        axes.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        if target is not None:
            axes.axvline(target / unit_size, color=TARGET, linewidth=1.3, linestyle=(0, (4, 3)), zorder=1)
        for lane, item in enumerate(lanes):
            colour = SERIES[0] if target is None or item.interval.high <= target else ALARM
            ends = [item.interval.low / unit_size, item.interval.high / unit_size]
            axes.plot(ends, [lane + 0.68] * 2, color=colour, linewidth=4.0, alpha=0.5, zorder=2)
            axes.plot([item.per_hour / unit_size], [lane + 0.68], color=colour, marker="o", markersize=5, zorder=3)
            axes.text(low, lane + 0.50, f" {item.replica}", va="bottom", ha="left", zorder=4)

    width = max(item.interval.high - item.interval.low for item in trends)
    seen = f"a leak of {show(width, dimension)} or more would show on every replica"
    described = f"{title}: " + ", ".join(
        f"{item.replica} {show(item.per_hour, dimension)} "
        f"({show(item.interval.low, dimension)} to {show(item.interval.high, dimension)})"
        for item in lanes
    )
    hidden = f" {len(trends) - len(lanes)} more replicas are not shown." if len(trends) > len(lanes) else ""
    legend = [LegendItem("slope and its 95 % interval", SERIES[0], "bar")]
    if any(target is not None and item.interval.high > target for item in lanes):
        legend.append(LegendItem("not wholly below the target", ALARM, "bar"))
    if target is not None:
        legend.append(LegendItem(f"target {show(target, dimension)}", TARGET, "dashed"))
    height = max(_LANE_PX * len(lanes) + 42, HEIGHT_PX)
    note = f"{unit}; {seen}.{hidden}"
    return Figure(key, title, note, f"{described}; {seen}.", draw(key, described, paint, height), tuple(legend))


def _bounds(lanes: list[ReplicaTrend], target: float | None, unit_size: float) -> tuple[float, float]:
    """Ends of the axis: all intervals, zero and the target, and some air."""
    ends = [0.0, *(end for item in lanes for end in (item.interval.low, item.interval.high))]
    ends += [target] if target is not None else []
    low, high = min(ends) / unit_size, max(ends) / unit_size
    air = (high - low or 1.0) * 0.08
    return low - air, high + air
