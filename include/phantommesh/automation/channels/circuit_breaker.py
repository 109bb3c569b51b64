"""When a channel that fails is left alone: a circuit breaker.

closed -> open after so many failures in a row; open -> half open after a time: one probe is let through; its success
closes the breaker, its failure opens it again. The pattern: Michael Nygard, "Release It!", "Stability Patterns".

While it is not closed, what fails says something about the channel and nothing about an alert: such attempts are not
counted against the alert (`failed` says which are). With failures <= max_retries + 1 a channel that is down is
therefore left alone before any alert runs out of retries, and nothing is given up because of it.
"""

import time
from collections.abc import Callable

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"


class CircuitBreaker:
    """failures: in a row, until it opens. open_s: until a probe. clock_s: seconds that never go back."""

    def __init__(self, failures: int, open_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._open_s = open_s
        self._clock_s = clock_s
        self._failures = 0
        self._opened_s: float | None = None
        self._probed_s: float | None = None

    @property
    def state(self) -> str:
        """CLOSED, OPEN, or HALF_OPEN while a probe is on its way."""
        if self._opened_s is None:
            return CLOSED
        return OPEN if self._probed_s is None else HALF_OPEN

    def wait_s(self) -> float:
        """How long until something may be tried; 0: now."""
        if self._opened_s is None:
            return 0.0
        since_s = self._opened_s if self._probed_s is None else self._probed_s
        return max(0.0, since_s + self._open_s - self._clock_s())

    def allow(self) -> bool:
        """Whether something may be tried now. A True must be followed by succeeded or failed; a probe of which nothing
        is heard for open_s is taken as lost, and another is let through."""
        if self.wait_s() > 0:
            return False
        if self._opened_s is not None:
            self._probed_s = self._clock_s()
        return True

    def succeeded(self) -> None:
        """What was tried succeeded: the channel is well."""
        self._failures = 0
        self._opened_s = self._probed_s = None

    def failed(self) -> bool:
        """What was tried failed. Returns whether the attempt counts against the alerts in it."""
        self._failures += 1
        if self._opened_s is None and self._failures < self._limit:
            return True
        self._opened_s, self._probed_s = self._clock_s(), None
        return False
