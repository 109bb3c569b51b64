"""Verdicts under load against those of a quiet replay."""

import pandas as pd
import pytest
from readiness.analysis.verdicts import LEAST_COMPARED, verdicts_changed
from readiness.model.dataset import REPLAY

BASIS = '{"history": 1, "intelligence": 0, "model": "m1"}'


def pairs(n: int, **columns: object) -> pd.DataFrame:
    """n pairs that agree; ``columns`` are set in the first of them."""
    row = {
        "status": 202, "assessed": True, "risk": 7.5, "replayed_risk": 7.5, "level": "high", "replayed_level": "high",
        "confidence": 0.9, "replayed_confidence": 0.9, "due": "pagerduty,slack", "replayed_due": "pagerduty,slack",
        "basis": BASIS, "replayed_basis": BASIS,
    }  # fmt: skip
    rows = [{"event_id": f"e{k}", "replayed_event_id": f"r{k}"} | row for k in range(n)]
    rows[0] |= columns
    return pd.DataFrame(rows)[list(REPLAY)].astype(REPLAY)


def test_equal_verdicts_are_none_changed() -> None:
    found = verdicts_changed(pairs(200))
    assert (found.value, found.n) == (0, 200)
    assert "200 of 200" in found.note


@pytest.mark.parametrize(
    "changed",
    [{"risk": 7.51}, {"confidence": 0.8}, {"level": "medium"}, {"due": "slack"}, {"replayed_due": ""}],
)
def test_any_difference_is_a_change(changed: dict[str, object]) -> None:
    assert verdicts_changed(pairs(200, **changed)).value == 1


def test_a_verdict_that_names_another_history_is_not_compared() -> None:
    other = {"replayed_basis": BASIS.replace("1,", "2,", 1), "replayed_risk": 9.0}
    found = verdicts_changed(pairs(200, **other))
    assert (found.value, found.n) == (0, 199)
    assert "1 rest on other versions" in found.note


@pytest.mark.parametrize("side", ["basis", "replayed_basis"])
def test_a_verdict_that_names_nothing_has_no_excuse(side: str) -> None:
    assert verdicts_changed(pairs(200, **{side: "", "risk": 5.0})).value == 1


def test_too_few_pairs_say_nothing_unless_one_changed() -> None:
    few = LEAST_COMPARED - 1
    found = verdicts_changed(pairs(few))
    assert found.value is None
    assert f"{LEAST_COMPARED} are needed" in found.note
    assert verdicts_changed(pairs(few, level="low")).value == 1
    assert verdicts_changed(pairs(LEAST_COMPARED)).value == 0


def test_pairs_without_both_verdicts_are_counted_out() -> None:
    found = verdicts_changed(pairs(60, assessed=False, risk=float("nan"), level=""))
    assert (found.value, found.n) == (0, 59)
    assert "1 were not assessed both times" in found.note


def test_without_a_replay_there_is_no_value() -> None:
    assert verdicts_changed(None).value is None
