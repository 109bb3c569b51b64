"""supervisord for one run: ``python -m phantommesh.supervision.daemon STATE``.

Four things are added to the library's own loop. It turns at least every TURN_S seconds (by itself every second, and
a restart takes two turns). It records its children as soon as they change, so that they can be found even when the
supervisor was killed. It keeps the run's ports bound. It has imported what the platform's programs need, so that they
start in no time (see ``preloaded``).
"""

import os
import sys
from pathlib import Path
from typing import Any

import psutil
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.poller import Poller
from supervisor.supervisord import Supervisor

from phantommesh.supervision.ports import bind
from phantommesh.supervision.preloaded import PreloadingOptions, preload
from phantommesh.supervision.processes import identify
from phantommesh.supervision.state import ProcessId, State

TURN_S = 0.05


class _Recorder:
    """Writes the supervised processes into the state folder whenever they changed."""

    def __init__(self, state: State, supervisor: Any) -> None:
        self._state = state
        self._supervisor = supervisor
        self._pids: dict[str, int] = {}
        self._known: dict[str, ProcessId] = {}

    def record(self) -> None:
        groups = getattr(self._supervisor, "process_groups", None) or {}
        pids = {
            name: process.pid for group in groups.values() for name, process in group.processes.items() if process.pid
        }
        if pids == self._pids:
            return
        self._known = {
            name: self._known[name] if self._pids.get(name) == pid else _identify(pid) for name, pid in pids.items()
        }
        self._pids = pids
        self._state.write_children(self._known)


def _identify(pid: int) -> ProcessId:
    try:
        return identify(pid)
    except psutil.NoSuchProcess:
        return ProcessId(pid, 0.0)


class _PromptPoller(Poller):  # type: ignore[misc]  # the library carries no types
    recorder: _Recorder

    def poll(self, timeout: float) -> Any:
        self.recorder.record()
        return super().poll(min(timeout, TURN_S))


def main(arguments: list[str]) -> int:
    """Supervise until a signal ends it; its children end before it."""
    state = State(Path(arguments[0]))
    run = state.read_run()
    if run is None:
        print(f"{state.folder}: no run is recorded", file=sys.stderr)
        return 1
    state.write_process("supervisor", identify(os.getpid()))
    of_links = [port for link in run.links for port in (link.admin_port, *link.entry_ports)]
    ports = (run.port, run.sink_port, *run.admin_ports, run.vpn_port, *run.vpn_admin_ports, *of_links)
    kept = [bind(port) for port in ports]
    preload()
    options = PreloadingOptions()
    options.realize(["-n", "-c", str(state.supervisor_settings)])
    options.first, options.test = True, False
    supervisor = Supervisor(options)
    options.poller = _PromptPoller(options)
    options.poller.recorder = _Recorder(state, supervisor)
    try:
        supervisor.main()
    except asyncore.ExitNow:
        pass
    finally:
        options.close_httpservers()
        options.close_logger()
        for reserved in kept:
            reserved.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
