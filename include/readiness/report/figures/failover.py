"""Around a fault: the drill's steps and the probed paths, one lane each, on one time axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from readiness.model.probe_path import label, probed_paths
from readiness.report.figures.canvas import ALARM, BAND, INK, OK, Figure, LegendItem, draw

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from readiness.model.dataset import ScenarioEvidence
    from readiness.model.result import PathInterruption
    from readiness.report.figures.timeline import Timeline

_LANE_PX = 40
_BINS = 240
_AROUND_S = 2.0
_LEAST_SPAN_S = 4.0
_STEPS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0)
_LONGEST_LABEL = 34
_STEP_KEYS = frozenset({"action", "describe", "victims", "injected_ns", "healthy_ns", "error"})


def failover_figure(
    key: str, evidence: ScenarioEvidence, found: tuple[PathInterruption, ...], axis: Timeline
) -> Figure:
    """Green: probes were answered; a red bar: the longest that an outage can have been; a cross: a probe failed."""
    assert evidence.probes is not None
    steps = [step for step in steps_of(evidence) if step["injected_ns"] is not None]
    start_s, end_s = _span(evidence, steps, found, axis)
    paths = {(item.path, item.connection): item for item in found}
    probed = probed_paths(ingress=evidence.ingress)
    lanes = len(steps) + len(probed)

    def paint(axes: Axes) -> None:
        axes.grid(visible=False)
        axes.set_yticks([])
        axes.set_xlim(start_s, end_s)
        axes.set_ylim(lanes, 0)
        _ticks(axes, start_s, end_s)
        for lane, step in enumerate(steps):
            _step(axes, lane, step, axis, (start_s, end_s))
        for lane, (path, kind) in enumerate(probed, len(steps)):
            rows = evidence.probes[(evidence.probes["path"] == path) & (evidence.probes["connection"] == kind)]  # type: ignore[index]
            _path(axes, lane, rows, paths.get((path, kind)), axis, (start_s, end_s))
            _label(axes, lane, (start_s, end_s), label(path, kind), _length(paths.get((path, kind))))

    legend = [LegendItem("answered", OK, "line"), LegendItem("interrupted, at most", ALARM, "bar"),
              LegendItem("a probe failed", ALARM, "cross")]  # fmt: skip
    if steps:
        legend.append(LegendItem("fault, until all is healthy again", BAND, "bar"))
    described = "; ".join(f"{label(*path)}: {_length(paths.get(path))}" for path in probed) + "."
    title = "Before, during and after the fault" if steps else "The longest outage"
    note = "At the right: the longest outage of each path."
    return Figure(key, title, note, described, draw(key, described, paint, _LANE_PX * lanes + 42), tuple(legend))


def steps_of(evidence: ScenarioEvidence) -> list[Mapping[str, Any]]:
    """The drill's steps that have the form of docs/archive.md; a file that was altered is named by the checks."""
    return [step for step in (evidence.drill or {}).get("steps", ()) if step.keys() >= _STEP_KEYS]


def _span(
    evidence: ScenarioEvidence, steps: list[Mapping[str, Any]], found: tuple[PathInterruption, ...], axis: Timeline
) -> tuple[float, float]:
    """From a little before the first fault to a little after the last recovery; without a drill around the longest
    outage; without any the whole measured phase."""
    assert evidence.probe is not None
    last_ns = int(evidence.probe["finished_ns"])
    outages = sorted((item for path in found for item in path.outages), key=lambda item: item.from_ns - item.until_ns)
    edges = [step["injected_ns"] for step in steps] + [step["healthy_ns"] or last_ns for step in steps]
    edges += [edge for item in outages[:4] for edge in (item.from_ns, item.until_ns)]
    if not edges:
        return axis.start_s, axis.measure_end_s
    low_s, high_s = (float(value) for value in axis.seconds([min(edges), max(edges)]))
    around_s = max(_AROUND_S, (high_s - low_s) / 12, (_LEAST_SPAN_S - (high_s - low_s)) / 2)
    return low_s - around_s, high_s + around_s


