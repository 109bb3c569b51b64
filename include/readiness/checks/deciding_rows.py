"""The few rows of a data set that decide a rule, in place of its millions.

A rule about the values of one column holds for every row exactly if it holds for each distinct value; a range, if it
holds for the smallest and the largest; a rule against the empty text, if it holds for the shortest; uniqueness, if it
holds for two rows that agree, where there are any; a rule about the names of the columns, if it holds for one row; a
least number of rows, if as many of the first are there. Great Expectations so judges a handful of rows in milliseconds
where all of them would take it seconds. Where a rule does not hold, all rows are judged, for the numbers that people
need.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.checks.expectation import Expectation

_MOST_DISTINCT = 2_000
_MOST_KEYS = 2**63


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
    keys = _keys(columns)
    ordered = np.sort(keys)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    # The largest key: that of missing values is the smallest, and the library does not mind them.
    return columns[keys == again[-1]].head(2) if len(again) else columns.head(1)


def _keys(columns: pd.DataFrame) -> NDArray[np.int64]:
    """A number for each row, equal for rows that agree; comparing millions of texts would make an object of each."""
    if columns.shape[1] == 1 and columns.dtypes.iloc[0] == "int64":
        return columns.iloc[:, 0].to_numpy()
    keys, below = np.zeros(len(columns), dtype=np.int64), 1
    for name in columns:
        codes, values = pd.factorize(columns[name])
        if below * (len(values) + 1) >= _MOST_KEYS:
            keys, kinds = pd.factorize(keys)
            below = len(kinds)
        keys = keys * (len(values) + 1) + codes + 1
        below *= len(values) + 1
    return keys


def _any_row(frame: pd.DataFrame, _: dict[str, Any]) -> pd.DataFrame:
    return frame.head(1)


def _first_rows(frame: pd.DataFrame, arguments: dict[str, Any]) -> pd.DataFrame | None:
    return frame.head(int(arguments["min_value"])) if arguments["max_value"] is None else None


_PICKS: dict[str, Callable[[pd.DataFrame, dict[str, Any]], pd.DataFrame | None]] = {
    "ExpectColumnValuesToNotBeNull": _null_or_not,
    "ExpectColumnValuesToBeBetween": _extremes,
    "ExpectColumnValuesToBeInSet": _distinct,
    "ExpectColumnValuesToNotBeInSet": _shortest,
    "ExpectColumnValuesToBeUnique": _two_alike,
    "ExpectCompoundColumnsToBeUnique": _two_alike,
    "ExpectTableColumnsToMatchSet": _any_row,
    "ExpectTableRowCountToBeBetween": _first_rows,
}
