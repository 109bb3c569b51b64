"""Problems of a file, in words for the one who wrote it."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One problem: where it is, and what is wrong with which legal values. ``line`` counts from 1."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: " + (f"{self.key}: " if self.key else "") + self.message


class SpecError(ValueError):
    """A file cannot be used; ``problems`` holds every problem found, in the order of the lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))
