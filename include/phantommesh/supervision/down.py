"""Stop everything that a state folder's platform started, whatever is left of it."""

import shutil
import signal
import time
from pathlib import Path

from phantommesh.supervision.failure import PlatformError
from phantommesh.supervision.processes import find, stop
from phantommesh.supervision.state import ProcessId, Run, State

_UP_S = 60.0
_SUPERVISOR_S = 30.0
_CHILD_S = 5.0


def down(state: State) -> None:
    """Drain and stop. Nothing running is no error. Raises PlatformError when something does not stop."""
    if not state.folder.is_dir():
        return
    _interrupt_up(state)
    with state.locked() as free:
        if not free:
            raise PlatformError(f"{state.folder}: another up or down is at work there; try again when it has ended")
        stop_everything(state)


def stop_everything(state: State) -> None:
    """Stop the supervisor, then what it left, then remove what the run kept outside of the state folder."""
    run = state.read_run()
    supervisor = state.read_process("supervisor")
    try:
        if supervisor is not None:
            # TERM: it drains and stops its children in order. Children that outlive it are found below.
            stop([supervisor], signal.SIGTERM, _SUPERVISOR_S)
        _stop_children(state.read_children())
    except TimeoutError as error:
        raise PlatformError(f"{state.folder}: {error}; what it holds is left as it is") from error
    if run is not None:
        _remove_folders(run)
    state.forget_run()


def _stop_children(children: dict[str, ProcessId]) -> None:
    servers = [process for name, process in children.items() if name == "postgres"]
    others = [process for name, process in children.items() if name != "postgres"]
    stop(others, signal.SIGTERM, _CHILD_S)
    stop(servers, signal.SIGINT, _CHILD_S)  # PostgreSQL's fast shutdown


def _remove_folders(run: Run) -> None:
    shutil.rmtree(run.runtime_dir, ignore_errors=True)
    if not run.keep_data:
        shutil.rmtree(run.data_dir, ignore_errors=True)
        if run.data_is_apart:
            shutil.rmtree(Path(run.data_dir).parent, ignore_errors=True)


def _interrupt_up(state: State) -> None:
    starting = state.read_process("starting")
    process = None if starting is None else find(starting)
    if process is None:
        return
    with state.locked() as free:
        if free:  # an old record: no `up` is at work
            return
    process.send_signal(signal.SIGTERM)
    end = time.monotonic() + _UP_S
    while find(starting) is not None if starting else False:
        if time.monotonic() > end:
            raise PlatformError(f"{state.folder}: an up at work there (process {process.pid}) does not end")
        time.sleep(0.05)
