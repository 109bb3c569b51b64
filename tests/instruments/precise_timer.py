"""A timer in microseconds for an event loop whose own timers count in milliseconds (libuv's do): Linux' timerfd."""

import asyncio
import ctypes
import os
from collections.abc import Callable

_MONOTONIC = 1
_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_libc = ctypes.CDLL(None, use_errno=True)


class _Times(ctypes.Structure):
    """struct itimerspec: interval and first expiry, each in seconds and nanoseconds."""

    _fields_ = (
        ("interval_s", ctypes.c_long), ("interval_ns", ctypes.c_long),
        ("first_s", ctypes.c_long), ("first_ns", ctypes.c_long),
    )  # fmt: skip


class PreciseTimer:
    """Calls back each time that it expires; arming it again replaces what was armed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[], None]) -> None:
        self._loop = loop
        self._expired = expired
        self._times = _Times(0, 0, 0, 0)
        self._pointer = ctypes.byref(self._times)
        self._fd = _libc.timerfd_create(_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        loop.add_reader(self._fd, self._read)

    def arm(self, after_ns: int) -> None:
        """Expire once after so long, at the earliest after one ns."""
        self._times.first_s, self._times.first_ns = divmod(max(1, after_ns), 1_000_000_000)
        if _libc.timerfd_settime(self._fd, 0, self._pointer, None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        """Give the descriptor back."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _read(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # armed again since it expired
        self._expired()
