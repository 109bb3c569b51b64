"""Partition: the network policies that let one component reach another do so no longer, until they do again."""

from typing import Any

from readiness.clients.kubernetes import faults
from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.clients.kubernetes.pods import NAME_LABEL
from readiness.clients.kubernetes.policies import Narrowed, WideError, narrowed
from readiness.drills.cluster.pods import PodVictim, cluster_of, in_words, running
from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status
from readiness.model.drill import Partition


class PolicyFault:
    """Each policy that allows the connection gets a narrower spec and later its own again. Network plugins look at the
    policies when a connection is opened; whether one that is open already goes on is up to the plugin."""

    def __init__(self, step: Partition, around: Surroundings) -> None:
        self._step, self._around, self._cluster = step, around, cluster_of(around)
        self._cuts: list[Narrowed] = []
        self.victims: list[PodVictim] = []  # nobody is hit: what is between two components is

    def describe(self) -> str:
        return (f"partition (no new connections) between {' and '.join(self._step.between)} for "
                f"{self._step.lasts:g} s")  # fmt: skip

    def arm(self, status: Status) -> None:
        for component in self._step.between:
            if not running(status, component):
                raise DrillError(f"{self.describe()}: nothing of {component} runs")
        self._find()

    def aim(self) -> None:
        self._find()

    def _find(self) -> None:
        source, target = self._step.between
        with in_words(self.describe()):
            policies = faults.network_policies(self._cluster)
            found = self._cluster.get("namespace", self._cluster.namespace, namespaced=False)
        labels = {"kubernetes.io/metadata.name": self._cluster.namespace} | found["metadata"].get("labels", {})
        try:
            self._cuts = narrowed(policies, {NAME_LABEL: source}, {NAME_LABEL: target}, labels)
        except WideError as error:
            raise DrillError(f"{self.describe()}: {error}") from error

    def leftover(self) -> Leftover | None:
        cuts: list[dict[str, Any]] = [
            {"name": cut.name, "uid": cut.uid, "before": cut.before, "during": cut.during} for cut in self._cuts
        ]
        return {"kind": "policies", "policies": cuts}

    def inject(self) -> None:
        for cut in self._cuts:
            with in_words(self.describe()):
                done = faults.replace_policy(self._cluster, cut.name, cut.uid, cut.before, cut.during)
            if not done:
                raise DrillError(f"{self.describe()}: the network policy {cut.name} was changed by somebody else")

    def hold(self) -> None:
        """It stays as it is."""

    def restore(self) -> None:
        join_again(self._cluster, {"policies": [
            {"name": cut.name, "uid": cut.uid, "before": cut.before, "during": cut.during} for cut in self._cuts
        ]})  # fmt: skip


def join_again(cluster: Kubectl, left: Leftover) -> None:
    """Every policy that still is as the fault left it gets its own spec back; one that a rollout has applied again, or
    that is gone, needs nothing. Raises DrillError."""
    for cut in left["policies"]:
        with in_words(f"restoring the network policy {cut['name']}"):
            faults.replace_policy(cluster, cut["name"], cut["uid"], cut["during"], cut["before"])
