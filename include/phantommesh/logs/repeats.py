"""Holds back repeats: a warning that comes thousands of times a second says no more than the first few of it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

SHOWN = 5
WINDOW_S = 10.0


@dataclass(slots=True)
class _Place:
    """One place in the code, in its present window."""

    began_s: float
    shown: int = 0
    held_back: int = 0
    last: logging.LogRecord | None = None


class Repeats:
    """Lets `shown` records of one place in the code pass in a window of `window_s` seconds and counts the others.

    Only warnings and worse: what is logged below is a trace, of which each line is wanted. Places differ by channel,
    too, where a record names one. Not for several threads at once: the handler's lock guards it.
    """

    def __init__(
        self, shown: int = SHOWN, window_s: float = WINDOW_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._shown = shown
        self.window_s = window_s
        self._clock_s = clock_s
        self._places: dict[tuple[str, int, object], _Place] = {}

    def passes(self, record: logging.LogRecord) -> bool:
        """Whether a record is written. One that is not is counted, for `over`."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.pathname, record.lineno, str(record.__dict__.get("channel", "")))
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _Place(self._clock_s())
        if place.shown < self._shown:
            place.shown += 1
            return True
        place.held_back += 1
        place.last = record
        return False

    def over(self, everything: bool = False) -> list[logging.LogRecord]:
        """End the windows that are over (or all), and say for each how many records were held back: the last of them,
        with the field held_back. What is said so counts for no new window."""
        now_s = self._clock_s()
        ended = [
            key for key, place in self._places.items() if everything or now_s - place.began_s >= self.window_s
        ]  # fmt: skip
        found = []
        for key in ended:
            place = self._places.pop(key)
            if place.last is not None:
                found.append(_with_count(place.last, place.held_back))
        return found

    @property
    def holds_back(self) -> bool:
        """Whether there is a number that was not said yet."""
        return any(place.held_back for place in self._places.values())


def _with_count(record: logging.LogRecord, held_back: int) -> logging.LogRecord:
    said = logging.makeLogRecord(record.__dict__)
    said.__dict__["held_back"] = held_back
    return said
