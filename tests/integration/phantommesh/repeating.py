"""One request after another in the background, while a test breaks something."""

import threading
from collections import Counter
from collections.abc import Callable
from http.client import HTTPException

from .conftest import call


class Repeating:
    """Asks in a thread until it is left, and keeps what was acknowledged. ask: makes one request, says for what and its
    status; good: the status that acknowledges. Status 0 counts requests without an answer."""

    def __init__(self, ask: Callable[[], tuple[str, int]], good: int) -> None:
        self._ask, self._good = ask, good
        self.acknowledged: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Repeating":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                what, status = self._ask()
            except (OSError, HTTPException):
                what, status = "", 0
            self.statuses[status] += 1
            if status == self._good:
                self.acknowledged.add(what)


def ready(admin_url: str) -> bool:
    """Whether a replica says so."""
    try:
        return call(f"{admin_url}/readyz", timeout_s=1).status == 200
    except (OSError, HTTPException):
        return False
