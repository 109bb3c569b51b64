"""One rule about a data set, as data: which expectation of Great Expectations, with what, and its words for people."""

from dataclasses import dataclass
from typing import Any

Arguments = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Expectation:
    """``kind``: name of a class in great_expectations.expectations; ``arguments``: its keyword arguments."""

    check: str
    kind: str
    arguments: Arguments
    expected: str


def unique(*columns: str) -> Expectation:
    """No two rows agree in these columns."""
    name = " and ".join(columns)
    if len(columns) == 1:
        return Expectation(
            f"unique {name}", "ExpectColumnValuesToBeUnique", (("column", name),), f"no {name} occurs twice"
        )
    arguments = (("column_list", list(columns)),)
    return Expectation(
        f"unique {name}", "ExpectCompoundColumnsToBeUnique", arguments, f"no {name} occur together twice"
    )


def not_null(column: str) -> Expectation:
    """Every row has a value."""
    return Expectation(
        f"{column} present", "ExpectColumnValuesToNotBeNull", (("column", column),), f"{column} in every row"
    )


def not_empty(column: str) -> Expectation:
    """No row has the empty text."""
    arguments = (("column", column), ("value_set", [""]))
    return Expectation(f"{column} named", "ExpectColumnValuesToNotBeInSet", arguments, f"no empty {column}")


def between(column: str, low: float, high: float | None, expected: str) -> Expectation:
    """Values that are there lie in [low, high]; ``high`` None: no upper limit."""
    arguments: Arguments = (("column", column), ("min_value", low), ("max_value", high))
    return Expectation(f"{column} in range", "ExpectColumnValuesToBeBetween", arguments, expected)


def one_of(column: str, legal: list[Any], expected: str | None = None) -> Expectation:
    """Values that are there are among the legal ones."""
    arguments = (("column", column), ("value_set", legal))
    words = expected or f"one of {', '.join(repr(value) for value in legal)}"
    return Expectation(f"{column} legal", "ExpectColumnValuesToBeInSet", arguments, words)


def holds(column: str, expected: str) -> Expectation:
    """A derived column, which says for each row whether a rule over several columns holds, is true throughout."""
    arguments = (("column", column), ("value_set", [True]))
    return Expectation(column.replace("_", " "), "ExpectColumnValuesToBeInSet", arguments, expected)


def rows_at_least(n: int) -> Expectation:
    """The data set is not empty."""
    return Expectation(
        "not empty", "ExpectTableRowCountToBeBetween", (("min_value", n), ("max_value", None)), f"at least {n} row"
    )
