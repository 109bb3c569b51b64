"""When a delivery that failed is tried again: exponential backoff with full jitter.

delay = uniform(0, min(longest, base x 2^retry)): Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
2015. Drawing from the whole interval spreads many deliveries that failed together better than a jitter around it.
"""

import random

_MAX_DOUBLINGS = 60


class Backoff:
    """base_s, longest_s: seconds. max_retries: after the first attempt. rng: seeded by tests."""

    def __init__(self, base_s: float, longest_s: float, max_retries: int, rng: random.Random | None = None) -> None:
        self._base_s = base_s
        self._longest_s = longest_s
        self._max_retries = max_retries
        self._rng = rng or random.Random()

    def delay_s(self, attempts: int) -> float | None:
        """How long to wait after so many attempts (1 or more) failed; None: give up."""
        if attempts > self._max_retries:
            return None
        return self._rng.uniform(0, self.ceiling_s(attempts))

    def ceiling_s(self, attempts: int) -> float:
        """The longest wait after so many attempts."""
        return min(self._longest_s, self._base_s * 2.0 ** min(attempts - 1, _MAX_DOUBLINGS))
