"""A few rows decide a rule exactly as all rows do."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readiness.checks import deciding_rows
from readiness.checks.deciding_rows import deciding, side_by_side
from readiness.checks.expectation import Expectation, between, holds, not_empty, not_null, one_of, rows_at_least, unique


def _holds(frame: pd.DataFrame, item: Expectation) -> bool:
    """What the rule says of all rows of a frame, in plain words."""
    arguments = dict(item.arguments)
    if "column_list" in arguments:
        return not frame[arguments["column_list"]].duplicated().any()
    values = [None if pd.isna(value) else value for value in frame[arguments["column"]]]
    there = [value for value in values if value is not None]
    judges: dict[str, Any] = {
        "ExpectColumnValuesToNotBeNull": lambda: None not in values,
        "ExpectColumnValuesToBeBetween": lambda: all(
            value >= arguments["min_value"] and (arguments["max_value"] is None or value <= arguments["max_value"])
            for value in there
        ),
        "ExpectColumnValuesToBeInSet": lambda: all(value in arguments["value_set"] for value in there),
        "ExpectColumnValuesToNotBeInSet": lambda: all(value not in arguments["value_set"] for value in there),
        "ExpectColumnValuesToBeUnique": lambda: len(set(values)) == len(values),
    }
    return bool(judges[item.kind]())


TEXT_RULES = [not_null("text"), not_empty("text"), one_of("text", ["a", "b"]), unique("text"), unique("text", "other")]
NUMBER_RULES = [not_null("n"), between("n", 0, 5, "x"), between("n", 0, None, "x"), one_of("n", [0, 1, 2]), unique("n")]


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a", "b", "c", None]), st.integers(0, 2)), min_size=1, max_size=12
    ),
    st.sampled_from(TEXT_RULES),
)  # fmt: skip
def test_texts(rows: list[tuple[str | None, int]], item: Expectation) -> None:
    frame = pd.DataFrame(rows, columns=["text", "other"])
    few = deciding(frame, item)
    assert few is not None
    assert _holds(few, item) == _holds(frame, item)


@given(st.lists(st.integers(-1, 7) | st.none(), min_size=1, max_size=12), st.sampled_from(NUMBER_RULES))
def test_numbers_that_may_be_missing(values: list[int | None], item: Expectation) -> None:
    frame = pd.DataFrame({"n": pd.array(values, dtype="Int64")})
    few = deciding(frame, item)
    assert few is not None
    assert len(few) <= 10
    assert _holds(few, item) == _holds(frame, item)


def test_a_million_rows_are_a_handful() -> None:
    frame = pd.DataFrame({"n": range(1_000_000), "ok": [True] * 999_999 + [False]})
    few = {
        0: (item := between("n", 0, 999_998, "x"), deciding(frame, item)),
        1: (held := holds("ok", "x"), deciding(frame, held)),
    }
    found = {number: (rule, rows) for number, (rule, rows) in few.items() if rows is not None}
    rows, items = side_by_side(found)
    assert len(rows) == 2
    assert not _holds(rows, items[0])
    assert not _holds(rows, items[1])


@pytest.mark.parametrize(
    ("frame", "item"),
    [
        (pd.DataFrame({"n": []}), not_null("n")),
        (pd.DataFrame({"n": [1]}), not_null("nowhere")),
        (pd.DataFrame({"n": ["x", 1]}), between("n", 0, 1, "x")),
        (pd.DataFrame({"n": range(3_000)}), one_of("n", [1])),
    ],
    ids=["no rows", "no such column", "no order", "too many values"],
)
def test_where_no_few_rows_decide_all_are_judged(frame: pd.DataFrame, item: Expectation) -> None:
    assert deciding(frame, item) is None


@pytest.mark.parametrize(("rows", "least", "few"), [(5, 1, 1), (5, 2, 2), (1, 2, 1)])
def test_a_least_number_of_rows_is_decided_by_as_many(rows: int, least: int, few: int) -> None:
    found = deciding(pd.DataFrame({"n": range(rows)}), rows_at_least(least))
    assert found is not None
    assert len(found) == few


@given(
    st.lists(
        st.tuples(st.integers(-2, 2), st.sampled_from(["", "a", "b"]), st.sampled_from(["", "a"]), st.integers(0, 3)),
        min_size=1, max_size=12,
    ),
    st.integers(1, 2**63),
)  # fmt: skip
def test_rows_that_agree_are_found_whatever_their_columns_are_held_as(
    rows: list[tuple[int, str, str, int]], most_keys: int
) -> None:
    """Also where the columns have more combinations than there are numbers."""
    frame = pd.DataFrame(rows, columns=["n", "text", "few", "m"]).astype({"few": "category", "m": "Int64"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding_rows, "_MOST_KEYS", most_keys)
        few = deciding(frame, unique("n", "text", "few", "m"))
    assert few is not None
    assert len(few) <= 2
    assert few.duplicated().any() == frame.duplicated().any()


def test_missing_ids_hide_no_id_that_occurs_twice() -> None:
    few = deciding(pd.DataFrame({"text": [None, None, "a", "b", "b"]}, dtype="str"), unique("text"))
    assert few is not None
    assert few["text"].tolist() == ["b", "b"]
