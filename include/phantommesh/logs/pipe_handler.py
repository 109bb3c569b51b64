"""Writes lines to a file descriptor, without ever waiting for whoever reads them.

Standard error of a supervised process is a pipe. A reader that is stopped or slow would hold up the writer once the
pipe is full: the event loop, and with it every event. A pipe is therefore written without blocking; what finds no room
is lost, and counted, and the number is said as soon as there is room. Files and terminals are written as ever: one
call of write, no flush to the disk.
"""

import contextlib
import fcntl
import logging
import os
import stat
import threading

from phantommesh.logs.repeats import Repeats

PIPE_BYTES = 1024 * 1024  # what Linux lets anyone ask for
_LOST = "%d lines were lost: nobody took them in time"
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)


class PipeHandler(logging.Handler):
    """The one handler of a process. lost: lines that found no room so far."""

    def __init__(self, fd: int, repeats: Repeats) -> None:
        super().__init__()
        self._fd = fd
        self._repeats = repeats
        self._rest = b""
        self._unsaid = 0
        self.lost = 0
        self._reminder: threading.Timer | None = None
        self._closed = False
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.set_blocking(fd, False)
            with contextlib.suppress(OSError):
                if _SET_PIPE_SIZE is not None:
                    fcntl.fcntl(fd, _SET_PIPE_SIZE, PIPE_BYTES)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, and what was held back before it; called with the handler's lock held."""
        try:
            self._say_what_was_held_back()
            if self._repeats.passes(record):
                self._write(self.format(record))
            else:
                self._remind()
        except Exception:  # noqa: BLE001 - logging's own rule: a line that cannot be made or written ends nothing
            self.handleError(record)

    def close(self) -> None:
        """Say what was held back, at the end of the process."""
        with self.lock or contextlib.nullcontext():
            if not self._closed:
                self._closed = True
                if self._reminder is not None:
                    self._reminder.cancel()
                with contextlib.suppress(OSError):
                    self._say_what_was_held_back(everything=True)
        super().close()

    def _say_what_was_held_back(self, everything: bool = False) -> None:
        for record in self._repeats.over(everything):
            self._write(self.format(record))

    def _remind(self) -> None:
        """The last number must be said even if nothing else is ever logged."""
        if self._reminder is None and not self._closed:
            self._reminder = threading.Timer(self._repeats.window_s, self._reminded)
            self._reminder.daemon = True
            self._reminder.start()

    def _reminded(self) -> None:
        with self.lock or contextlib.nullcontext():
            self._reminder = None
            with contextlib.suppress(OSError):
                self._say_what_was_held_back()
            if self._repeats.holds_back:
                self._remind()

    def _write(self, line: str) -> None:
        if self._unsaid:
            record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, _LOST, (self._unsaid,), None)
            if self._put(self.format(record)):
                self._unsaid = 0
        if self._unsaid or not self._put(line):
            self.lost += 1
            self._unsaid += 1

    def _put(self, line: str) -> bool:
        """Write a line after what is left of the one before; what finds no room of a line that was begun is kept for
        the next time. False when nothing of it could be written: pipe or disk is full, or the reader is gone."""
        data = self._rest + line.encode("utf-8", "backslashreplace") + b"\n"
        try:
            written = os.write(self._fd, data)
        except OSError:
            return False
        begun = written >= len(self._rest)
        self._rest = data[written:] if begun else self._rest[written:]
        return begun
