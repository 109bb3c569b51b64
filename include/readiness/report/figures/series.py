"""Evidence aggregated for the eye: latencies, counts per bin, and one series per replica."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from readiness.report.figures.timeline import Timeline, natural

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Latencies:
    """One latency per event, in ms, infinite if it never came to its end; ``at_s`` is the event's intended time,
    ``measured`` whether it is judged."""

    at_s: Floats
    latency_ms: Floats
    measured: NDArray[np.bool_]

    @property
    def judged_ms(self) -> Floats:
        """The latencies of the measured phase, sorted, infinite ones last."""
        return np.sort(self.latency_ms[self.measured])

    @property
    def endless_at_s(self) -> Floats:
        """Intended times of the events that never came to their end."""
        return self.at_s[np.isinf(self.latency_ms)]


def accepted(requests: pd.DataFrame) -> pd.Series[bool]:
    """Which requests were answered with success."""
    return requests["status"].between(200, 299) & requests["done_ns"].notna() & (requests["error"] == "")


def accept_latencies(requests: pd.DataFrame, axis: Timeline) -> Latencies:
    """Intended time to the answer; infinite for a request that was not answered with success."""
    intended = requests["intended_ns"].to_numpy(dtype=np.int64)
    done = requests["done_ns"].fillna(0).to_numpy(dtype=np.int64)
    took_ms = np.where(accepted(requests), (done - intended) / 1e6, np.inf)
    return Latencies(axis.seconds(intended), took_ms, (requests["phase"] == "measure").to_numpy(dtype=bool))


def end_to_end_latencies(
    requests: pd.DataFrame, audit: pd.DataFrame, deliveries: pd.DataFrame, axis: Timeline, offset_ns: int = 0
) -> Latencies:
    """Intended time to the last due alert received by its channel, of the events with a due alert; infinite if one
    did not arrive, or if the event was acknowledged and never assessed. The first arrival at a channel counts.

    ``offset_ns``: the receiving clock minus the generator's.
    """
    assessed = audit.loc[audit["action"] == "assessed", ["event_id", "due"]].drop_duplicates("event_id")
    due = assessed[assessed["due"] != ""].assign(channel=lambda rows: rows["due"].str.split(","))
    due = due[["event_id", "channel"]].explode("channel")
    arrived = deliveries.reindex(columns=["event_id", "channel", "received_at_ns"])
    # Counted from the axis' origin: a left merge makes floats of integers, and floats cannot hold epoch ns.
    arrived = arrived.assign(after_ns=arrived.pop("received_at_ns") - axis.origin_ns)
    first = arrived.sort_values("after_ns", kind="stable").drop_duplicates(["event_id", "channel"])
    met = due.merge(first, on=["event_id", "channel"], how="left")
    by_event = met.groupby("event_id", sort=False)["after_ns"].agg(["max", "count", "size"]).reset_index()
    unknown = accepted(requests) & ~requests["event_id"].isin(assessed["event_id"])
    wanted = requests[unknown | requests["event_id"].isin(due["event_id"])]
    joined = wanted[["event_id", "intended_ns", "phase"]].merge(by_event, on="event_id", how="left")
    whole = (joined["count"] == joined["size"]).to_numpy(dtype=bool)
    intended = joined["intended_ns"].to_numpy(dtype=np.int64)
    took_ms = np.full(len(joined), np.inf)
    last = joined.loc[whole, "max"].to_numpy(dtype=np.int64)
    took_ms[whole] = (last - offset_ns - (intended[whole] - axis.origin_ns)) / 1e6
    return Latencies(axis.seconds(intended), took_ms, (joined["phase"] == "measure").to_numpy(dtype=bool))


def bin_starts(axis: Timeline, width_s: int) -> Floats:
    """Start times of the bins of that width, aligned with the start of the measured phase."""
    first = int(np.floor(axis.start_s / width_s))
    return np.arange(first, int(np.ceil(axis.end_s / width_s)) + 1, dtype=float) * width_s


def counts(at_s: Floats, axis: Timeline, width_s: int) -> Floats:
    """Events per second in each bin."""
    starts = bin_starts(axis, width_s)
    places = np.floor(at_s / width_s).astype(int) - int(starts[0] // width_s)
    places = places[(places >= 0) & (places < len(starts))]
    return np.bincount(places, minlength=len(starts)).astype(float) / width_s


def quantiles(
    at_s: Floats, values: Floats, shares: Sequence[float], axis: Timeline, width_s: int
) -> tuple[Floats, list[Floats]]:
    """Middle of each bin, and for each share the nearest-rank quantile of the bin's values; NaN in an empty bin."""
    starts = bin_starts(axis, width_s)
    places = np.floor(at_s / width_s).astype(int) - int(starts[0] // width_s)
    inside = (places >= 0) & (places < len(starts)) & np.isfinite(values)
    order = np.lexsort((values[inside], places[inside]))
    ranked, bins = values[inside][order], places[inside][order]
    filled, first, size = np.unique(bins, return_index=True, return_counts=True)
    result = []
    for share in shares:
        line = np.full(len(starts), np.nan)
        line[filled] = ranked[first + np.maximum(np.ceil(share * size).astype(int), 1) - 1] if len(filled) else []
        result.append(line)
    return starts + width_s / 2, result


def gauge(metrics: pd.DataFrame, name: str, axis: Timeline, width_s: int) -> dict[str, Floats]:
    """For each replica the largest value of a gauge in each bin; NaN in a bin without a sample."""
    rows = metrics[metrics["metric"] == name]
    found: dict[str, Floats] = {}
    for replica, own in rows.groupby("replica", sort=False):
        at_s = axis.seconds(own["time_ns"].to_numpy(dtype=np.int64))
        found[str(replica)] = quantiles(at_s, own["value"].to_numpy(dtype=float), [1.0], axis, width_s)[1][0]
    return dict(sorted(found.items(), key=lambda item: natural(item[0])))


def growth(metrics: pd.DataFrame, name: str, axis: Timeline, width_s: int) -> dict[str, Floats]:
    """For each replica the growth per second of a counter, in each bin.

    A counter that fell was restarted with its process: that step counts for nothing. The growth of a step is put
    at its end. NaN in a bin without a step.
    """
    rows = metrics[metrics["metric"] == name].sort_values("time_ns", kind="stable")
    starts = bin_starts(axis, width_s)
    found: dict[str, Floats] = {}
    for replica, own in rows.groupby("replica", sort=False):
        at_s, value = axis.seconds(own["time_ns"].to_numpy(dtype=np.int64)), own["value"].to_numpy(dtype=float)
        rose, took = np.diff(value), np.diff(at_s)
        places = np.floor(at_s[1:] / width_s).astype(int) - int(starts[0] // width_s)
        good = (rose >= 0) & (took > 0) & (places >= 0) & (places < len(starts))
        total = np.bincount(places[good], weights=rose[good], minlength=len(starts))
        spent = np.bincount(places[good], weights=took[good], minlength=len(starts))
        found[str(replica)] = np.where(spent > 0, total / np.where(spent > 0, spent, 1), np.nan)
    return dict(sorted(found.items(), key=lambda item: natural(item[0])))
