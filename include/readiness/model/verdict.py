"""Verdicts of single checks and how they roll up into one decision."""

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What one check says. ERROR: the harness failed, not the product. NO_DATA: the evidence cannot tell."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    WARN = "WARN"
    FAIL = "FAIL"
    NO_DATA = "NO_DATA"
    ERROR = "ERROR"


class Decision(StrEnum):
    """What the run says. The only word that lets a release ship is APPROVED."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    INCONCLUSIVE = "INCONCLUSIVE"


EXIT_CODES: dict[Decision, int] = {Decision.APPROVED: 0, Decision.REJECTED: 2, Decision.INCONCLUSIVE: 3}
"""Exit code of every command that ends in a decision; 1 is left for "the harness failed"."""


def roll_up(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several: FAIL, then ERROR, then NO_DATA, then WARN; PASS only if every one is PASS.

    No verdict at all is NO_DATA: nothing was judged, so nothing passed.
    """
    found = set(verdicts)
    for verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.NO_DATA, Verdict.WARN):
        if verdict in found:
            return verdict
    return Verdict.PASS if found else Verdict.NO_DATA


def decide(verdict: Verdict) -> Decision:
    """The decision that a rolled-up verdict of *trusted* evidence leads to (evidence that cannot be trusted is
    INCONCLUSIVE whatever it says; the caller sees to that first)."""
    if verdict in (Verdict.PASS, Verdict.WARN):
        return Decision.APPROVED
    return Decision.REJECTED if verdict is Verdict.FAIL else Decision.INCONCLUSIVE
