"""Data sets on disk keep their types; a cut CSV loses only its cut line; only loopback and 198.18/15 are measured."""

import os
from pathlib import Path

import pandas as pd
import pytest
from readiness.clients.address import AddressError, require_allowed
from readiness.clients.platform_api import parse_metrics
from readiness.clients.tables import TableWriter, csv_to_table, read_table
from readiness.clients.target_process import ProcessWatch
from readiness.model.dataset import HEALTH, METRICS, REQUESTS

HEADER = ",".join(REQUESTS) + "\n"
ANSWERED = "0,id-0,measure,100,101,110,202,,2001219,0\n"
REFUSED = "1,id-1,measure,200,201,,0,refused,2001219,0\n"


def test_a_csv_becomes_a_data_set_with_its_types(tmp_path: Path) -> None:
    csv = tmp_path / "requests.csv"
    csv.write_text(HEADER + ANSWERED + REFUSED)
    assert csv_to_table(csv, tmp_path / "requests.parquet", REQUESTS) == 2
    frame = read_table(tmp_path / "requests.parquet", REQUESTS)
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == REQUESTS
    assert frame["done_ns"].isna().tolist() == [False, True]
    assert frame["error"].tolist() == ["", "refused"]


def test_a_cut_last_line_is_no_record(tmp_path: Path) -> None:
    csv = tmp_path / "requests.csv"
    csv.write_text(HEADER + ANSWERED + REFUSED[:-5])
    assert csv_to_table(csv, tmp_path / "requests.parquet", REQUESTS) == 1


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "metrics.parquet", METRICS):
        pass
    frame = read_table(tmp_path / "metrics.parquet", METRICS)
    assert list(frame.columns) == list(METRICS)
    assert len(frame) == 0


def test_batches_make_one_table(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "m.parquet", METRICS, batch_rows=2) as table:
        table.extend((tick, "automation", "automation-0", "up", "", 1.0) for tick in range(5))
    assert read_table(tmp_path / "m.parquet", METRICS)["time_ns"].tolist() == [0, 1, 2, 3, 4]


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.parquet").write_text("nonsense")
    with pytest.raises(ValueError, match=r"metrics\.parquet: not a Parquet file"):
        read_table(tmp_path / "metrics.parquet", METRICS)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:80", "http://[::1]:80", "http://198.18.0.5:80", "http://localhost:1"]
)
def test_loopback_and_the_benchmark_network_may_be_measured(url: str) -> None:
    require_allowed(url)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1", "http://192.168.0.1", "http://8.8.8.8", "http://198.20.0.1", "file:///x", ""]
)
def test_nothing_else_may(url: str) -> None:
    with pytest.raises(AddressError):
        require_allowed(url)


def test_metrics_text_becomes_samples_with_sorted_labels() -> None:
    counter = '# TYPE a counter\na_total{z="1",b="2"} 3\na_created 5\n'
    text = counter + "# TYPE python_gc gauge\npython_gc 1\n# TYPE d gauge\nd 4.5\n"
    found = [(item.metric, item.labels, item.value) for item in parse_metrics(text)]
    assert found == [("a_total", 'b="2",z="1"', 3.0), ("d", "", 4.5)]


@pytest.mark.parametrize(("column", "values"), [("ready", ["False", "True"]), ("took_ms", ["1", "2"])])
def test_values_of_another_type_are_left_for_the_data_checks_to_find(
    tmp_path: Path, column: str, values: list[str]
) -> None:
    rows = {"time_ns": [1, 2], "component": ["a", "a"], "replica": ["a-0", "a-0"], "answered": [True, True]}
    rows |= {"ready": [True, True], "took_ms": [1.0, 2.0], "error": ["", ""]} | {column: values}
    pd.DataFrame(rows).to_parquet(tmp_path / "health.parquet")
    assert read_table(tmp_path / "health.parquet", HEALTH)[column].tolist() == values


def test_a_status_that_does_not_fit_is_not_made_to_fit(tmp_path: Path) -> None:
    pd.DataFrame({"status": [65738]}).to_parquet(tmp_path / "requests.parquet")
    assert read_table(tmp_path / "requests.parquet", REQUESTS)["status"].tolist() == [65738]


def test_a_component_without_a_process_is_not_alive() -> None:
    assert not ProcessWatch(None).alive()
    assert ProcessWatch(os.getpid()).alive()
