"""The kinds of fault: a step's class with the class that carries it out, a leftover's kind with what takes it back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from readiness.drills import command, disk, links, pause
from readiness.drills.command import CommandFault
from readiness.drills.disk import DiskFault
from readiness.drills.fault import Fault, Leftover, Surroundings
from readiness.drills.kill import KillFault
from readiness.drills.links import LinkFault
from readiness.drills.pause import PauseFault
from readiness.drills.victims import DrillError
from readiness.model.drill import Command, DependencyDown, DiskFull, DrillStep, Kill, Partition, Pause, Slow

FAULTS: dict[type, Callable[[Any, Surroundings], Fault]] = {
    Kill: KillFault,
    DependencyDown: KillFault,
    Pause: PauseFault,
    Partition: LinkFault,
    Slow: LinkFault,
    DiskFull: DiskFault,
    Command: CommandFault,
}
TAKE_BACK: dict[str, Callable[[Leftover], None]] = {
    "stopped": lambda left: pause.let_go_on(left["processes"]),
    "link": lambda left: links.lift(left["admin_url"]),
    "command": lambda left: command.run(tuple(left["command"]), "taking back a fault"),
    "file": lambda left: disk.remove(Path(left["path"])),
}


def fault_of(step: DrillStep, around: Surroundings) -> Fault:
    """The fault that a step asks for. Raises DrillError for one that processes of a machine cannot have."""
    if type(step) not in FAULTS:
        raise DrillError(f"{step.action}: not possible here; it needs a cluster")
    return FAULTS[type(step)](step, around)


def take_back(left: Leftover) -> None:
    """Take back what a process that is gone had put in place. Raises DrillError if that cannot be done."""
    try:
        way = TAKE_BACK[left["kind"]]
        way(left)
    except (KeyError, TypeError, ValueError) as error:
        raise DrillError(f"the journal says {left!r}, which this version cannot take back ({error!r})") from error
