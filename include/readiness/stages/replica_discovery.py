"""Which replicas there are to observe: those that were deployed, and those that come and go while the load runs."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any, Protocol

from readiness.clients.target_process import TargetError
from readiness.stages.pod_history import PodHistory
from readiness.stages.run import Run


@dataclass(frozen=True)
class Replica:
    """One thing to observe. ``admin_url`` None: only its process can be watched, or without a ``pid`` the target's word
    be taken for it. ``metrics``: whether it serves them where it has an address; a pod gets one only once it is there.
    ``joined_ns``: when it was found, for one that appeared during the load."""

    component: str
    name: str
    admin_url: str | None
    pid: int | None
    metrics: bool
    joined_ns: int | None = None


class Observing(Protocol):
    """What is told of the changes."""

    replicas: list[Replica]
    left_ns: dict[str, int]
    said: dict[str, tuple[bool, float]]

    def join(self, replica: Replica) -> None: ...
    def leave(self, name: str, at_ns: int) -> None: ...


def replicas_of(run: Run, status: dict[str, Any] | None = None, joined_ns: int | None = None) -> tuple[Replica, ...]:
    """Every replica that the status names (None: that of the deployed target), and whether the environment expects
    metrics of it."""
    components = run.plan.environment.components
    found = []
    for part in (run.status() if status is None else status)["components"]:
        declared = components.get(part["component"])
        with_metrics = part["admin_url"] is not None if declared is None else declared.metrics
        replica = Replica(part["component"], part["replica"], part["admin_url"], part["pid"], with_metrics, joined_ns)
        found.append(replica)
    return tuple(found)


class Discovery:
    """Asks the target again and again which replicas it has, where a component scales with the load or a replica that
    is replaced gets another address."""

    def __init__(self, run: Run, observing: Observing) -> None:
        self._run, self._observing = run, observing
        self._every_s = run.plan.environment.observation.discovery
        self._scaling = frozenset(run.most_replicas())
        self._moves = run.moves
        self.history = PodHistory(run.status())

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            asked_s = time.monotonic()
            try:
                status = await asyncio.to_thread(self._run.target.status)
            except (TargetError, ValueError):
                status = None  # it is asked again; a target that never answers is seen in the samples
            if status is not None and status["state"] != "stopped":
                self.compare(status, time.time_ns())
            await asyncio.sleep(max(0.0, asked_s + self._every_s - time.monotonic()))

    def compare(self, status: dict[str, Any], now_ns: int) -> None:
        """Let replicas that are new join, and those of them that are named no longer leave. One that was there from the
        start stays: without it the target is not whole."""
        observing = self._observing
        self.history.note(status, now_ns)
        for part in status["components"]:
            observing.said[part["replica"]] = (bool(part["ready"]), time.monotonic())
        there = {item.name for item in observing.replicas if item.name not in observing.left_ns}
        named = replicas_of(self._run, status, now_ns)
        for replica in named:
            if replica.name not in there and replica.component in self._scaling:
                observing.join(replica)
        gone = there - {item.name for item in named}
        if self._moves:
            self._follow({item.name: item.admin_url for item in named})
        for replica in [item for item in observing.replicas if item.name in gone]:
            if replica.joined_ns is not None:
                observing.leave(replica.name, now_ns)

    def _follow(self, urls: dict[str, str | None]) -> None:
        """Ask each replica where it is now. One without a pod is asked nowhere: its address may be another's by now."""
        observing = self._observing
        for known in [item for item in observing.replicas if item.name not in observing.left_ns]:
            url = urls.get(known.name)
            if known.name not in urls:
                observing.said[known.name] = (False, time.monotonic())
            if url != known.admin_url:
                observing.join(replace(known, admin_url=url))
