"""Quantities as people write them ("200ms", "5000/min", "0.1%", "2min") and as the code keeps them.

Kept units: durations in seconds, rates per second, proportions as ratios 0..1, memory in bytes.
"""

import re
from decimal import Decimal
from enum import StrEnum


class Dimension(StrEnum):
    """What kind of quantity a number is; the value is the name of the unit it is kept in."""

    DURATION = "s"
    RATE = "1/s"
    RATIO = "ratio"
    COUNT = "count"
    BYTES = "bytes"
    BANDWIDTH = "B/s"
    BYTES_PER_HOUR = "bytes/h"
    CORES_PER_HOUR = "cores/h"


_FACTORS: dict[Dimension, dict[str, float]] = {
    Dimension.DURATION: {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0},
    Dimension.RATE: {"/s": 1.0, "/min": 1 / 60, "/h": 1 / 3600},
    Dimension.RATIO: {"%": 0.01, "": 1.0},
    Dimension.COUNT: {"": 1.0},
    Dimension.BYTES: {"B": 1.0, "KiB": 1024.0, "MiB": 1024.0**2, "GiB": 1024.0**3},
    Dimension.BANDWIDTH: {"B/s": 1.0, "KiB/s": 1024.0, "MiB/s": 1024.0**2, "kbit/s": 125.0, "Mbit/s": 125_000.0},
    Dimension.BYTES_PER_HOUR: {"B/h": 1.0, "KiB/h": 1024.0, "MiB/h": 1024.0**2},
    Dimension.CORES_PER_HOUR: {"cores/h": 1.0},
}
_QUANTITY = re.compile(r"^\s*([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([A-Za-z/%]*)\s*$")


def legal_units(dimension: Dimension) -> str:
    """The units that may be written for a dimension, for error messages."""
    return ", ".join(unit or "(no unit)" for unit in _FACTORS[dimension])


def parse(text: object, dimension: Dimension) -> float:
    """The number in the kept unit of ``dimension``.

    Raises ValueError, in words for the one who wrote it, for a missing or wrong unit and for a negative number.
    """
    legal = f"write a number >= 0 with one of the units {legal_units(dimension)}"
    match = _QUANTITY.match(str(text)) if isinstance(text, (str, int, float)) and not isinstance(text, bool) else None
    if match is None:
        raise ValueError(f"{text!r} is not a quantity; {legal}")
    factor = _FACTORS[dimension].get(match[2])
    if factor is None:
        problem = f"has the unit {match[2]!r}" if match[2] else "has no unit"
        raise ValueError(f"{text!r} {problem}; {legal}")
    return float(re.sub("[_,]", "", match[1])) * factor


def write(value: float, dimension: Dimension) -> str:
    """The exact text that ``parse`` reads back as ``value``: how quantities are stored in the archive."""
    return format(Decimal(repr(float(value))), "f") + (
        "" if dimension is Dimension.RATIO else dimension.value.lstrip("1")
    )


def show(value: float, dimension: Dimension) -> str:
    """A value for people: durations below 1 s in ms, rates per minute, ratios in percent."""
    if dimension is Dimension.DURATION:
        if value >= 120:
            return f"{value / 60:.4g} min"
        return f"{value:.4g} s" if value >= 1 else f"{value * 1000:.4g} ms"
    if dimension is Dimension.RATE:
        return f"{value * 60:,.0f}/min"
    if dimension is Dimension.RATIO:
        return f"{value * 100:.4g} %"
    if dimension is Dimension.BYTES:
        return f"{value / 1024**2:.4g} MiB"
    if dimension is Dimension.BYTES_PER_HOUR:
        return f"{value / 1024**2:.4g} MiB/h"
    return f"{value:,.6g}" if dimension is Dimension.COUNT else f"{value:.4g} {dimension.value}"
