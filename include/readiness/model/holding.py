"""Which pod was which replica, of which image, and from when on."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Holding:
    """From ``since_ns`` (epoch; 0: before anybody looked) on the pod is this replica, until another is, or until it is
    another replica itself. ``image_id``: of its container, as the node says it; empty: nobody saw the container start,
    or the archive is one of before."""

    component: str
    replica: str
    pod: str
    since_ns: int
    image_id: str = ""


@dataclass(frozen=True)
class Tenure:
    """The time in which a pod was a replica: ``start_ns`` to ``end_ns`` (epoch, exclusive; None: without end)."""

    component: str
    replica: str
    start_ns: int
    end_ns: int | None

    def holds(self, at_ns: int) -> bool:
        return at_ns >= self.start_ns and (self.end_ns is None or at_ns < self.end_ns)


def tenures(holdings: Iterable[Holding]) -> dict[str, tuple[Tenure, ...]]:
    """Pod -> its times, in order. Of one place and time there is one pod: one that is being ended still answers while
    its successor has the place."""
    ordered = sorted(holdings, key=lambda item: item.since_ns)
    found: defaultdict[str, list[Tenure]] = defaultdict(list)
    for number, item in enumerate(ordered):
        later = (
            other.since_ns for other in ordered[number + 1 :] if other.pod == item.pod or other.replica == item.replica
        )
        found[item.pod].append(Tenure(item.component, item.replica, item.since_ns, next(later, None)))
    return {pod: tuple(times) for pod, times in found.items()}
