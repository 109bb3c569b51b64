"""Removed, nothing is left: no namespace, no volume, no right."""

import time
from typing import Any

from .installation import PLATFORM, STAGES, Installation
from .kubectl import Kubectl, until


def test_nothing_is_left(ready: tuple[Installation, float], kubectl: Kubectl, figures: dict[str, Any]) -> None:
    began_s = time.monotonic()
    ready[0].delete()
    figures["removed after, s"] = round(time.monotonic() - began_s, 1)
    assert kubectl("get", "namespaces", PLATFORM, STAGES, "--ignore-not-found", "-o", "name") == ""
    until(lambda: not _volumes(kubectl), 60, lambda: f"left are {_volumes(kubectl)}")
    assert "phantommesh" not in kubectl("get", "clusterroles,clusterrolebindings", "-o", "name")


def _volumes(kubectl: Kubectl) -> list[str]:
    """Volumes that were claimed from one of the namespaces."""
    return [
        item["metadata"]["name"]
        for item in kubectl.items("persistentvolumes")
        if item["spec"].get("claimRef", {}).get("namespace") in (PLATFORM, STAGES)
    ]
