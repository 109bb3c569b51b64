"""What a figure must reach."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A limit of a figure, in its unit. strict: the limit itself is not enough; least: it is one from below."""

    most: float
    strict: bool = False
    least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value reaches it; what was not measured (NaN) does not."""
        if math.isnan(value):
            return False
        if self.least:
            return value >= self.most
        return value < self.most if self.strict else value <= self.most

    def __str__(self) -> str:
        return f"{'>=' if self.least else '<' if self.strict else '<='} {self.most:g}"


NONE = Target(0)


def at_most(most: float) -> Target:
    """`<= most`."""
    return Target(most)


def under(most: float) -> Target:
    """`< most`."""
    return Target(most, strict=True)


def at_least(least: float) -> Target:
    """`>= least`."""
    return Target(least, least=True)
