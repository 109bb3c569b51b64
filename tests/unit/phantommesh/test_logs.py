"""The log of a process: its lines, what is held back, and that nobody is held up by it."""

import json
import logging
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from phantommesh.logs.lines import JsonLines, TextLines
from phantommesh.logs.pipe_handler import PipeHandler
from phantommesh.logs.repeats import Repeats

EVENT = uuid.UUID("0190f3c2-7a51-7d3e-8b1a-0123456789ab")


def record(message: str = "said", *arguments: object, level: int = logging.WARNING, line: int = 7, **extra: Any) -> Any:
    made = logging.LogRecord("phantommesh.part", level, "part.py", line, message, arguments, None)
    made.__dict__.update(extra)
    return made


def as_json(made: logging.LogRecord) -> dict[str, Any]:
    line = JsonLines("automation-1").format(made)
    assert "\n" not in line
    return dict(json.loads(line))


class Clock:
    """Seconds that pass when a test says so."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_json_line_says_when_what_where_and_of_which_event() -> None:
    made = record("%s accepted", "one", event_id=EVENT, incident_id=EVENT, attempts=3)
    made.created = 1_767_225_600.25
    assert list(as_json(made).items()) == [
        ("time", "2026-01-01T00:00:00.250000Z"),
        ("level", "warning"),
        ("logger", "phantommesh.part"),
        ("replica", "automation-1"),
        ("message", "one accepted"),
        ("event_id", str(EVENT)),
        ("incident_id", str(EVENT)),
        ("attempts", 3),
    ]


@pytest.mark.parametrize("value", [object(), {1: object()}, "\ud800", {"a": {2j}}, b"x", float("nan"), 2**80])
def test_whatever_extra_holds_the_line_is_json(value: Any) -> None:
    assert as_json(record("said", odd=value))["message"] == "said"


def test_extra_does_not_hide_what_the_line_itself_says() -> None:
    assert as_json(record("said", replica="another", time="never"))["replica"] == "automation-1"


def test_a_fault_is_one_json_line_with_its_traceback() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        made = record("ended")
        made.exc_info = sys.exc_info()
    assert as_json(made)["exception"].startswith("Traceback")
    text = TextLines("automation-1").format(made)
    assert text.splitlines()[1].startswith("    Traceback")


def test_what_a_stranger_sent_stays_on_its_line() -> None:
    text = TextLines("automation-1").format(record("from %s", "a\n2026 CRITICAL\x1b[2J\u2028", event_id=EVENT))
    assert text.splitlines() == [text]
    assert "\x1b" not in text
    assert text.endswith(f"automation-1 phantommesh.part: from a\\n2026 CRITICAL\\x1b[2J\\u2028 event_id={EVENT}")


def test_the_first_repeats_pass_and_the_others_are_counted() -> None:
    clock = Clock()
    repeats = Repeats(shown=3, window_s=10, clock_s=clock)
    passed = [repeats.passes(record("%d", number)) for number in range(1000)]
    assert passed == [True] * 3 + [False] * 997
    assert repeats.over() == []
    clock.now_s += 10
    (said,) = repeats.over()
    assert (said.getMessage(), said.__dict__["held_back"]) == ("999", 997)
    assert repeats.over() == []
    assert repeats.passes(record())


def test_places_channels_and_traces_are_not_mixed_up() -> None:
    repeats = Repeats(shown=1, window_s=10, clock_s=Clock())
    for different in ({"line": 1}, {"line": 2}, {"channel": "slack"}, {"channel": "sms"}):
        assert repeats.passes(record(**different))
        assert not repeats.passes(record(**different))
    trace = [repeats.passes(record(level=logging.INFO, event_id=EVENT)) for _ in range(100)]
    assert all(trace)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def handler(pipe: tuple[int, int]) -> Iterator[Callable[..., PipeHandler]]:
    made: list[PipeHandler] = []

    def start(**options: Any) -> PipeHandler:
        made.append(PipeHandler(pipe[1], Repeats(**options)))
        made[0].setFormatter(JsonLines("automation-1"))
        return made[0]

    yield start
    for item in made:
        item.close()


def read(pipe: tuple[int, int]) -> list[dict[str, Any]]:
    os.set_blocking(pipe[0], False)
    parts = []
    while True:
        try:
            part = os.read(pipe[0], 1 << 20)
        except BlockingIOError:
            break
        parts.append(part)
    return [json.loads(line) for line in b"".join(parts).splitlines()]


def test_a_reader_that_stands_still_holds_nobody_up_and_what_is_lost_is_counted(
    pipe: tuple[int, int], handler: Callable[..., PipeHandler]
) -> None:
    target = handler()
    sent = 0
    while not target.lost:
        target.handle(record("x" * 5000, level=logging.INFO, number=sent))
        sent += 1
        assert sent < 10_000
    for _ in range(9):
        target.handle(record("y", level=logging.INFO, number=sent))
        sent += 1
    assert target.lost == 10
    os.set_blocking(pipe[0], False)
    begun = os.read(pipe[0], 1 << 20)
    target.handle(record("z", level=logging.INFO, number=sent))
    found = [json.loads(line) for line in (begun + os.read(pipe[0], 1 << 20)).splitlines()]
    assert [item.get("number") for item in found] == [*range(sent - 10), None, sent]
    assert found[-2]["message"] == "10 lines were lost: nobody took them in time"


def test_a_line_that_was_cut_is_finished_later(pipe: tuple[int, int], handler: Callable[..., PipeHandler]) -> None:
    target = handler()
    target.handle(record("x" * 3_000_000, level=logging.INFO))
    begun = os.read(pipe[0], 1 << 22)
    for _ in range(4):
        target.handle(record("next", level=logging.INFO))
        begun += os.read(pipe[0], 1 << 22)
    lines = [json.loads(line) for line in begun.splitlines()]
    assert len(lines[0]["message"]) == 3_000_000
    assert {item["message"] for item in lines[1:]} >= {"next"}


def test_a_reader_that_is_gone_ends_nothing(handler: Callable[..., PipeHandler], pipe: tuple[int, int]) -> None:
    target = handler()
    nobody = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nobody, pipe[0])
    os.close(nobody)
    target.handle(record())
    assert target.lost == 1


def test_the_last_number_is_said_even_if_nothing_else_is_logged(
    pipe: tuple[int, int], handler: Callable[..., PipeHandler]
) -> None:
    target = handler(shown=1, window_s=0.2)
    for _ in range(50):
        target.handle(record("again"))
    found = read(pipe)
    end = time.monotonic() + 10
    while len(found) < 2 and time.monotonic() < end:
        time.sleep(0.02)
        found += read(pipe)
    assert [item.get("held_back") for item in found] == [None, 49]


def test_what_is_held_back_at_the_end_is_said(pipe: tuple[int, int], handler: Callable[..., PipeHandler]) -> None:
    target = handler()
    for _ in range(50):
        target.handle(record("again"))
    target.close()
    assert [item.get("held_back") for item in read(pipe)] == [None] * 5 + [45]


PROGRAM = """
import logging, sys, threading, warnings
from phantommesh.config.model import Logging
from phantommesh.logs.begin import begin_logging
begin_logging(Logging(sys.argv[1], sys.argv[2]), "automation-1")
log = logging.getLogger("phantommesh.part")
for level in ("debug", "info", "warning", "error"):
    getattr(log, level)(level, extra={"event_id": "e1"})
