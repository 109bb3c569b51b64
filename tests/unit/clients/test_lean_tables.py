"""A data set read leanly is the data set: the same values and types, and what is wrong with a file is named alike."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from readiness.clients.lean_tables import Lean, read_lean
from readiness.clients.tables import TableWriter, read_table
from readiness.model.dataset import AUDIT, FEW_TEXTS, kind_of

NAME = "collect/audit.parquet"
LEAN = Lean(FEW_TEXTS[NAME], {"detail": ("action", ("remediated",))})
ACTIONS = ["received", "assessed", "delivered", "remediated"]


def written(folder: Path, rows: int = 9, batch_rows: int = 2) -> Path:
    """An audit trail in several row groups, none of which has all of the texts."""
    path = folder / "audit.parquet"
    with TableWriter(path, AUDIT, batch_rows) as table:
        for seq in range(rows):
            action = ACTIONS[seq % 4]
            level = "low" if action == "assessed" else ""
            table.extend([(seq, 10**18 + seq, f"id-{seq // 4}", "run/steady", action, f"a-{9 - seq % 3}", level,
                           0.5, "", "", "", f'{{"n": {seq}}}')])  # fmt: skip
    return path


def with_column(path: Path, name: str, values: list[Any], kind: pa.DataType) -> None:
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.schema.names.index(name), name, pa.array(values, kind)), path)


@pytest.mark.parametrize("rows", [9, 0])
def test_the_values_are_those_of_the_file(tmp_path: Path, rows: int) -> None:
    path = written(tmp_path, rows)
    lean, whole = read_lean(path, AUDIT, LEAN), read_table(path, AUDIT)
    assert {name: kind_of(NAME, lean[name]) for name in lean} == AUDIT
    assert {name for name in lean if lean[name].dtype == "category"} == set(FEW_TEXTS[NAME])
    texts = lean.astype(dict.fromkeys(FEW_TEXTS[NAME], "str"))
    pd.testing.assert_frame_equal(texts.drop(columns="detail"), whole.drop(columns="detail"))


def test_categories_stand_in_the_order_of_their_texts(tmp_path: Path) -> None:
    replicas = read_lean(written(tmp_path), AUDIT, LEAN)["replica"]
    assert replicas.cat.categories.tolist() == ["a-7", "a-8", "a-9"]
    assert [str(name) for name, _ in replicas.groupby(replicas)] == ["a-7", "a-8", "a-9"]


def test_only_the_wanted_details_are_held_and_one_that_is_missing_stays_missing(tmp_path: Path) -> None:
    path = written(tmp_path, 8)
    with_column(path, "detail", [None, *(f"d{n}" for n in range(1, 7)), None], pa.string())
    found = read_lean(path, AUDIT, LEAN)["detail"]
    assert found.isna().tolist() == [True, *[False] * 6, True]
    assert found.dropna().tolist() == ["", "", "d3", "", "", ""]


def test_a_text_that_is_missing_stays_missing(tmp_path: Path) -> None:
    path = written(tmp_path, 4)
    with_column(path, "action", ["received", None, "", "remediated"], pa.string())
    found = read_lean(path, AUDIT, LEAN)
    assert found["action"].isna().tolist() == [False, True, False, False]
    assert found["action"].dropna().tolist() == ["received", "", "remediated"]
    assert found["detail"].tolist() == ["", "", "", '{"n": 3}']


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("action", [1, 2, 3, 4], pa.int64()),
        ("detail", [1, 2, 3, 4], pa.int64()),
        ("replica", [b"a", b"b", b"c", b"d"], pa.binary()),
        ("due", [None] * 4, pa.null()),
        ("risk", ["much"] * 4, pa.string()),
        ("seq", [0.5] * 4, pa.float64()),
    ],
)
def test_a_column_of_another_type_is_left_for_the_data_checks_to_name(
    tmp_path: Path, column: str, values: list[Any], kind: pa.DataType
) -> None:
    path = written(tmp_path, 4)
    with_column(path, column, values, kind)
    found = kind_of(NAME, read_lean(path, AUDIT, LEAN)[column])
    assert found == str(read_table(path, AUDIT)[column].dtype) != AUDIT[column]


@pytest.mark.parametrize("column", ["action", "detail", "seq"])
def test_a_column_that_is_not_there_is_not_made_up(tmp_path: Path, column: str) -> None:
    path = written(tmp_path)
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    pd.testing.assert_frame_equal(read_lean(path, AUDIT, LEAN), read_table(path, AUDIT))


def test_texts_that_were_stored_as_categories_are_texts(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = read_table(path, AUDIT)
    whole.astype({"replica": "category"}).to_parquet(path, index=False)
    found = read_lean(path, AUDIT, LEAN)["replica"]
    assert kind_of(NAME, found) == "str"
    assert found.tolist() == whole["replica"].tolist()


def test_the_index_that_pandas_noted_moves_no_row(tmp_path: Path) -> None:
    path = written(tmp_path)
    read_table(path, AUDIT).iloc[3::2].to_parquet(path)
    found = read_lean(path, AUDIT, LEAN)
    assert found["seq"].tolist() == [3, 5, 7]
    assert found["action"].tolist() == ["remediated", "assessed", "remediated"]


def test_only_a_column_of_few_texts_may_be_a_category() -> None:
    texts, numbers = pd.Series(["a"], dtype="category"), pd.Series([1], dtype="category")
    assert kind_of(NAME, texts.rename("action")) == "str"
    assert kind_of(NAME, texts.rename("event_id")) == "category"
    assert kind_of(NAME, numbers.rename("action")) == "int64"


@pytest.mark.parametrize("cut", [0, 7, -5])
def test_a_file_that_is_cut_is_named_as_ever(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match="not a Parquet file") as named:
        read_table(path, AUDIT)
    with pytest.raises(ValueError, match="not a Parquet file") as lean:
        read_lean(path, AUDIT, LEAN)
    assert str(lean.value) == str(named.value)
