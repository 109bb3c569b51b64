"""Series of Prometheus as rows of the data set: which replica a pod was at that time, labels as they were served."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from readiness.clients.prometheus import Series
from readiness.model.dataset import COUNTERS, JUDGED_METRICS
from readiness.model.holding import Tenure

_MS = 1_000_000
_OF_TARGET = frozenset({"job", "instance", "component", "replica", "node"})
"""Labels that Prometheus adds; one that was served by such a name it calls exported_<name>."""
_EXPORTED = "exported_"
_ANOTHER_S = "python_"
"""Of the interpreter and not of the platform."""


def selector(job: str) -> str:
    """Every series of the job that anything looks at (model.dataset)."""
    names = "|".join([*map(re.escape, JUDGED_METRICS), f".+{COUNTERS}"])
    return f'{{job="{job}",__name__=~"{names}",__name__!~"{_ANOTHER_S}.*"}}'


class Rows:
    """Turns pages into rows. ``tenures``: pod -> when it was which replica; ``components``: those that are observed."""

    def __init__(self, tenures: Mapping[str, tuple[Tenure, ...]], components: Collection[str]) -> None:
        self._tenures, self._components = tenures, components
        self._times_ms: dict[str, set[int]] = {}
        self._unplaced: dict[str, dict[str, Any]] = {}

    def of(self, page: tuple[Series, ...]) -> list[tuple[Any, ...]]:
        """Rows in the order of model.dataset.METRICS and of time."""
        found: list[tuple[Any, ...]] = []
        for series in page:
            pod, component = series.labels.get("replica", ""), series.labels.get("component", "")
            if component not in self._components:
                continue
            times = self._tenures.get(pod)
            if not times:
                self._note(pod, component, series)
                continue
            metric, labels = series.labels.get("__name__", ""), _served(series.labels)
            for at_ms, value in zip(series.times_ms, series.values, strict=True):
                tenure = next((one for one in times if one.holds(at_ms * _MS)), None)
                if tenure is None:
                    continue  # its successor has the place already, or it has none yet
                found.append((at_ms * _MS, tenure.component, tenure.replica, metric, labels, value))
                self._times_ms.setdefault(tenure.replica, set()).add(at_ms)
        return sorted(found, key=lambda row: row[0])

    def times_ns(self) -> dict[str, list[int]]:
        """Replica -> the times of its samples, ascending."""
        return {replica: [at_ms * _MS for at_ms in sorted(times)] for replica, times in self._times_ms.items()}

    def unplaced(self) -> list[dict[str, Any]]:
        """Pods that were scraped and of which nobody knows which replica they were; with their first and last time."""
        return [self._unplaced[pod] for pod in sorted(self._unplaced)]

    def _note(self, pod: str, component: str, series: Series) -> None:
        if not series.times_ms:
            return
        first_ns, last_ns = series.times_ms[0] * _MS, series.times_ms[-1] * _MS
        known = self._unplaced.setdefault(
            pod, {"pod": pod, "component": component, "first_ns": first_ns, "last_ns": last_ns}
        )
        known["first_ns"], known["last_ns"] = min(known["first_ns"], first_ns), max(known["last_ns"], last_ns)


def _served(labels: Mapping[str, str]) -> str:
    """As the replica served them, in the form of the data set."""
    kept = {}
    for name, value in labels.items():
        own = name.removeprefix(_EXPORTED)
        if name != "__name__" and name not in _OF_TARGET:
            kept[own if own in _OF_TARGET else name] = value
    return ",".join(f'{name}="{value}"' for name, value in sorted(kept.items()))
