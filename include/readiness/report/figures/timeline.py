"""The common time axis of a scenario's figures: phases, what went wrong with replicas, planned faults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from readiness.report.figures.canvas import ALARM, BAND, INK, LegendItem

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from readiness.model.dataset import ScenarioEvidence
    from readiness.model.scenario import Scenario

_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400)


@dataclass(frozen=True)
class NotReady:
    """A replica was not ready from ``start_s`` to ``end_s`` (the first tick at which it was ready again)."""

    replica: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Timeline:
    """Times in seconds from the start of the measured phase (``origin_ns``); the warmup is negative."""

    origin_ns: int
    start_s: float
    measure_end_s: float
    end_s: float
    not_ready: tuple[NotReady, ...]
    restarts: tuple[tuple[str, float], ...]
    faults: tuple[tuple[float, str], ...]

    def seconds(self, times_ns: Any) -> NDArray[np.float64]:
        """Epoch ns -> seconds on this axis. The difference is taken in integers: floats cannot hold epoch ns."""
        return (np.asarray(times_ns, dtype=np.int64) - self.origin_ns) / 1e9

    def width_s(self, most: int) -> int:
        """The narrowest bin, in whole seconds, that gives no more than ``most`` bins over the whole axis."""
        return next((width for width in _WIDTHS_S if (self.end_s - self.start_s) / width <= most), 3600)

    def ticks_s(self) -> tuple[list[float], int]:
        """Up to seven round times on the axis, and the step between them."""
        span = self.end_s - self.start_s
        step = next((step for step in _STEPS_S if span / step <= 6), 86_400)
        first = int(np.ceil(self.start_s / step))
        return [float(number * step) for number in range(first, int(self.end_s // step) + 1)], step


def timeline(evidence: ScenarioEvidence, scenario: Scenario | None) -> Timeline | None:
    """The axis of that evidence; None if the load has no phase."""
    phases = {phase.name: phase for phase in evidence.clock.phases}
    if not phases:
        return None
    measure = phases.get("measure") or evidence.clock.phases[-1]
    origin = measure.start_ns
    start_s = (min(phase.start_ns for phase in phases.values()) - origin) / 1e9
    end_s = (measure.end_ns - origin) / 1e9
    seen = [(int(frame["time_ns"].max()) - origin) / 1e9 for frame in (evidence.health, evidence.metrics) if len(frame)]
    steps = scenario.drill.steps if scenario is not None and scenario.drill is not None else ()
    return Timeline(
        origin_ns=origin,
        start_s=start_s,
        measure_end_s=end_s,
        end_s=max([end_s, *seen]),
        not_ready=_not_ready(_after_start(evidence), origin),
        restarts=_restarts(evidence.metrics, origin),
        faults=tuple((step.at * end_s + step.after, f"{step.action} {', '.join(step.components)}") for step in steps),
    )


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A sort key under which automation-10 comes after automation-9."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name))


def _after_start(evidence: ScenarioEvidence) -> pd.DataFrame:
    """The health samples without those in which a replica that the platform added had not been ready yet: starting is
    no trouble."""
    health = evidence.health
    joined = [item["replica"] for item in evidence.observe.get("targets") or () if item.get("joined_ns") is not None]
    if not joined or health.empty:
        return health
    first_ns = health[health["ready"]].groupby("replica")["time_ns"].min()
    starts = health["replica"].isin(joined) & (health["time_ns"] < health["replica"].map(first_ns))
    return health[~starts]


def _not_ready(health: pd.DataFrame, origin_ns: int) -> tuple[NotReady, ...]:
    found: list[NotReady] = []
    if health.empty:
        return ()
    for replica, rows in health.sort_values("time_ns", kind="stable").groupby("replica", sort=True):
        ready = rows["ready"].to_numpy(dtype=bool)
        at_s = (rows["time_ns"].to_numpy(dtype=np.int64) - origin_ns) / 1e9
        edges = np.flatnonzero(np.diff(np.concatenate(([True], ready, [True])).astype(int)))
        for first, past in zip(edges[::2], edges[1::2], strict=True):
            end_s = at_s[past] if past < len(at_s) else at_s[-1]
            found.append(NotReady(str(replica), float(at_s[first]), float(end_s)))
    return tuple(sorted(found, key=lambda item: (item.start_s, natural(item.replica))))


def _restarts(metrics: pd.DataFrame, origin_ns: int) -> tuple[tuple[str, float], ...]:
    if metrics.empty:
        return ()
    started = metrics[metrics["metric"] == "process_start_time_seconds"].sort_values("time_ns", kind="stable")
    found: list[tuple[str, float]] = []
    for replica, rows in started.groupby("replica", sort=True):
        value = rows["value"].to_numpy(dtype=float)
        for place in np.flatnonzero(np.abs(np.diff(value)) > 0.001):
            found.append((str(replica), float(value[place + 1]) - origin_ns / 1e9))
    return tuple(sorted(found, key=lambda item: (item[1], natural(item[0]))))


def _time_label(at_s: float, step_s: int) -> str:
    if at_s == 0:
        return "0"
    unit, size = ("h", 3600) if step_s >= 3600 else ("min", 60) if step_s >= 60 else ("s", 1)
    return f"{at_s / size:g} {unit}".replace("-", "−")


def paint_time(axes: Axes, axis: Timeline, *, troubles: bool = True) -> None:
    """Time ticks, the phases beside the measured one, and what happened to replicas."""
    ticks, step = axis.ticks_s()
    axes.set_xlim(axis.start_s, max(axis.end_s, axis.start_s + 1))
    axes.set_xticks(ticks, [_time_label(tick, step) for tick in ticks])
    span = axis.end_s - axis.start_s
    for name, start_s, end_s in (("warmup", axis.start_s, 0.0), ("drain", axis.measure_end_s, axis.end_s)):
        if end_s <= start_s:
            continue
        axes.axvspan(start_s, end_s, facecolor=BAND, alpha=0.16, linewidth=0, zorder=0)
        if troubles and (end_s - start_s) / span > 0.16:
            axes.text((start_s + end_s) / 2, 0.97, name, transform=axes.get_xaxis_transform(), ha="center", va="top")
    if not troubles:
        return
    for item in axis.not_ready:
        end_s = max(item.end_s, item.start_s + span / 250)
        axes.axvspan(item.start_s, end_s, facecolor=ALARM, alpha=0.16, linewidth=0, zorder=0)
    for _, at_s in axis.restarts:
        axes.axvline(at_s, color=ALARM, linewidth=1.2, linestyle=(0, (1, 2)), zorder=1.5)
    for at_s, _ in axis.faults:
        axes.axvline(at_s, color=INK, linewidth=1.2, linestyle=(0, (5, 2, 1, 2)), zorder=1.5)


def trouble_legend(axis: Timeline) -> tuple[LegendItem, ...]:
    """Legend entries of what ``paint_time`` marked."""
    items: list[LegendItem] = []
    if axis.start_s < 0 or axis.end_s > axis.measure_end_s:
        items.append(LegendItem("not judged", BAND, "band"))
    if axis.not_ready:
        items.append(LegendItem("a replica not ready", ALARM, "band"))
    if axis.restarts:
        items.append(LegendItem("restart", ALARM, "dotted"))
    for label in dict.fromkeys(label for _, label in axis.faults):
        items.append(LegendItem(f"{label} (as planned)", INK, "dashed"))
    return tuple(items)
