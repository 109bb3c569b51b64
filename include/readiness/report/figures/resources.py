"""What each replica used: CPU and resident memory; and the queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from readiness.report.figures.canvas import SERIES, Figure, LegendItem, draw, no_data
from readiness.report.figures.scales import from_zero, line
from readiness.report.figures.series import Floats, bin_starts, gauge, growth
from readiness.report.figures.timeline import Timeline, paint_time, trouble_legend

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MOST_BINS = 400


def cpu_figure(key: str, metrics: pd.DataFrame, axis: Timeline) -> Figure:
    """Cores used by each replica: growth of process_cpu_seconds_total per second."""
    width_s = axis.width_s(_MOST_BINS)
    lines = growth(metrics, "process_cpu_seconds_total", axis, width_s) if len(metrics) else {}
    return _by_replica(key, "CPU by replica", "Cores in use", "cores", lines, axis, width_s)


def memory_figure(key: str, metrics: pd.DataFrame, axis: Timeline) -> Figure:
    """Resident memory of each replica."""
    width_s = axis.width_s(_MOST_BINS)
    lines = gauge(metrics, "process_resident_memory_bytes", axis, width_s) if len(metrics) else {}
    lines = {replica: values / 1024**2 for replica, values in lines.items()}
    return _by_replica(key, "Memory by replica", "Resident memory in MiB", "MiB", lines, axis, width_s)


def queue_figure(key: str, metrics: pd.DataFrame, axis: Timeline) -> Figure:
    """Events durable and not yet fully handled. Each replica sees the whole queue; the highest view counts."""
    title = "Queue depth"
    width_s = axis.width_s(_MOST_BINS)
    views = gauge(metrics, "phantommesh_queue_depth", axis, width_s) if len(metrics) else {}
    if not _has_values(views):
        return no_data(key, title, "no replica reported its queue")
    depth = np.fmax.reduce(list(views.values()))
    middles = bin_starts(axis, width_s) + width_s / 2

    def paint(axes: Axes) -> None:
        from_zero(axes, depth, whole=True)
        paint_time(axes, axis)
        floor = np.where(np.isfinite(depth), depth, 0)
        axes.fill_between(middles, floor, where=np.isfinite(depth), color=SERIES[0], alpha=0.18, linewidth=0)
        line(axes, middles, depth, color=SERIES[0], linewidth=1.3, zorder=2)

    described = (
        f"Queue depth over time: {np.nanmedian(depth):.4g} in the median, at most {np.nanmax(depth):.6g} events."
    )
    note = f"Events durable and not yet handled; highest {_within(width_s)}."
    legend = (LegendItem("events in the queue", SERIES[0], "line"), *trouble_legend(axis))
    return Figure(key, title, note, described, draw(key, described, paint), legend)


def _has_values(lines: Mapping[str, Floats]) -> bool:
    return any(np.isfinite(values).any() for values in lines.values())


def _within(width_s: int) -> str:
    return "in each second" if width_s == 1 else f"in each {width_s} s"


def _by_replica(
    key: str, title: str, quantity: str, unit: str, lines: Mapping[str, Floats], axis: Timeline, width_s: int
) -> Figure:
    """One line per replica; of more replicas than there are colours, the median and the whole range."""
    if not _has_values(lines):
        return no_data(key, title, f"no replica reported its {title.split()[0]} use")
    middles = bin_starts(axis, width_s) + width_s / 2
    many = len(lines) > len(SERIES)
    stack = np.array(list(lines.values()))

    def paint(axes: Axes) -> None:
        from_zero(axes, stack.ravel())
        paint_time(axes, axis)
        if not many:
            for colour, values in zip(SERIES, lines.values(), strict=False):
                line(axes, middles, values, color=colour, linewidth=1.2, zorder=2)
            return
        seen = np.isfinite(stack).any(axis=0)
        low, high = np.fmin.reduce(stack), np.fmax.reduce(stack)
        axes.fill_between(middles[seen], low[seen], high[seen], color=SERIES[0], alpha=0.25, linewidth=0)
        line(axes, middles[seen], np.nanmedian(stack[:, seen], axis=0), color=SERIES[0], linewidth=1.3, zorder=2)

    if many:
        band = LegendItem(f"lowest to highest of {len(lines)} replicas", SERIES[0], "soft")
        legend = [LegendItem("median replica", SERIES[0], "line"), band]
    else:
        legend = [LegendItem(replica, colour, "line") for replica, colour in zip(lines, SERIES, strict=False)]
    peaks = [
        f"{replica} at most {np.nanmax(row):.4g} {unit}" for replica, row in lines.items() if np.isfinite(row).any()
    ]
    described = f"{quantity} over time: {', '.join(peaks)}."
    note = f"{quantity}, {_within(width_s)}."
    return Figure(key, title, note, described, draw(key, described, paint), (*legend, *trouble_legend(axis)))
