"""What was found out about an environment before anything is done with it."""

from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """``PROBLEM``: a run would fail, so none begins. ``UNKNOWN``: nobody could tell; a run begins all the same."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """``check``: what was looked at; ``says``: one line for people, with what to do where something is to be done."""

    check: str
    state: FindingState
    says: str


def fine(check: str, says: str) -> Finding:
    """All is as it must be."""
    return Finding(check, FindingState.OK, says)


def problem(check: str, says: str) -> Finding:
    """What keeps every run from working, and what to do."""
    return Finding(check, FindingState.PROBLEM, says)


def unknown(check: str, says: str) -> Finding:
    """What could not be found out, and how people can."""
    return Finding(check, FindingState.UNKNOWN, says)
