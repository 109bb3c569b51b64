"""A stage as a process of its own: started from an argument list, followed line by line, stopped by its pid."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_DRAIN_S = 1.0


class StageProcess:
    """One running stage. It leads a session of its own: a signal to the task's group does not reach it twice."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> None:
        self._process = subprocess.Popen(
            list(argv), env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", start_new_session=True,
        )  # fmt: skip
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def lines(self) -> Iterator[str]:
        """Each line of output (standard error included) as it comes, until the stage itself has ended.

        A process that the stage left behind may hold the output open; it is not waited for.
        """
        while (line := self._lines.get()) is not None:
            yield line

    def wait(self) -> int:
        """The exit code (negative: the signal that ended it)."""
        return self._process.wait()

    def terminate(self) -> None:
        """SIGTERM to the stage alone: it stops what it started and ends. Returns at once; nothing if it has ended."""
        self._process.terminate()

    def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL to its whole group if it has not ended within ``grace_s`` seconds."""
        self.terminate()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):  # it ended at this very moment
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line.rstrip("\n"))

    def _watch(self) -> None:
        self._process.wait()
        self._reader.join(_DRAIN_S)
        self._lines.put(None)
