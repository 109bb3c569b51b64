"""Applied from nothing, applied again."""

from typing import Any

from .installation import PLATFORM, Installation
from .kubectl import Kubectl

READY_WITHIN_S = 120
_KINDS = "deployments,statefulsets,services,configmaps,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers"


def test_all_is_ready_in_time(ready: tuple[Installation, float], figures: dict[str, Any]) -> None:
    figures["ready after apply, s"] = round(ready[1], 1)
    assert ready[1] < READY_WITHIN_S


def test_applying_again_changes_nothing(ready: tuple[Installation, float], kubectl: Kubectl) -> None:
    before = _as_declared(kubectl), _started(kubectl)
    ready[0].apply()
    assert ready[0].await_ready(60) < 60
    assert (_as_declared(kubectl), _started(kubectl)) == before
    done = kubectl.run("diff", "--server-side", "-k", str(ready[0].folder))  # every kind, also beyond the namespaces
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def _as_declared(kubectl: Kubectl) -> dict[str, Any]:
    """Everything about the objects that is not status. Generations count changes of the specification."""
    found = kubectl.items(_KINDS, "-n", PLATFORM)
    return {
        f"{item['kind']}/{item['metadata']['name']}": (
            item["metadata"]["uid"], item["metadata"].get("generation"), item.get("spec"), item.get("data"),
            item["metadata"].get("labels"),
        )
        for item in found
    }  # fmt: skip


def _started(kubectl: Kubectl) -> dict[str, Any]:
    """Each pod and when its containers were started."""
    return {
        item["metadata"]["name"]: [part["state"].get("running") for part in item["status"]["containerStatuses"]]
        for item in kubectl.items("pods", "-n", PLATFORM)
    }
