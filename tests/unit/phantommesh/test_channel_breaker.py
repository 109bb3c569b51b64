"""When a channel is left alone, and when a delivery is tried again."""

import random

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from phantommesh.automation.channels.backoff import Backoff
from phantommesh.automation.channels.circuit_breaker import CLOSED, HALF_OPEN, OPEN, CircuitBreaker

seconds = st.floats(0.001, 1000)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Breaker(RuleBasedStateMachine):
    """Any order of tries, outcomes and waiting, beside the plain rules."""

    @initialize(failures=st.integers(1, 5), open_s=seconds)
    def begin(self, failures: int, open_s: float) -> None:
        self.clock, self.limit, self.open_s = Clock(), failures, open_s
        self.breaker = CircuitBreaker(failures, open_s, self.clock)
        self.in_a_row = 0
        self.quiet_until_s = 0.0

    @rule(passed_s=seconds)
    def wait(self, passed_s: float) -> None:
        self.clock.now_s += passed_s

    @rule(outcome=st.sampled_from(["succeeds", "fails", "is never heard of"]))
    def attempt(self, outcome: str) -> None:
        was_closed = self.breaker.state == CLOSED
        allowed = self.breaker.allow()
        assert allowed == (was_closed or self.clock.now_s >= self.quiet_until_s)
        if not allowed:
            return
        if not was_closed:
            assert self.breaker.state == HALF_OPEN
            self.quiet_until_s = self.clock.now_s + self.open_s
            assert not self.breaker.allow()  # one probe, not two
        if outcome == "succeeds":
            self.in_a_row = 0
            self.breaker.succeeded()
            assert self.breaker.state == CLOSED
        elif outcome == "fails":
            self.in_a_row += 1
            opens = self.in_a_row >= self.limit
            assert self.breaker.failed() == (not opens)
            assert self.breaker.state == (OPEN if opens else CLOSED)
            if opens:
                self.quiet_until_s = self.clock.now_s + self.open_s

    @invariant()
    def the_wait_ends_with_the_quiet(self) -> None:
        if not hasattr(self, "breaker"):
            return
        if self.breaker.state == CLOSED:
            assert self.breaker.wait_s() == 0
        else:
            assert self.breaker.wait_s() == max(0.0, self.quiet_until_s - self.clock.now_s)


TestBreaker = Breaker.TestCase


@given(max_retries=st.integers(0, 10), fewer=st.integers(0, 10), tries=st.integers(1, 100))
def test_a_channel_that_is_down_uses_up_no_alert(max_retries: int, fewer: int, tries: int) -> None:
    breaker = CircuitBreaker(max(1, max_retries + 1 - fewer), 10, clock := Clock())
    attempts = 0
    for _ in range(tries):
        clock.now_s += 10
        if breaker.allow():
            attempts += breaker.failed()
    assert Backoff(1, 10, max_retries).delay_s(attempts) is not None or attempts == 0
    assert attempts <= max_retries


@given(base_s=seconds, longest_s=seconds, retries=st.integers(0, 200), seed=st.integers())
def test_a_wait_is_within_its_bounds(base_s: float, longest_s: float, retries: int, seed: int) -> None:
    backoff = Backoff(base_s, longest_s, retries, random.Random(seed))
    for attempts in range(1, retries + 1):
        delay_s = backoff.delay_s(attempts)
        assert delay_s is not None
        assert 0 <= delay_s <= min(longest_s, base_s * 2.0 ** (attempts - 1))
    assert backoff.delay_s(retries + 1) is None


def test_the_jitter_is_full_and_repeats_with_its_seed() -> None:
    def delays(seed: int) -> list[float]:
        backoff = Backoff(0.5, 60, 3, random.Random(seed))
        return [delay_s for _ in range(2000) if (delay_s := backoff.delay_s(3)) is not None]

    found = delays(7)
    assert found == delays(7)
    assert min(found) < 0.05
    assert max(found) > 1.95
    assert 0.95 < sum(found) / len(found) < 1.05
