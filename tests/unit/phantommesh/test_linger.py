"""When a batch waits for more."""

from phantommesh.automation.linger import Linger


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def at_rate(per_s: float, for_s: float = 1.0) -> tuple[Linger, Clock]:
    clock = Clock()
    linger = Linger(0.005, clock)
    for _ in range(round(for_s * 10)):
        clock.now_s += 0.1
        linger.note(round(per_s * 0.1))
        linger.pause_s()
    return linger, clock


def test_few_items_wait_for_nobody() -> None:
    assert at_rate(150)[0].pause_s() == 0


def test_many_items_share_a_batch() -> None:
    assert at_rate(2_000)[0].pause_s() == 0.005


def test_the_rule_follows_the_rate_down_again() -> None:
    linger, clock = at_rate(2_000)
    for _ in range(10):
        clock.now_s += 0.1
        linger.note(5)
        linger.pause_s()
    assert linger.pause_s() == 0


def test_after_a_silence_the_first_item_waits_for_nobody() -> None:
    linger, clock = at_rate(2_000)
    clock.now_s += 30
    linger.note(1)
    assert linger.pause_s() == 0


def test_without_a_wait_there_is_none() -> None:
    clock = Clock()
    linger = Linger(0.0, clock)
    clock.now_s += 0.1
    linger.note(1_000_000)
    assert linger.pause_s() == 0
