"""Who is hit in a cluster: pods that the target's status names, told from a later one of the same name by their uid."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.clients.target_process import TargetError
from readiness.drills.fault import Surroundings
from readiness.drills.victims import DrillError, Status

_LOOK_S = 0.1


@dataclass(frozen=True)
class PodVictim:
    """A pod of the target. ``fixed``: its successor has the same name and the same volume."""

    component: str
    replica: str
    pod: str
    uid: str
    node: str
    fixed: bool

    def facts(self) -> dict[str, Any]:
        """See Hit."""
        return {"component": self.component, "replica": self.replica, "pid": None, "pod": self.pod, "uid": self.uid,
                "node": self.node}  # fmt: skip


def running(status: Status, component: str) -> list[PodVictim]:
    """The pods of a component that run, in the order of the status."""
    return [
        PodVictim(component, part["replica"], part["pod"], part["uid"], part["node"], part["owner"] == "StatefulSet")
        for part in status["components"]
        if part["component"] == component and part["running"]
    ]


def is_there(status: Status, victim: PodVictim) -> bool:
    """Whether that very pod is still known: it runs, or it is ending. Its successor may have its name, but not yet."""
    known = any(part["uid"] == victim.uid for part in status["components"])
    return known or victim.pod in status["ending"]


def cluster_of(around: Surroundings) -> Kubectl:
    """Where the target is. Raises DrillError if it is not in a cluster."""
    if around.cluster is None:
        raise DrillError("the target is not in a cluster")
    return around.cluster


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Whatever the cluster refuses becomes a DrillError that says of what."""
    try:
        yield
    except TargetError as error:
        raise DrillError(f"{what}: {error}") from error


def await_that(done: Callable[[], bool], longest_s: float, otherwise: Callable[[], str]) -> None:
    """Ask until it is so. Raises DrillError with ``otherwise()`` when that takes longer."""
    ends_s = time.monotonic() + longest_s
    while not done():
        if time.monotonic() > ends_s:
            raise DrillError(otherwise())
        time.sleep(_LOOK_S)  # between two questions
