"""Latency over time with errors and targets, and the percentile curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from readiness.model.metric import PERCENTILES
from readiness.report.figures.canvas import ALARM, INK, SERIES, TARGET, Figure, LegendItem, draw, no_data
from readiness.report.figures.scales import latency_label, line, log_latency
from readiness.report.figures.series import Floats, Latencies, quantiles
from readiness.report.figures.timeline import Timeline, paint_time, trouble_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from readiness.model.scenario import Scenario

_LINES = (("p50", 0.50, SERIES[0], 1.4), ("p95", 0.95, SERIES[1], 1.2), ("p99", 0.99, SERIES[2], 0.9))
_MOST_BINS = 2000


@dataclass(frozen=True)
class LatencyTarget:
    """A target of an objective: ``share`` is the percentile as 0..1 (1 for the maximum)."""

    label: str
    share: float
    limit_ms: float


def targets(scenario: Scenario | None, metric: str) -> tuple[LatencyTarget, ...]:
    """The targets that the scenario sets for a latency metric."""
    if scenario is None:
        return ()
    return tuple(
        LatencyTarget(
            f"{item.statistic} {item.must}", PERCENTILES.get(item.statistic or "", 1.0), item.must.value * 1e3
        )
        for item in scenario.objectives
        if item.metric == metric
    )


def latency_figure(key: str, title: str, data: Latencies, goals: tuple[LatencyTarget, ...], axis: Timeline) -> Figure:
    """p50, p95 and p99 of each bin over time; what never came to its end is marked on top."""
    if not len(data.latency_ms):
        return no_data(key, title, "no event has this latency")
    errors_at_s = data.endless_at_s
    width_s = axis.width_s(_MOST_BINS)
    middles, lines = quantiles(data.at_s, data.latency_ms, [share for _, share, _, _ in _LINES], axis, width_s)
    error_bins = np.unique(np.floor(errors_at_s / width_s)) * width_s + width_s / 2

    def paint(axes: Axes) -> None:
        log_latency(axes, np.concatenate([*lines, [goal.limit_ms for goal in goals]]))
        paint_time(axes, axis)
        for (_, _, colour, width), values in reversed(list(zip(_LINES, lines, strict=True))):
            line(axes, middles, values, color=colour, linewidth=width, zorder=2)
        for goal in goals:
            axes.axhline(goal.limit_ms, color=TARGET, linewidth=1.3, linestyle=(0, (6, 3)), zorder=3)
        if len(error_bins):
            top = np.full(len(error_bins), 0.985)
            style: dict[str, Any] = {
                "color": ALARM,
                "linestyle": "none",
                "marker": "x",
                "markersize": 5,
                "clip_on": False,
                "zorder": 4,
            }
            axes.plot(error_bins, top, transform=axes.get_xaxis_transform(), **style)

    legend = [LegendItem(name, colour, "line") for name, _, colour, _ in _LINES]
    legend += [LegendItem(f"target: {goal.label}", TARGET, "dashed") for goal in goals]
    if len(error_bins):
        legend.append(LegendItem(f"{len(errors_at_s):,} without success", ALARM, "cross"))
    each = "second" if width_s == 1 else f"{width_s} s"
    described = f"{title} over time: {_middle(lines)}; {len(errors_at_s):,} events without success."
    note = f"Percentiles in each {each} of the events that succeeded; logarithmic scale."
    return Figure(key, title, note, described, draw(key, described, paint), (*legend, *trouble_legend(axis)))


def _middle(lines: list[Floats]) -> str:
    parts = []
    for (name, _, _, _), values in zip(_LINES, lines, strict=True):
        if np.isfinite(values).any():
            parts.append(
                f"{name} is {np.nanmedian(values):.3g} ms in the median bin, at most {np.nanmax(values):.4g} ms"
            )
    return "; ".join(parts) or "no value"


_TICKS = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)


def percentile_figure(key: str, judged: Mapping[str, Floats], goals: Mapping[str, tuple[LatencyTarget, ...]]) -> Figure:
    """Every percentile of the measured phase, with the far tail spread out.

    ``judged``: name -> sorted latencies in ms. The horizontal position of percentile p is -log10(1 - p), so that
    each further nine takes the same room; the curve ends where a percentile would rest on less than one event.
    Events without an end are the slowest of all: the curve ends where they begin.
    """
    title = "Latency by percentile"
    filled = {name: values for name, values in judged.items() if len(values)}
    if not filled:
        return no_data(key, title, "no latency in the measured phase")
    right = max(np.log10(len(values)) for values in filled.values()) + 0.05
    colours = dict(zip(judged, SERIES, strict=False))
    shown = [goal for name in filled for goal in goals.get(name, ()) if goal.share < 1]
    curves = {name: _curve(values) for name, values in filled.items()}

    def paint(axes: Axes) -> None:
        heights = [heights for _, heights in curves.values()]
        log_latency(axes, np.concatenate([*heights, [goal.limit_ms for goal in shown]]))
        places = [(-np.log10(1 - share), f"{share * 100:g}") for share in _TICKS]
        places = [(place, label) for place, label in places if place <= right]
        axes.set_xlim(0, max(right, 0.4))
        axes.set_xticks([place for place, _ in places], [label for _, label in places])
        axes.grid(visible=True, axis="x")
        for name, (place, height) in curves.items():
            axes.plot(
                place, np.where(np.isfinite(height), height, np.nan), color=colours[name], linewidth=1.6, zorder=2
            )
        for goal in shown:
            style: dict[str, Any] = {
                "markerfacecolor": "none",
                "markeredgewidth": 1.6,
                "linestyle": "none",
                "markersize": 8,
            }
            axes.plot([-np.log10(1 - goal.share)], [goal.limit_ms], marker="v", color=INK, zorder=3, **style)

    legend = [LegendItem(name, colours[name], "line") for name in filled]
    labels = dict.fromkeys(goal.label for goal in shown)
    legend += [LegendItem(f"target: {label}", INK, "triangle") for label in labels]
    described = "Latency by percentile. " + " ".join(_described(name, values) for name, values in filled.items())
    note = "Percentiles of the measured phase; both scales logarithmic."
    return Figure(key, title, note, described, draw(key, described, paint), tuple(legend))


def _curve(values: Floats) -> tuple[Floats, Floats]:
    """Places and heights of at most 300 points of the empirical quantile function (nearest rank)."""
    places = np.linspace(0, np.log10(len(values)), 300)
    ranks = np.clip(np.ceil((1 - 10.0**-places) * len(values)).astype(int), 1, len(values))
    return places, values[ranks - 1]


def _described(name: str, values: Floats) -> str:
    ranks = [(share, max(int(np.ceil(share * len(values))), 1)) for share in (0.5, 0.95, 0.99)]
    parts = [f"p{share * 100:g} {_rounded(values[rank - 1])}" for share, rank in ranks]
    return f"{name}: {', '.join(parts)}, maximum {_rounded(values[-1])}."


def _rounded(value_ms: float) -> str:
    if not np.isfinite(value_ms):
        return "without end"
    return latency_label(float(f"{value_ms:.4g}"))
