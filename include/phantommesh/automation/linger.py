"""When it pays to wait for more: the rule that makes batches at high rates and none at low ones.

A batch costs about as much as one item, so a short wait saves much when many items are on their way, and only delays
when few are. The wait is worth it if, at the present rate, at least WORTH items would come in it.
"""

import time
from collections.abc import Callable

WORTH = 4
_WINDOW_S = 0.1


class Linger:
    """Counts what comes and says how long to wait. wait_s: the longest wait."""

    def __init__(self, wait_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._wait_s = wait_s
        self._clock_s = clock_s
        self._rate_per_s = 0.0
        self._count = 0
        self._since_s = clock_s()

    def note(self, count: int) -> None:
        """So many items came."""
        self._count += count

    def pause_s(self) -> float:
        """How long to wait before the next batch is taken; 0 when few items are to be expected."""
        now_s = self._clock_s()
        passed_s = now_s - self._since_s
        if passed_s >= _WINDOW_S:
            # A long silence counts as what it is: the mean over it, not over the last window.
            self._rate_per_s = (self._rate_per_s + self._count / passed_s) / 2 if passed_s < 1 else 0.0
            self._count, self._since_s = 0, now_s
        return self._wait_s if self._rate_per_s * self._wait_s >= WORTH else 0.0
