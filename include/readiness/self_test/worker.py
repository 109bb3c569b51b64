"""A process that makes one trial after the other: how it ends, in the middle of one and between two."""

import os
import signal
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_at_work = False


def begin() -> None:
    """Called once in each worker: the first signal ends it, in order."""
    for number in _SIGNALS:
        signal.signal(number, _end)


def execute(work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Do the work; a signal in the middle of it lets it stop what it started."""
    global _at_work
    _at_work = True
    try:
        return work(*arguments, **named)
    finally:
        _at_work = False


def _end(_number: int, _frame: object) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # what follows cleans up
    if not _at_work:
        os._exit(0)  # nothing was started, and there is nobody to tell
    raise KeyboardInterrupt
