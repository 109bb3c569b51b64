"""A log record as one line."""

import logging
import re
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec

# What every record has; anything else came through `extra`.
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_encode = msgspec.json.Encoder(enc_hook=str).encode


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record was given through `extra`, in the order given."""
    return {name: value for name, value in record.__dict__.items() if name not in _OWN}


class JsonLines(logging.Formatter):
    """{"time": UTC with microseconds, "level", "logger", "replica", "message", then `extra`, then "exception"}."""

    def __init__(self, replica: str) -> None:
        super().__init__()
        self._replica = replica

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "replica": self._replica,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in fields_of(record).items() if name not in line}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        try:
            return _encode(line).decode()
        except (TypeError, ValueError, RecursionError, OverflowError):  # what `extra` held is no JSON: as texts then
            return _encode({name: _plain(value) for name, value in line.items()}).decode()


class TextLines(logging.Formatter):
    """TIME LEVEL REPLICA LOGGER: MESSAGE NAME=VALUE ...; a traceback follows, indented."""

    def __init__(self, replica: str) -> None:
        super().__init__()
        self._replica = replica

    def format(self, record: logging.LogRecord) -> str:
        """One line, and those of a traceback."""
        extra = "".join(f" {name}={value}" for name, value in fields_of(record).items())
        said = _visible(record.getMessage() + extra)
        line = f"{_time(record)} {record.levelname:7} {self._replica} {record.name}: {said}"
        if record.exc_info and record.exc_info[0] is not None:
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            line += "".join(f"\n    {_visible(part)}" for part in told.splitlines())
        return line


def _plain(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()


def _visible(text: str) -> str:
    """Control characters as escapes: what a stranger sent must not look like further lines, nor move a cursor."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
