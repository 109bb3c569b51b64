"""requests.csv: one row for each arrival that was sent, appended as its outcome becomes known.

Rows are in the order of their outcomes. A killed generator leaves all rows up to its last flush; the very last
line may be cut and is then no record.
"""

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

COLUMNS = (
    "seq",
    "event_id",
    "phase",
    "intended_ns",
    "sent_ns",
    "done_ns",
    "status",
    "error",
    "signature_id",
    "runner",
)
RUNNER = "0"


class Record(NamedTuple):
    """One row. Times are epoch ns UTC, done_ns None: no answer; status: of HTTP, 0: no answer; error: its class, ""
    when answered."""

    seq: int
    event_id: str
    phase: str
    intended_ns: int
    sent_ns: int
    done_ns: int | None
    status: int
    error: str
    signature_id: int


class RequestLog:
    """Appends rows to a new file; records are held until flush(), which hands whole lines to the system."""

    def __init__(self, path: Path) -> None:
        """Raises FileExistsError when the file is there already: a record is never overwritten."""
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._records: list[Record] = []
        self._write(f"{','.join(COLUMNS)}\n".encode("ascii"))

    def add(self, record: Record) -> None:
        """Take a record."""
        self._records.append(record)

    def flush(self, run: Callable[[Callable[[bytes], None], bytes], None] | None = None) -> None:
        """Write what is held. Raises OSError when the file system refuses (full, gone).

        run: calls the writing function with the data, in a thread for instance, and returns when it is done.
        """
        records, self._records = self._records, []
        data = "".join([_row(record) for record in records]).encode("ascii")
        if run is None:
            self._write(data)
        else:
            run(self._write, data)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def close(self) -> None:
        """Flush and close."""
        try:
            self.flush()
        finally:
            os.close(self._fd)


def _row(record: Record) -> str:
    seq, event_id, phase, intended_ns, sent_ns, done_ns, status, error, signature_id = record
    done = "" if done_ns is None else done_ns
    return f"{seq},{event_id},{phase},{intended_ns},{sent_ns},{done},{status},{error},{signature_id},{RUNNER}\n"


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The records of a requests.csv by column name; a last line without its end is left out."""
    text = path.read_text("ascii")
    whole = text[: text.rfind("\n") + 1]
    yield from csv.DictReader(whole.splitlines())
