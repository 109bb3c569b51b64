"""When each replica was ready: one lane per replica, with gaps and restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from readiness.report.figures.canvas import ALARM, HEIGHT_PX, INK, OK, Figure, LegendItem, draw, no_data
from readiness.report.figures.timeline import Timeline, natural, paint_time

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_LANE_PX = 36
_MOST_LANES = 8
_NAME_LENGTH = 44


def readiness_figure(key: str, health: pd.DataFrame, axis: Timeline) -> Figure:
    """One lane per replica, the troubled ones first. A lane that was never ready less than always is thin; a gap
    is a thick bar, so that shape tells what colour tells."""
    title = "Readiness of replicas"
    if health.empty:
        return no_data(key, title, "no replica's health was recorded")
    names = sorted({str(name) for name in health["replica"]}, key=natural)
    troubled = {item.replica for item in axis.not_ready} | {name for name, _ in axis.restarts}
    lanes = sorted(names, key=lambda name: (name not in troubled, natural(name)))[:_MOST_LANES]
    seen_s = {name: _seen_s(health, name, axis) for name in lanes}

    def paint(axes: Axes) -> None:
        axes.grid(visible=False)
        axes.set_yticks([])
        axes.set_ylim(len(lanes), 0)
        paint_time(axes, axis, troubles=False)
        span = axis.end_s - axis.start_s
        for lane, name in enumerate(lanes):
            short = name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"
            axes.text(axis.start_s + span * 0.012, lane + 0.50, short, va="bottom", ha="left", zorder=4)
            first_s, last_s = seen_s[name]
            axes.broken_barh([(first_s, max(last_s - first_s, 1))], (lane + 0.62, 0.14), facecolor=OK, linewidth=0)
            gaps = [(item.start_s, max(item.end_s - item.start_s, span / 150)) for item in axis.not_ready
                    if item.replica == name]  # fmt: skip
            axes.broken_barh(gaps, (lane + 0.54, 0.30), facecolor=ALARM, linewidth=0, zorder=3)
            at_s = [at_s for replica, at_s in axis.restarts if replica == name]
            style: dict[str, Any] = {"color": INK, "linestyle": "none", "marker": "v", "markersize": 6, "zorder": 5}
            axes.plot(at_s, np.full(len(at_s), lane + 0.40), **style)

    legend = [LegendItem("ready", OK, "line")]
    if axis.not_ready:
        legend.append(LegendItem("not ready", ALARM, "bar"))
    if axis.restarts:
        legend.append(LegendItem("process restarted", INK, "arrow"))
    height = max(_LANE_PX * len(lanes) + 42, HEIGHT_PX)
    described = _described(names, axis)
    hidden = len(names) - len(lanes)
    more = f" {hidden} more replicas are not shown." if hidden else ""
    return Figure(key, title, described + more, described, draw(key, described, paint, height), tuple(legend))


def _seen_s(health: pd.DataFrame, replica: str, axis: Timeline) -> tuple[float, float]:
    at_s = axis.seconds(health.loc[health["replica"] == replica, "time_ns"])
    return float(at_s.min()), float(at_s.max())


def _described(names: list[str], axis: Timeline) -> str:
    if not axis.not_ready and not axis.restarts:
        return f"All {len(names)} replicas were ready in every sample."
    parts = []
    for name in sorted({item.replica for item in axis.not_ready}, key=natural):
        down_s = sum(item.end_s - item.start_s for item in axis.not_ready if item.replica == name)
        parts.append(f"{name} was not ready for {down_s:.4g} s")
    parts += [f"{name} restarted at {at_s:.4g} s" for name, at_s in axis.restarts]
    return "; ".join(parts) + "."
