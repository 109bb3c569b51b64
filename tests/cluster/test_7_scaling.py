"""More load, more replicas; less load, fewer again."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from .installation import PLATFORM, Installation
from .kubectl import Kubectl, until
from .loading import under_load

BURST_RATE_PER_S = 25_000 / 60
MORE_WITHIN_S = 120
FEWER_WITHIN_S = 240
pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("way_for_load")]


def test_load_brings_replicas_and_its_end_takes_them_away(
    ready: tuple[Installation, float], kubectl: Kubectl, tmp_path: Path, figures: dict[str, Any]
) -> None:
    _soon(kubectl)
    until(lambda: _ready(kubectl) == 3, FEWER_WITHIN_S, lambda: f"{_ready(kubectl)} replicas before the load")
    with under_load(kubectl, ready[0], tmp_path, "scaling", BURST_RATE_PER_S) as load:
        took_s = until(
            lambda: _ready(kubectl) > 3, MORE_WITHIN_S,
            lambda: kubectl.run("describe", "hpa", "automation", "-n", PLATFORM).stdout[-2_000:],
        )  # fmt: skip
    ended_s = time.monotonic()
    assert load.account is not None
    until(lambda: _ready(kubectl) == 3, FEWER_WITHIN_S, lambda: f"{_ready(kubectl)} replicas are left")
    figures["more replicas after, s"] = round(took_s, 1)
    figures["three again after, s (with a window of 15 s)"] = round(time.monotonic() - ended_s, 1)
    figures["scaling: events, failed, lost"] = load.account.sent, load.failed(), load.lost()
    assert took_s < MORE_WITHIN_S
    assert (load.failed(), load.lost()) == (0, 0)


def _soon(kubectl: Kubectl) -> None:
    """Replicas go after 15 s instead of five minutes, so that a test can wait for it."""
    patch = {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}}}}
    kubectl("patch", "hpa", "automation", "-n", PLATFORM, "--type=merge", "-p", json.dumps(patch))


def _ready(kubectl: Kubectl) -> int:
    status = kubectl.json("get", "deployment", "automation", "-n", PLATFORM)["status"]
    return int(status.get("readyReplicas", 0))
