"""Replicas over time against the load: when the platform scaled out, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from readiness.report.figures.canvas import OK, SERIES, Figure, LegendItem, draw, no_data
from readiness.report.figures.scales import from_zero
from readiness.report.figures.series import Floats, bin_starts, counts
from readiness.report.figures.timeline import Timeline, paint_time, trouble_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from readiness.model.dataset import ScenarioEvidence
    from readiness.model.scenario import Scenario

_LOAD_SHARE = 0.55
"""The load has no axis of its own: it fills this share of the height at its highest, which the legend gives."""
_MOST_BINS = 200


def scales(evidence: ScenarioEvidence, scenario: Scenario | None) -> bool:
    """Whether there is something to show: a replica came or went, or the scenario asks for it."""
    moved = any(item.get("joined_ns") is not None for item in evidence.observe.get("targets") or ())
    return moved or any(item.metric == "scale_out_time" for item in (scenario.objectives if scenario else ()))


def scale_out_figure(key: str, evidence: ScenarioEvidence, axis: Timeline) -> Figure:
    """Ready replicas of the component that scaled, or of all that serve metrics when none did."""
    title = "Replicas against the load"
    targets = evidence.observe.get("targets") or ()
    scaled = {str(item["component"]) for item in targets if item.get("joined_ns") is not None}
    names = {
        str(item["replica"]) for item in targets if item["metrics"] and (str(item["component"]) in scaled or not scaled)
    }
    health = evidence.health[evidence.health["replica"].isin(names)]
    if health.empty:
        return no_data(key, title, "no replica's health was recorded")
    at_s, ready = _ready(health["time_ns"].to_numpy(np.int64), health["ready"].to_numpy(bool), axis)
    width_s = axis.width_s(_MOST_BINS)
    sent = axis.seconds(evidence.requests["sent_ns"].to_numpy(np.int64))
    per_min = counts(sent, axis, width_s) * 60
    highest, top = float(per_min.max(initial=0.0)), float(ready.max(initial=1.0))

    def paint(axes: Axes) -> None:
        from_zero(axes, ready, whole=True)
        paint_time(axes, axis)
        if highest > 0:
            middles = bin_starts(axis, width_s) + width_s / 2
            axes.fill_between(
                middles, per_min / highest * _LOAD_SHARE * top, color=SERIES[0], alpha=0.18, linewidth=0, zorder=1
            )
        axes.step(at_s, ready, where="post", color=OK, linewidth=1.6, zorder=3)

    changes = _changes(at_s, ready)
    described = f"Ready replicas over time: {changes}; the load was at most {highest:,.0f} a minute."
    legend = (
        LegendItem("ready replicas", OK, "line"),
        LegendItem(f"load, at most {highest:,.0f}/min", SERIES[0], "soft"),
        *trouble_legend(axis),
    )
    what = ", ".join(sorted(scaled)) or "components that serve metrics"
    return Figure(key, title, f"Ready replicas of {what}: {changes}.", described, draw(key, described, paint), legend)


def _ready(times_ns: NDArray[np.int64], ready: NDArray[np.bool_], axis: Timeline) -> tuple[Floats, Floats]:
    """Each tick and how many replicas were ready at it."""
    ticks, place = np.unique(times_ns, return_inverse=True)
    return axis.seconds(ticks), np.bincount(place, weights=ready, minlength=len(ticks)).astype(np.float64)


def _changes(at_s: Floats, ready: Floats) -> str:
    """The numbers of replicas in words, with the times at which they changed; only the first few."""
    at = np.flatnonzero(np.diff(ready)) + 1
    steps = [f"{int(ready[k])} from {at_s[k]:.0f} s on" for k in at[:_CHANGES_SHOWN]]
    more = f" and {len(at) - _CHANGES_SHOWN} more changes" if len(at) > _CHANGES_SHOWN else ""
    return ", ".join([f"{int(ready[0])} at first", *steps]) + more


_CHANGES_SHOWN = 4
