"""One direction of one connection: bytes go on at once, later, or not yet."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

MOST_HELD_BYTES = 1024 * 1024


class Pace(Protocol):
    """When bytes may go on. held: not before the fault is over."""

    held: bool

    def due_s(self, size: int) -> float:
        """The loop's time at which `size` more bytes have arrived at the other end."""


class Flow:
    """Bytes keep their order whatever the fault does meanwhile. write: gives them to the other side; None: its end.
    full: told whether so much waits here that no more should be read."""

    def __init__(self, pace: Pace, write: Callable[[bytes | None], None], full: Callable[[bool], None]) -> None:
        self._pace, self._write, self._full = pace, write, full
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, bytes | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._held_bytes = 0

    def put(self, data: bytes | None) -> None:
        """Bytes that came; None: there will be no more."""
        due_s = self._pace.due_s(len(data or b""))
        if not self._waiting and not self._pace.held and due_s <= self._loop.time():
            self._write(data)
            return
        self._waiting.append((due_s, data))
        self._held_bytes += len(data or b"")
        if self._held_bytes > MOST_HELD_BYTES:
            self._full(True)
        self.go_on()

    def go_on(self) -> None:
        """The pace may have changed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and not self._pace.held:
            self._timer = self._loop.call_at(self._waiting[0][0], self._release)

    def at_once(self) -> None:
        """The fault is over: what waited arrives now."""
        self._waiting = deque((0.0, data) for _, data in self._waiting)
        self.go_on()

    def end(self) -> None:
        """The connection is gone, and what waited with it."""
        self._waiting.clear()
        self.go_on()

    def _release(self) -> None:
        was_full = self._held_bytes > MOST_HELD_BYTES
        while self._waiting and self._waiting[0][0] <= self._loop.time():
            _, data = self._waiting.popleft()
            self._held_bytes -= len(data or b"")
            self._write(data)
        if was_full and self._held_bytes <= MOST_HELD_BYTES:
            self._full(False)
        self.go_on()
