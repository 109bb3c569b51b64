"""Times of a drill: the monotonic clock, shown as epoch nanoseconds, so that a wall clock that is set moves nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class SteadyClock:
    """``now_ns`` is epoch ns of the one moment at which it was made, counted on by the monotonic clock. Whoever made it
    when the load published its phases shares the load's clock from then on, however the wall clock jumps."""

    wall_ns: Callable[[], int] = time.time_ns
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    _offset_ns: int = field(init=False)

    def __post_init__(self) -> None:
        before_ns = self.monotonic_ns()
        wall_ns = self.wall_ns()
        # The wall clock was read between the two readings.
        self._offset_ns = wall_ns - (before_ns + self.monotonic_ns()) // 2

    def now_ns(self) -> int:
        """The time now, epoch ns."""
        return self.monotonic_ns() + self._offset_ns
