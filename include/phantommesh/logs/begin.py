"""What a process of the platform calls once, before anything else can be worth a line."""

import asyncio
import logging
import sys
import threading
from types import TracebackType

from phantommesh.config.model import Logging
from phantommesh.logs.lines import JsonLines, TextLines
from phantommesh.logs.pipe_handler import PipeHandler
from phantommesh.logs.repeats import Repeats

_log = logging.getLogger("phantommesh")


def begin_logging(settings: Logging, replica: str) -> PipeHandler:
    """Everything that is logged from now on goes to standard error, as configured; so does what ends the process, and
    Python's own warnings. replica: the name that each line carries. Begin again to change either."""
    handler = PipeHandler(sys.stderr.fileno(), Repeats())
    handler.setFormatter(JsonLines(replica) if settings.format == "json" else TextLines(replica))
    root = logging.getLogger()
    for before in root.handlers[:]:
        root.removeHandler(before)
        before.close()
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    # asyncio's own debug lines say nothing of an event.
    logging.getLogger("asyncio").setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    sys.excepthook = _fatal
    threading.excepthook = lambda found: _fatal(found.exc_type, found.exc_value, found.exc_traceback)
    return handler


def _fatal(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt | asyncio.CancelledError):
        return
    _log.critical("ended by a fault: %s", error, exc_info=(kind, error, trace))
