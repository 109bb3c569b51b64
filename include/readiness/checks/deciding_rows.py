"""The few rows of a data set that decide a rule, in place of its millions.

A rule about the values of one column holds for every row exactly if it holds for each distinct value; a range, if it
holds for the smallest and the largest; a rule against the empty text, if it holds for the shortest; uniqueness, if it
holds for two rows that agree, where there are any. Great Expectations so judges a handful of rows in milliseconds where
all of them would take it seconds. Where a rule does not hold, all rows are judged, for the numbers that people need.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from readiness.checks.expectation import Expectation

_MOST_DISTINCT = 2_000


def deciding(frame: pd.DataFrame, item: Expectation) -> pd.DataFrame | None:
    """Rows with the columns of a rule that hold to it exactly if all rows of the (non-empty) frame do; None where no
    few rows decide."""
    pick = _PICKS.get(item.kind)
    if pick is None or frame.empty:
        return None
    try:
        return pick(frame, dict(item.arguments))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # a column that is not there or of another type: what is wrong with it the library says of all rows


def side_by_side(found: dict[int, tuple[Expectation, pd.DataFrame]]) -> tuple[pd.DataFrame, dict[int, Expectation]]:
    """Several rules over one column each as one frame: a column for each rule, and the rules about these columns.

    Columns are made equally long by repeating their last value, which no such rule minds."""
    length = max(len(rows) for _, rows in found.values())
    columns: dict[str, Any] = {}
    items: dict[int, Expectation] = {}
    for number, (item, rows) in found.items():
        name = f"{number} {rows.columns[0]}"
        values = rows.iloc[:, 0]
        places = [*range(len(values)), *[len(values) - 1] * (length - len(values))]
        columns[name] = values.iloc[places].array
        arguments = tuple((key, name if key == "column" else value) for key, value in item.arguments)
        items[number] = replace(item, arguments=arguments)
    return pd.DataFrame(columns), items


def _null_or_not(frame: pd.DataFrame, arguments: dict[str, Any]) -> pd.DataFrame:
    column = frame[[arguments["column"]]]
    missing = column.iloc[:, 0].isna()
    return column[missing].head(1) if missing.any() else column.head(1)


def _extremes(frame: pd.DataFrame, arguments: dict[str, Any]) -> pd.DataFrame:
    values = frame[arguments["column"]]
    if values.isna().all():
        return frame[[arguments["column"]]].head(1)
    places = [int(values.argmin()), int(values.argmax())]
    return frame[[arguments["column"]]].iloc[places]


def _distinct(frame: pd.DataFrame, arguments: dict[str, Any]) -> pd.DataFrame | None:
    found = frame[[arguments["column"]]].drop_duplicates()
    return found if len(found) <= _MOST_DISTINCT else None


def _shortest(frame: pd.DataFrame, arguments: dict[str, Any]) -> pd.DataFrame | None:
    column = frame[[arguments["column"]]]
    if list(arguments["value_set"]) != [""]:
        return None
    lengths = column.iloc[:, 0].dropna().str.len()
    return column.head(1) if lengths.empty else column.loc[[lengths.idxmin()]]


def _two_alike(frame: pd.DataFrame, arguments: dict[str, Any]) -> pd.DataFrame:
    names = list(arguments["column_list"]) if "column_list" in arguments else [arguments["column"]]
    columns = frame[names]
    again = columns.duplicated()
    if not again.any():
        return columns.head(1)
    kinds = columns.groupby(names, dropna=False, sort=False).ngroup().to_numpy()
    alike: pd.DataFrame = columns[kinds == kinds[int(again.to_numpy().argmax())]]
    return alike.head(2)


_PICKS: dict[str, Callable[[pd.DataFrame, dict[str, Any]], pd.DataFrame | None]] = {
    "ExpectColumnValuesToNotBeNull": _null_or_not,
    "ExpectColumnValuesToBeBetween": _extremes,
    "ExpectColumnValuesToBeInSet": _distinct,
    "ExpectColumnValuesToNotBeInSet": _shortest,
    "ExpectColumnValuesToBeUnique": _two_alike,
    "ExpectCompoundColumnsToBeUnique": _two_alike,
}
