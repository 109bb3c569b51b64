"""Signals that end `up`: they raise where they come, except where that would break something in two."""

import contextlib
import signal
from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class UpInterruptedError(BaseException):
    """A signal ended `up`. No Exception: nothing but `up` itself may catch it."""


class Interrupting:
    """came: a signal came while it was held; who holds it looks, and ends what it is doing."""

    def __init__(self) -> None:
        self.came = False
        self._held = False

    def _signalled(self, _number: int, _frame: object) -> None:
        if not self._held:
            raise UpInterruptedError
        self.came = True

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Signals raise UpInterruptedError until the end of this."""
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Signals wait until the end of this: what begins or ends an event loop or a thread bears no exception."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            if self.came:
                raise UpInterruptedError
