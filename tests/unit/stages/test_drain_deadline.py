"""The drain's deadline counts from the end of the load, however much later somebody comes to look."""

import time

import pytest
from readiness.clients.target_process import TargetError
from readiness.stages import collect

HOUR_NS = 3600 * 10**9


def drained(monkeypatch: pytest.MonkeyPatch, depths: list[float], ago_ns: int) -> tuple[int | None, str]:
    """What is said when one look after the other finds these depths (the last for ever; negative: no answer)."""

    def depth(*_: object) -> float:
        found = depths.pop(0) if len(depths) > 1 else depths[0]
        if found < 0:
            raise TargetError("no answer")
        return found

    monkeypatch.setattr(collect.platform_api, "read_metric", depth)
    monkeypatch.setattr(collect, "_BETWEEN_READINGS_S", 0.001)
    return collect.wait_drained(lambda: ["one"], 60.0, time.time_ns() - ago_ns)


def test_a_queue_that_is_still_full_an_hour_later_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    at_ns, why = drained(monkeypatch, [5.0, 0.0], HOUR_NS)
    assert (at_ns, why) == (None, "the queue still held 5 events 3600 s after the load")


def test_one_that_fills_again_or_does_not_answer_when_it_is_late_was_not_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drained(monkeypatch, [0.0, 0.0, 5.0, 0.0], HOUR_NS)[0] is None
    assert drained(monkeypatch, [-1.0, 0.0], HOUR_NS) == (None, "no answer")


def test_one_that_was_empty_when_first_looked_at_is_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    at_ns, why = drained(monkeypatch, [0.0], HOUR_NS)
    assert at_ns is not None
    assert why == ""


def test_within_the_deadline_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drained(monkeypatch, [5.0, -1.0, 0.0], 10**9)[0] is not None
