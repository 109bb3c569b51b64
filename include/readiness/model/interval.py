"""A closed interval of numbers with the confidence it was built for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """[low, high] in the unit of what it is about; ``confidence`` is the two-sided coverage, 0..1."""

    low: float
    high: float
    confidence: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"an interval needs low <= high, got [{self.low}, {self.high}]")
