"""The rate that was asked for and the rate that was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from readiness.report.figures.canvas import ALARM, SERIES, Figure, LegendItem, draw, no_data
from readiness.report.figures.scales import from_zero, line
from readiness.report.figures.series import accepted, bin_starts, counts
from readiness.report.figures.timeline import Timeline, paint_time, trouble_legend

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from readiness.model.result import LoadProof

_MOST_BINS = 400


def rate_figure(key: str, requests: pd.DataFrame, proof: LoadProof | None, axis: Timeline) -> Figure:
    """Arrivals asked, sent and acknowledged per second. ``proof`` names the slices that missed their times."""
    title = "Rate asked and achieved"
    if requests.empty:
        return no_data(key, title, "no request was recorded")
    width_s = axis.width_s(_MOST_BINS)
    middles = bin_starts(axis, width_s) + width_s / 2
    sent_ns = requests["sent_ns"].to_numpy(dtype=np.int64)
    asked = counts(axis.seconds(requests["intended_ns"]), axis, width_s)
    sent = counts(axis.seconds(sent_ns[sent_ns > 0]), axis, width_s)
    done = counts(axis.seconds(requests.loc[accepted(requests), "done_ns"]), axis, width_s)
    slice_s = proof.slice_s if proof else 0.0
    invalid = axis.seconds(proof.invalid_slices if proof else ()) + slice_s / 2
    inside = (middles >= axis.start_s) & (middles <= axis.measure_end_s)

    def paint(axes: Axes) -> None:
        from_zero(axes, np.concatenate([asked, sent, done]))
        paint_time(axes, axis)
        line(axes, middles[inside], asked[inside], color=SERIES[0], linewidth=4.5, alpha=0.4, zorder=2)
        line(axes, middles[inside], sent[inside], color=SERIES[0], linewidth=1.3, zorder=2.2)
        line(axes, middles[inside], done[inside], color=SERIES[1], linewidth=1.0, zorder=2.4)
        shown = invalid[(invalid >= axis.start_s) & (invalid <= axis.end_s)]
        if len(shown):
            style: dict[str, Any] = {
                "color": ALARM,
                "linestyle": "none",
                "marker": "x",
                "markersize": 5,
                "clip_on": False,
                "zorder": 4,
            }
            axes.plot(shown, np.full(len(shown), 0.985), transform=axes.get_xaxis_transform(), **style)

    legend = [
        LegendItem("asked", SERIES[0], "soft"),
        LegendItem("sent", SERIES[0], "line"),
        LegendItem("acknowledged", SERIES[1], "line"),
    ]
    if len(invalid):
        legend.append(LegendItem(f"{len(invalid):,} invalid slices of {slice_s:.3g} s", ALARM, "cross"))
    described = (
        f"Rate over time: {np.mean(asked[inside]):.4g} events/s asked and {np.mean(sent[inside]):.4g} events/s sent "
        f"in the mean, {len(invalid)} invalid slices."
    )
    mean = "" if width_s == 1 else f", means of {width_s} s"
    note = f"Events per second{mean}."
    return Figure(key, title, note, described, draw(key, described, paint), (*legend, *trouble_legend(axis)))
