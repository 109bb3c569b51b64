"""One clock for a whole run: wall-clock times that a jump of the wall clock cannot bend."""

import time


class RunClock:
    """Epoch nanoseconds (UTC) from the monotonic clock and one wall-clock anchor taken when it is made."""

    def __init__(self) -> None:
        before_ns = time.monotonic_ns()
        self.anchor_wall_ns = time.time_ns()
        # The wall clock was read between the two readings; their middle halves the error of the anchor.
        self._anchor_monotonic_ns = (before_ns + time.monotonic_ns()) // 2
        self._offset_ns = self.anchor_wall_ns - self._anchor_monotonic_ns

    def now_ns(self) -> int:
        """The time now, epoch ns."""
        return time.monotonic_ns() + self._offset_ns

    def drift_ns(self) -> int:
        """How far the wall clock has moved against the monotonic one since the anchor (wall minus monotonic)."""
        return time.time_ns() - self.now_ns()
