"""What an alteration leaves of the recorded evidence: the fault it is named for, whole."""

from typing import cast

import pandas as pd
from readiness.self_test.alterations import METRICS, metrics_of_one_moment
from readiness.self_test.recorded import Recorded

COUNTER, LATE = "events_total", 'channel="email"'


class Tables:
    """Recorded evidence of one table."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows, self.sealed = rows, False

    def change_table(self, name: str, change: object) -> None:
        assert name == METRICS
        assert callable(change)
        self.rows = change(self.rows)

    def seal_anew(self) -> None:
        self.sealed = True


def sample(second: int, replica: str, labels: str, value: float) -> tuple[int, str, str, str, str, float]:
    return second * 1_000_000_000, "automation", replica, COUNTER, labels, value


def test_every_scrape_is_that_of_one_moment_also_when_a_counter_appears_after_it() -> None:
    seconds = range(9)
    written = [sample(s, replica, "", s + start) for s in seconds for replica, start in (("a", 10), ("b", 20))]
    written += [sample(s, "a", LATE, s) for s in seconds if s > 5]
    columns = ["time_ns", "component", "replica", "metric", "labels", "value"]
    evidence = Tables(pd.DataFrame(written, columns=columns))

    metrics_of_one_moment(cast("Recorded", evidence), cast("Recorded", evidence))

    sums = evidence.rows.groupby(["replica", "time_ns"])["value"].sum()
    assert sums.groupby("replica").unique().map(list).to_dict() == {"a": [14.0], "b": [24.0]}
    assert sums.groupby("replica").size().to_dict() == {"a": 9, "b": 9}
    assert evidence.rows["time_ns"].is_monotonic_increasing
    assert evidence.sealed
    assert list(evidence.rows.columns) == columns