logging.getLogger("uvicorn.error").warning("of a library")
warnings.warn("old", DeprecationWarning)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("the end")
"""


def run(level: str, form: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", PROGRAM, level, form], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_a_process_writes_json_lines_of_its_level_and_nothing_else(level: str) -> None:
    lines = [json.loads(line) for line in run(level, "json").splitlines()]
    levels = ("debug", "info", "warning", "error")
    assert [line["level"] for line in lines if line.get("event_id") == "e1"] == [*levels[levels.index(level) :]]
    assert {line["replica"] for line in lines} == {"automation-1"}
    said = [line["message"] for line in lines]
    assert any("of a library" in text for text in said) == (level != "error")
    assert any("DeprecationWarning: old" in text for text in said) == (level != "error")
    assert said[-2:] == ["ended by a fault: division by zero", "ended by a fault: the end"]
    assert lines[-1]["exception"].endswith("RuntimeError: the end")


def test_a_process_writes_text_for_people() -> None:
    first = run("info", "text").splitlines()[0]
    assert first[10] == "T"
    assert first.endswith("Z INFO    automation-1 phantommesh.part: info event_id=e1")


def test_a_log_that_is_a_file_is_written_whole(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", PROGRAM, "info", "json"], stderr=log, check=False)
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["level"] for line in lines][:3] == ["info", "warning", "error"]
