"""What every command shares: errors in one line, signals that clean up, exit codes by decision."""

import functools
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from readiness.clients.archive import ArchiveError
from readiness.clients.home import HomeError, find_home
from readiness.clients.stores.store import StoreError
from readiness.model.document import to_json
from readiness.model.result import RunDecision
from readiness.model.verdict import EXIT_CODES
from readiness.spec.problem import SpecError

HARNESS_FAILED = 1
F = TypeVar("F", bound=Callable[..., Any])


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: clean up as after Ctrl-C."""


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn what a user can cause into one line on standard error and exit 1; Ctrl-C, SIGTERM and a closed terminal
    clean up first."""
    from readiness.stages.run import StageError

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        yield
    except SpecError as error:
        _fail("\n".join(str(problem) for problem in error.problems))
    except (ArchiveError, HomeError, StageError, StoreError) as error:
        _fail(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")
    except KeyboardInterrupt as stop:
        word = "terminated" if isinstance(stop, Terminated) else "interrupted"
        _fail(f"{word}; what was started has been stopped, what was recorded until now is in the archive")


def _stop(number: int, _frame: object) -> None:
    uninterrupted()
    raise Terminated("terminated") if number != signal.SIGINT else KeyboardInterrupt


def uninterrupted() -> None:
    """From here on nothing but SIGKILL ends this process early: what follows cleans up, in bounded time."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def _fail(message: str) -> None:
    click.echo(f"readiness: {message}" if "\n" not in message else message, err=True)
    sys.exit(HARNESS_FAILED)


def with_home(command: F) -> F:
    """The options that every command on runs has; the command gets them as ``home``."""

    @functools.wraps(command)
    def with_found(*arguments: Any, home: Path | None, archive: str | None, **options: Any) -> Any:
        with in_one_line():
            found = find_home(home, archive)
        return command(*arguments, home=found, **options)

    given = click.option("--home", type=click.Path(path_type=Path), help="Folder of state, and of the archive unless "
                         "that is elsewhere (default: $READINESS_HOME, else ./.readiness).")  # fmt: skip
    elsewhere = click.option("--archive", help="A folder or s3://bucket/prefix (default: $READINESS_ARCHIVE, else "
                             "the home's own).")  # fmt: skip
    return cast(F, given(elsewhere(with_found)))


def finish(decision: RunDecision, as_json: bool) -> None:
    """Print the decision and exit by it."""
    from readiness.report.terminal import decision_text

    click.echo(to_json(decision).decode().rstrip() if as_json else decision_text(decision))
    sys.exit(EXIT_CODES[decision.decision])


def print_json(value: object) -> None:
    """One line of JSON."""
    click.echo(json.dumps(value, sort_keys=True))