def _ticks(axes: Axes, start_s: float, end_s: float) -> None:
    step = next((step for step in _STEPS_S if (end_s - start_s) / step <= 6), 1200.0)
    ticks = np.arange(np.ceil(start_s / step), np.floor(end_s / step) + 1) * step
    axes.set_xticks(ticks, [f"{tick:g} s".replace("-", "−") for tick in np.round(ticks, 3) + 0.0])


def _label(axes: Axes, lane: int, span: tuple[float, float], left: str, right: str) -> None:
    width = span[1] - span[0]
    short = left if len(left) <= _LONGEST_LABEL else left[: _LONGEST_LABEL - 1] + "…"
    axes.text(span[0] + width * 0.012, lane + 0.5, short, va="bottom", ha="left", zorder=6)
    axes.text(span[1] - width * 0.012, lane + 0.5, right, va="bottom", ha="right", zorder=6, fontweight="bold")


def _step(axes: Axes, lane: int, step: Mapping[str, Any], axis: Timeline, span: tuple[float, float]) -> None:
    injected_s = float(axis.seconds(step["injected_ns"]))
    healthy_s = span[1] if step["healthy_ns"] is None else float(axis.seconds(step["healthy_ns"]))
    axes.broken_barh([(injected_s, healthy_s - injected_s)], (lane + 0.58, 0.26), facecolor=BAND, linewidth=0, zorder=3)
    axes.axvline(injected_s, color=INK, linewidth=1.2, linestyle=(0, (5, 2, 1, 2)), zorder=1.5)
    victims = ", ".join(str(victim["replica"]) for victim in step["victims"])
    after = "not healthy again" if step["healthy_ns"] is None else f"healthy after {healthy_s - injected_s:.3g} s"
    _label(axes, lane, span, f"{step['action']} {victims}".replace("_", " "), after)


def _path(axes: Axes, lane: int, rows: pd.DataFrame, found: PathInterruption | None, axis: Timeline,
          span: tuple[float, float]) -> None:  # fmt: skip
    """Bins in which a probe was answered with success are a thin bar, failures are crosses above it."""
    width = (span[1] - span[0]) / _BINS
    over = rows[rows["done_ns"].notna()]
    served = over["status"].between(200, 299).to_numpy()
    answered = np.unique(np.floor((axis.seconds(over["done_ns"].to_numpy(np.int64)[served]) - span[0]) / width))
    answered = answered[(answered >= 0) & (answered < _BINS)]
    bars = [(span[0] + float(k) * width, width) for k in answered]
    axes.broken_barh(_joined(bars, width), (lane + 0.66, 0.10), facecolor=OK, linewidth=0)
    failed_s = axis.seconds(over["sent_ns"].to_numpy(np.int64)[~served])
    failed_s = failed_s[(failed_s >= span[0]) & (failed_s <= span[1])]
    crosses = span[0] + (np.unique(np.floor((failed_s - span[0]) / width)) + 0.5) * width
    axes.plot(crosses, np.full(len(crosses), lane + 0.90), color=ALARM, linestyle="none", marker="x", markersize=3.5,
              markeredgewidth=1.0, zorder=4)  # fmt: skip
    for item in found.outages if found else ():
        low_s, high_s = (float(value) for value in axis.seconds([item.from_ns, item.until_ns]))
        wide = max(high_s - low_s, width)
        axes.broken_barh([(low_s, wide)], (lane + 0.57, 0.28), facecolor=ALARM, linewidth=0, zorder=3)


def _joined(bars: list[tuple[float, float]], width: float) -> list[tuple[float, float]]:
    """Neighbouring bins as one bar: fewer shapes, and no hairlines between them."""
    joined: list[tuple[float, float]] = []
    for start, length in bars:
        if joined and start - (joined[-1][0] + joined[-1][1]) < width / 2:
            joined[-1] = (joined[-1][0], start + length - joined[-1][0])
        else:
            joined.append((start, length))
    return joined


def _length(found: PathInterruption | None) -> str:
    if found is None:
        return "not known"
    if not found.count:
        return "no outage"
    if found.high_s is None:
        return f"at least {found.low_s:.3g} s"
    if found.high_s < 1:
        return f"{found.low_s * 1000:.0f} to {found.high_s * 1000:.0f} ms"
    return f"{found.low_s:.2f} to {found.high_s:.2f} s"
