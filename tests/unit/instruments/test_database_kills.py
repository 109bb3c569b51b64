"""Which kill of the database a refused request counts for, and when the service accepts again."""

import numpy as np
import pytest
from instruments.outcome import Outcome
from soak.database_kills import away_s

MS = 1_000_000
FIRST_KILL_NS, SECOND_KILL_NS = 1_000 * MS, 2_000 * MS


def outcome(*requests: tuple[int, int, int]) -> Outcome:
    """Requests as (due ms, answered ms, status)."""
    due, done, status = (np.array(column) for column in zip(*requests, strict=True))
    none = np.zeros(len(requests), dtype=np.uint16)
    return Outcome(
        np.zeros((len(requests), 2), dtype=np.uint64), due * MS, due * MS, done * MS, status.astype(np.uint16),
        none, none, {},
    )  # fmt: skip


def test_accepting_again_is_the_first_202_of_what_was_due_after_the_last_503() -> None:
    found = outcome((990, 995, 202), (1_010, 1_020, 503), (1_400, 1_405, 503), (1_450, 1_520, 202), (1_460, 1_500, 202))
    assert away_s(found, FIRST_KILL_NS, SECOND_KILL_NS) == pytest.approx(0.5)


def test_a_request_under_way_at_the_next_kill_is_a_victim_of_that_one() -> None:
    found = outcome((1_010, 1_020, 503), (1_500, 1_505, 202), (1_999, 2_004, 503), (2_600, 2_610, 202))
    assert away_s(found, FIRST_KILL_NS, SECOND_KILL_NS) == pytest.approx(0.505)
    assert away_s(found, SECOND_KILL_NS, 2**62) == pytest.approx(0.61)


def test_no_503_and_no_202_afterwards_are_told_apart() -> None:
    found = outcome((1_010, 1_020, 202), (2_010, 2_020, 503), (2_500, 2_510, 503))
    assert away_s(found, FIRST_KILL_NS, SECOND_KILL_NS) is None
    assert away_s(found, SECOND_KILL_NS, 2**62) == float("inf")
