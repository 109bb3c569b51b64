"""The kinds of fault: a step's class with the class that carries it out, a leftover's kind with what takes it back; for
processes of this machine and for pods of a cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.drills import command, disk, links, pause
from readiness.drills.cluster import down, drain, partition
from readiness.drills.cluster.down import ScaledDownFault
from readiness.drills.cluster.drain import DrainFault
from readiness.drills.cluster.kill import PodKillFault
from readiness.drills.cluster.partition import PolicyFault
from readiness.drills.command import CommandFault
from readiness.drills.disk import DiskFault
from readiness.drills.fault import Fault, Leftover, Surroundings
from readiness.drills.kill import KillFault
from readiness.drills.links import LinkFault
from readiness.drills.pause import PauseFault
from readiness.drills.victims import DrillError
from readiness.model.drill import Command, DependencyDown, DiskFull, Drain, DrillStep, Kill, Partition, Pause, Slow

FAULTS: dict[type, Callable[[Any, Surroundings], Fault]] = {
    Kill: KillFault,
    DependencyDown: KillFault,
    Pause: PauseFault,
    Partition: LinkFault,
    Slow: LinkFault,
    DiskFull: DiskFault,
    Command: CommandFault,
}
CLUSTER_FAULTS: dict[type, Callable[[Any, Surroundings], Fault]] = {
    Kill: PodKillFault,
    DependencyDown: ScaledDownFault,
    Partition: PolicyFault,
    Drain: DrainFault,
    Command: CommandFault,
}
TAKE_BACK: dict[str, Callable[[Leftover], None]] = {
    "stopped": lambda left: pause.let_go_on(left["processes"]),
    "link": lambda left: links.lift(left["admin_url"]),
    "command": lambda left: command.run(tuple(left["command"]), "taking back a fault"),
    "file": lambda left: disk.remove(Path(left["path"])),
}
CLUSTER_TAKE_BACK: dict[str, Callable[[Kubectl, Leftover], None]] = {
    "replicas": down.bring_back,
    "policies": partition.join_again,
    "cordon": drain.use_again,
}


def fault_of(step: DrillStep, around: Surroundings) -> Fault:
    """The fault that a step asks for. Raises DrillError for one that this kind of target cannot have."""
    kinds = FAULTS if around.cluster is None else CLUSTER_FAULTS
    if type(step) not in kinds:
        why = "not possible here; it needs a cluster" if around.cluster is None else "not possible in a cluster"
        raise DrillError(f"{step.action}: {why}")
    return kinds[type(step)](step, around)


def take_back(left: Leftover, cluster: Kubectl | None = None) -> None:
    """Take back what a process that is gone had put in place. ``cluster``: where the target is, None for processes of
    this machine. Raises DrillError if that cannot be done."""
    try:
        kind = left["kind"]
        if cluster is not None and kind in CLUSTER_TAKE_BACK:
            CLUSTER_TAKE_BACK[kind](cluster, left)
        else:
            way = TAKE_BACK[kind]
            way(left)
    except (KeyError, TypeError, ValueError) as error:
        raise DrillError(f"the journal says {left!r}, which this version cannot take back ({error!r})") from error
