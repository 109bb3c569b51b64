"""Faults of the harness and of the evidence, and one of the platform: what each does to the recorded evidence of a run
that was approved.

Each takes the evidence to spoil and that of an earlier run of the same scenario. Those of the harness and of the
platform end with new seals, for then the evidence was so when it was sealed; tampering leaves the seals as they were.
"""

import json
import shutil

import pandas as pd

from readiness.self_test.recorded import Recorded

S = 1_000_000_000
REQUESTS, AUDIT, DELIVERIES = "load/requests.parquet", "collect/audit.parquet", "collect/deliveries.parquet"
METRICS, COLLECT = "observe/metrics.parquet", "collect/collect.json"


def one_event_lost(evidence: Recorded, _: Recorded) -> None:
    """The platform knows nothing of one event that it acknowledged; the evidence of that is sound."""
    rows = evidence.table(REQUESTS)
    lost = rows["event_id"].iloc[len(rows) // 2]
    for name in (AUDIT, DELIVERIES):
        evidence.change_table(name, lambda kept: kept[kept["event_id"] != lost])
    _count_again(evidence)
    evidence.seal_anew()


def rate_of_95_percent(evidence: Recorded, _: Recorded) -> None:
    """Every twentieth arrival of the schedule was never sent, and the generator does not say so."""
    ids = set(evidence.table(REQUESTS)["event_id"].iloc[::20])
    for name in (REQUESTS, AUDIT, DELIVERIES):
        evidence.change_table(name, lambda rows: rows[~rows["event_id"].isin(ids)])
    _count_again(evidence)
    evidence.seal_anew()


def generator_stalled(evidence: Recorded, _: Recorded) -> None:
    """For 0.3 s of the measured phase nothing was sent; it was all sent when the generator woke up."""
    rows = evidence.table(REQUESTS)
    start_ns = int(rows.loc[rows["phase"] == "measure", "intended_ns"].min()) + 2 * S
    end_ns = start_ns + 3 * S // 10
    late = rows[rows["intended_ns"].between(start_ns, end_ns)].set_index("event_id")["sent_ns"]
    lag_ns = end_ns - late
    for name, columns in (
        (REQUESTS, ("sent_ns", "done_ns")),
        (AUDIT, ("at_ns",)),
        (DELIVERIES, ("received_at_ns",)),
    ):
        evidence.change_table(name, lambda frame, columns=columns: _later(frame, columns, lag_ns))  # type: ignore[misc]
    evidence.seal_anew()


def _later(frame: pd.DataFrame, columns: tuple[str, ...], lag_ns: "pd.Series[int]") -> pd.DataFrame:
    by_ns = frame["event_id"].map(lag_ns).fillna(0).astype("int64")
    return frame.assign(**{column: frame[column] + by_ns for column in columns})


def generator_clock_jumped(evidence: Recorded, _: Recorded) -> None:
    """The wall clock of the generator's machine was set forward by an hour during the load."""
    evidence.change_facts("load/generator.json", {"wall_clock_drift_ns": 3600 * S})
    evidence.seal_anew()


def collected_an_hour_later(evidence: Recorded, _: Recorded) -> None:
    """What the platform kept was read an hour after the load; much may have been mended by then."""
    facts = json.loads(evidence.path(COLLECT).read_bytes())
    times = {name: at_ns + 3600 * S for name, at_ns in facts.items() if name.endswith("_ns") and at_ns is not None}
    evidence.change_facts(COLLECT, times)
    evidence.seal_anew()


def sampler_stalled(evidence: Recorded, _: Recorded) -> None:
    """The observation stood still for a second and a half."""
    evidence.change_facts("observe/observe.json", {"worst_lag_ms": 1500.0})
    evidence.seal_anew()


def file_of_earlier_run(evidence: Recorded, earlier: Recorded) -> None:
    """The requests are those of an earlier run."""
    shutil.copy(earlier.path(REQUESTS), evidence.path(REQUESTS))


def stage_of_earlier_run(evidence: Recorded, earlier: Recorded) -> None:
    """The whole load stage, seal and all, is that of an earlier run."""
    target = evidence.folder("load").parent
    shutil.rmtree(target)
    shutil.copytree(earlier.folder("load").parent, target)


def earlier_file_sealed_anew(evidence: Recorded, earlier: Recorded) -> None:
    """The audit trail is that of an earlier run, and somebody made seals that fit it."""
    shutil.copy(earlier.path(AUDIT), evidence.path(AUDIT))
    _count_again(evidence)
    evidence.seal_anew()


def file_truncated(evidence: Recorded, _: Recorded) -> None:
    """The second half of the requests' file is gone."""
    path = evidence.path(REQUESTS)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def rows_cut_and_sealed_anew(evidence: Recorded, _: Recorded) -> None:
    """The last tenth of the audit trail was cut off before it was sealed."""
    evidence.change_table(AUDIT, lambda rows: rows.iloc[: len(rows) * 9 // 10])
    evidence.seal_anew()


def file_removed(evidence: Recorded, _: Recorded) -> None:
    """The health samples are gone."""
    evidence.path("observe/health.parquet").unlink()


def metrics_of_one_moment(evidence: Recorded, _: Recorded) -> None:
    """Every scrape of a replica shows what the one in its middle showed."""

    def frozen(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.concat(_of_one_moment(part) for _, part in rows.groupby("replica", sort=False)).sort_values("time_ns")

    evidence.change_table(METRICS, frozen)
    evidence.seal_anew()


def _of_one_moment(rows: pd.DataFrame) -> pd.DataFrame:
    """The samples of one replica with every scrape as its middle one, whole: a series that came later is not in it,
    for its first sample would be something that moves."""
    times = rows["time_ns"].drop_duplicates().sort_values()
    shown = rows[rows["time_ns"] == times.iloc[len(times) // 2]].drop(columns="time_ns")
    return times.to_frame().merge(shown, how="cross")[rows.columns]


def _count_again(evidence: Recorded) -> None:
    counts = {
        name: {"complete": True, "count": len(evidence.table(f"collect/{name}.parquet"))}
        for name in ("audit", "deliveries")
    }
    facts = json.loads(evidence.path(COLLECT).read_bytes())
    evidence.change_facts(COLLECT, {name: facts[name] | count for name, count in counts.items()})
