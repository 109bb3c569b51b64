"""Processes by id and start time: a process id alone may by now belong to someone else."""

import signal
from collections.abc import Iterable

import psutil

from phantommesh.supervision.state import ProcessId

# psutil derives start times from the boot time, which moves a little when the clock is corrected.
_SAME_START_S = 2.0


def identify(pid: int) -> ProcessId:
    """The identity of a process that lives now. Raises psutil.NoSuchProcess."""
    return ProcessId(pid, psutil.Process(pid).create_time())


def find(known: ProcessId) -> psutil.Process | None:
    """The recorded process, or None when it is gone. A zombie is gone: it only waits to be reaped."""
    try:
        process = psutil.Process(known.pid)
        if abs(process.create_time() - known.started_s) > _SAME_START_S or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def stop(known: Iterable[ProcessId], first: signal.Signals, patience_s: float) -> None:
    """End processes and wait until they are gone: `first`, and SIGKILL after patience_s seconds.

    Raises TimeoutError when one outlives even that (it hangs in the kernel).
    """
    found = [process for process in map(find, known) if process is not None]
    for process in found:
        _send(process, first)
    left = _wait(found, patience_s)
    for process in left:
        _send(process, signal.SIGKILL)
    left = _wait(left, 10.0)
    if left:
        raise TimeoutError(f"process {', '.join(str(process.pid) for process in left)} does not die of SIGKILL")


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
        if number == signal.SIGKILL:
            return
        process.send_signal(signal.SIGCONT)  # a stopped process cannot end
    except psutil.NoSuchProcess:
        return


def _wait(found: list[psutil.Process], patience_s: float) -> list[psutil.Process]:
    zombies: list[psutil.Process] = []
    left = found
    step_s = 0.05
    waited_s = 0.0
    while left and waited_s < patience_s:
        _, left = psutil.wait_procs(left, timeout=step_s)
        waited_s += step_s
        zombies = [process for process in left if _is_zombie(process)]
        left = [process for process in left if process not in zombies]
    return left


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
