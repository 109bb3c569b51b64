"""Verdicts roll up conservatively: only proof approves."""

from itertools import product

import pytest
from readiness.model.verdict import Decision, Verdict, decide, roll_up


def test_nothing_judged_is_no_data() -> None:
    assert roll_up([]) is Verdict.NO_DATA


@pytest.mark.parametrize("pair", list(product(Verdict, repeat=2)))
def test_only_pass_and_warn_ever_approve(pair: tuple[Verdict, Verdict]) -> None:
    approved = decide(roll_up(pair)) is Decision.APPROVED
    assert approved == all(verdict in (Verdict.PASS, Verdict.WARN) for verdict in pair)


def test_a_failure_rejects_even_beside_missing_data() -> None:
    assert decide(roll_up([Verdict.NO_DATA, Verdict.FAIL, Verdict.PASS])) is Decision.REJECTED


@pytest.mark.parametrize("verdict", [Verdict.NO_DATA, Verdict.ERROR])
def test_missing_data_and_a_failed_harness_are_inconclusive(verdict: Verdict) -> None:
    assert decide(roll_up([Verdict.PASS, verdict])) is Decision.INCONCLUSIVE
