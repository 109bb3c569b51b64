"""An alarm clock in gevent's event loop that rings to the microsecond.

The loop's own timers wait in whole milliseconds, rounded up, because epoll_wait does (epoll_wait(2)). That would send
every request half a millisecond late on average, and latency counts from when it was due. Linux has timers that are
files (timerfd_create(2)), which wake the loop when they are due; elsewhere the loop's own timer must do.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

_CLOCK_MONOTONIC = 1
_READ = 1
_NS_PER_S = 1_000_000_000


class Alarm(Protocol):
    """Rings once for each set(); setting it again replaces what was set. Made with alarm()."""

    def set(self, in_ns: int) -> None:
        """Ring in so many ns; if that is past, as soon as the event loop has its turn."""

    def close(self) -> None:
        """Never ring again."""


def alarm(loop: Any, ring: Callable[[], None]) -> Alarm:
    """The finest that this system has. Raises OSError if it has no file left."""
    return FileAlarm(loop, ring) if sys.platform == "linux" else LoopAlarm(loop, ring)


class LoopAlarm:
    """A timer of the event loop."""

    def __init__(self, loop: Any, ring: Callable[[], None]) -> None:
        self._loop, self._ring = loop, ring
        self._timer = loop.timer(0)

    def set(self, in_ns: int) -> None:
        self._timer.close()
        self._timer = self._loop.timer(max(0, in_ns) / _NS_PER_S)
        self._timer.start(self._ring, update=True)

    def close(self) -> None:
        self._timer.close()


class _TimerSpec(ctypes.Structure):
    """struct itimerspec: interval and first expiry, each in seconds and nanoseconds."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "in_s", "in_ns"))


class FileAlarm:
    """A timer that is a file. It stays readable once it has rung; set() makes it unreadable again, so it need not be
    read, but must be set anew or closed when it rings."""

    def __init__(self, loop: Any, ring: Callable[[], None]) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._file = library.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._set_time, self._spec = library.timerfd_settime, _TimerSpec()
        self._address = ctypes.byref(self._spec)
        self._watcher = loop.io(self._file, _READ)
        self._watcher.start(ring)

    def set(self, in_ns: int) -> None:
        self._spec.in_s, self._spec.in_ns = divmod(max(1, in_ns), _NS_PER_S)  # zero would disarm it
        if self._set_time(self._file, 0, self._address, None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        os.close(self._file)
