"""Asking the supervisor of a run over its socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from phantommesh.supervision.state import Run, State


def supervised(state: State) -> list[dict[str, Any]]:
    """What the supervisor says of each process; empty while it does not answer."""
    run = state.read_run()
    if run is None:
        return []
    try:
        with _calls(run) as supervisor:
            return list(supervisor.getAllProcessInfo())
    except (OSError, Fault):
        return []  # not up yet; the caller's deadline ends the waiting


def start(run: Run, name: str) -> None:
    """Have a process started ("group:name"), without waiting. Raises OSError or Fault when it cannot be asked for."""
    with _calls(run) as supervisor:
        supervisor.startProcess(name, False)


def stop(run: Run, name: str) -> None:
    """Have a process stopped ("group:name"), without waiting. Raises OSError or Fault when it cannot be asked for."""
    with _calls(run) as supervisor:
        supervisor.stopProcess(name, False)


@contextmanager
def _calls(run: Run) -> Iterator[Any]:
    from supervisor.xmlrpc import SupervisorTransport

    transport = SupervisorTransport("", "", f"unix://{run.supervisor_socket}")
    try:
        yield ServerProxy("http://127.0.0.1", transport=transport).supervisor
    finally:
        transport.close()
