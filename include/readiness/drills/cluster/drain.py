"""Drain: a node takes no more pods and the platform's pods on it are evicted, as their disruption budgets allow."""

from readiness.clients.kubernetes import faults
from readiness.clients.kubernetes.kubectl import Kubectl, KubectlError
from readiness.drills.cluster.pods import PodVictim, cluster_of, in_words, running
from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status
from readiness.model.drill import Drain

_RIGHTS = "the account needs those of k8s/components/node-drain-rights"


class DrainFault:
    """Cordon and evictions; what a budget refuses is asked for again while it lasts. Afterwards the node is used
    again."""

    def __init__(self, step: Drain, around: Surroundings) -> None:
        self._step, self._around, self._cluster = step, around, cluster_of(around)
        self._node = ""
        self.victims: list[PodVictim] = []

    def describe(self) -> str:
        where = self._node or f"a node with {self._step.component}"
        return f"drain {where} for {self._step.lasts:g} s"

    def arm(self, status: Status) -> None:
        self._choose(status)

    def aim(self) -> None:
        with in_words(self.describe()):
            status = self._around.status()
        self._choose(status)
        self.victims = self._on_it(status)

    def _choose(self, status: Status) -> None:
        """The first node with a replica; it must be in use, and another one, too, or nobody would take its pods."""
        found = running(status, self._step.component)
        if not found:
            raise DrillError(f"{self.describe()}: nothing of {self._step.component} runs")
        try:
            usable = self._usable(status)
        except KubectlError as error:
            why = f"; {_RIGHTS}" if error.kind == "forbidden" else ""
            raise DrillError(f"{self.describe()}: {error}{why}") from error
        self._node = next((one.node for one in found if one.node in usable), "")
        if not self._node:
            raise DrillError(f"{self.describe()}: {found[0].node} takes no pods already; it would not be used again")
        if len(usable) < 2:
            raise DrillError(f"{self.describe()}: it is the only node that takes pods; nothing could move")

    def _usable(self, status: Status) -> set[str]:
        """The nodes that take the platform's pods. One with a taint is somebody else's, unless some are there."""
        hosts = {part["node"] for part in status["components"]}
        return {
            name
            for item in faults.nodes(self._cluster)
            if faults.takes_pods(item) and ((name := item["metadata"]["name"]) in hosts or not faults.hard_taints(item))
        }

    def _on_it(self, status: Status) -> list[PodVictim]:
        components = dict.fromkeys(part["component"] for part in status["components"])
        return [one for name in components for one in running(status, name) if one.node == self._node]

    def leftover(self) -> Leftover | None:
        return {"kind": "cordon", "node": self._node}

    def inject(self) -> None:
        with in_words(self.describe()):
            faults.cordon(self._cluster, self._node, self.describe())
        self._evict(self.victims)

    def hold(self) -> None:
        with in_words(self.describe()):
            there = self._on_it(self._around.status())
        self.victims += [one for one in there if one not in self.victims]
        self._evict(there)

    def _evict(self, pods: list[PodVictim]) -> None:
        for one in pods:
            with in_words(self.describe()):
                faults.evict(self._cluster, one.pod, one.uid)

    def restore(self) -> None:
        use_again(self._cluster, {"node": self._node})


def use_again(cluster: Kubectl, left: Leftover) -> None:
    """The node takes pods again, unless somebody else has seen to that. Raises DrillError."""
    with in_words(f"using the node {left['node']} again"):
        faults.uncordon(cluster, left["node"])
