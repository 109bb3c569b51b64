"""Dependency down: a component is scaled to nothing, its pods are deleted, and later it is scaled back."""

from readiness.clients.kubernetes import faults
from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.drills.cluster.pods import PodVictim, await_that, cluster_of, in_words, is_there, running
from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status
from readiness.model.drill import DependencyDown

_GONE_S = 20.0
_BACK_S = 180.0


class ScaledDownFault:
    """No replica is there while it lasts, however many would be started. An autoscaler leaves alone what has none; one
    that does not is overruled again."""

    def __init__(self, step: DependencyDown, around: Surroundings) -> None:
        self._step, self._around, self._cluster = step, around, cluster_of(around)
        self._workload = ("", "")
        self._uid, self._replicas = "", 0
        self.victims: list[PodVictim] = []

    def describe(self) -> str:
        return f"take down {self._step.component} (scaled to nothing for {self._step.lasts:g} s)"

    def arm(self, status: Status) -> None:
        if not running(status, self._step.component):
            raise DrillError(f"{self.describe()}: nothing of it runs")
        with in_words(self.describe()):
            found = faults.workload_of(self._cluster, self._step.component)
            if found is None:
                raise DrillError(f"{self.describe()}: not exactly one deployment or stateful set makes pods with "
                                 f"the label app.kubernetes.io/name: {self._step.component}")  # fmt: skip
            item = faults.workload(self._cluster, *found)
        if item is None or not item["spec"].get("replicas"):
            raise DrillError(f"{self.describe()}: {' '.join(found)} is declared with no replica")
        self._workload, self._uid, self._replicas = found, item["metadata"]["uid"], int(item["spec"]["replicas"])

    def aim(self) -> None:
        with in_words(self.describe()):
            status = self._around.status()
        self.arm(status)
        self.victims = running(status, self._step.component)

    def leftover(self) -> Leftover | None:
        kind, name = self._workload
        return {"kind": "replicas", "workload": kind, "name": name, "uid": self._uid, "replicas": self._replicas}

    def inject(self) -> None:
        self._down(self.victims)
        with in_words(self.describe()):
            await_that(
                self._all_gone,
                _GONE_S,
                lambda: f"{self.describe()}: pods of it are still there after {_GONE_S:g} s",
            )

    def _all_gone(self) -> bool:
        status = self._around.status()
        return not any(is_there(status, one) for one in self.victims)

    def hold(self) -> None:
        with in_words(self.describe()):
            fresh = [one for one in running(self._around.status(), self._step.component) if one not in self.victims]
        if fresh:
            self._down(fresh)
            self.victims += fresh

    def _down(self, victims: list[PodVictim]) -> None:
        with in_words(self.describe()):
            # First of all: scaling deletes them with their own grace, and a node that has begun to wait for a pod does
            # not end it sooner.
            for victim in victims:
                faults.delete_pod(self._cluster, victim.pod, victim.uid, 1 if victim.fixed else 0)
            faults.set_replicas(self._cluster, *self._workload, 0)

    def restore(self) -> None:
        kind, name = self._workload
        with in_words(self.describe()):
            if faults.workload(self._cluster, kind, name) is not None:
                faults.set_replicas(self._cluster, kind, name, self._replicas)


def bring_back(cluster: Kubectl, left: Leftover) -> None:
    """As many replicas as before, ready, of what still has none; what was scaled or made anew meanwhile stays as it is.
    Raises DrillError if they do not become ready."""
    kind, name = left["workload"], left["name"]
    with in_words(f"bringing back {kind} {name}"):
        item = faults.workload(cluster, kind, name)
        if item is None or item["metadata"]["uid"] != left["uid"]:
            return
        if not item["spec"].get("replicas"):
            faults.set_replicas(cluster, kind, name, left["replicas"])
        await_that(
            lambda: _is_ready(cluster, kind, name),
            _BACK_S,
            lambda: f"{kind} {name} is scaled back and has not all replicas ready after {_BACK_S:g} s; see its pods",
        )


def _is_ready(cluster: Kubectl, kind: str, name: str) -> bool:
    item = faults.workload(cluster, kind, name)
    if item is None:
        return True
    return int(item.get("status", {}).get("readyReplicas", 0)) >= int(item["spec"].get("replicas", 0))
