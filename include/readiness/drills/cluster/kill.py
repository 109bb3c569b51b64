"""Kill: pods are deleted, and with ``for`` their replacements, too."""

from readiness.clients.kubernetes import faults
from readiness.drills.cluster.pods import PodVictim, await_that, cluster_of, in_words, is_there, running
from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status
from readiness.model.drill import Kill

_GONE_S = 20.0
_AT_ONCE_S = 0
_BEFORE_ITS_SUCCESSOR_S = 1
"""A pod of a StatefulSet is never forced out: two of them could have one volume. With one second it ends by SIGKILL,
and its successor waits until the node has confirmed that."""


class PodKillFault:
    """KILL deletes a pod without grace: it is out of every Service at once, and its node ends it by SIGKILL within two
    seconds. TERM deletes it with its own grace, as a rollout does. What owns the pod starts the next at once."""

    def __init__(self, step: Kill, around: Surroundings) -> None:
        self._step, self._around, self._cluster = step, around, cluster_of(around)
        self.victims: list[PodVictim] = []

    def describe(self) -> str:
        who = ", ".join(dict.fromkeys(victim.replica for victim in self.victims)) or self._step.component
        lasts = f", also what replaces it, for {self._step.lasts:g} s" if self._step.lasts else ""
        return f"kill {who} ({self._step.signal}{lasts})"

    def arm(self, status: Status) -> None:
        self._chosen(status)

    def aim(self) -> None:
        with in_words(self.describe()):
            self.victims = self._chosen(self._around.status())

    def _chosen(self, status: Status) -> list[PodVictim]:
        taken = self._around.taken()
        found = [victim for victim in running(status, self._step.component) if victim.replica not in taken]
        if len(found) < self._step.replicas:
            raise DrillError(f"{self.describe()}: {self._step.replicas} replicas are to end and {len(found)} run")
        return found[: self._step.replicas]

    def leftover(self) -> Leftover | None:
        return None

    def inject(self) -> None:
        for victim in self.victims:
            self._delete(victim)
        if self._step.signal == "KILL":
            for victim in self.victims:
                self._await_gone(victim)

    def hold(self) -> None:
        if self._step.lasts is None:
            return
        names = {victim.replica for victim in self.victims}
        with in_words(self.describe()):
            found = running(self._around.status(), self._step.component)
        for victim in found:
            if victim.replica in names and victim not in self.victims:
                self._delete(victim)
                self.victims.append(victim)

    def restore(self) -> None:
        """Nothing to take back: from now on replacements live."""

    def _delete(self, victim: PodVictim) -> None:
        kill_s = _BEFORE_ITS_SUCCESSOR_S if victim.fixed else _AT_ONCE_S
        with in_words(self.describe()):
            faults.delete_pod(self._cluster, victim.pod, victim.uid, kill_s if self._step.signal == "KILL" else None)

    def _await_gone(self, victim: PodVictim) -> None:
        with in_words(self.describe()):
            await_that(
                lambda: not is_there(self._around.status(), victim),
                _GONE_S,
                lambda: (
                    f"{victim.replica}: the pod {victim.pod} is still there {_GONE_S:g} s after it was deleted; is "
                    f"its node {victim.node} up?"
                ),
            )
