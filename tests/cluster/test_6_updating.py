"""A rolling update under load, again and again; and an update to an image that does not exist."""

import time
from pathlib import Path
from typing import Any

import pytest

from .asking import asking
from .installation import PLATFORM, Installation
from .kubectl import Kubectl, until
from .loading import under_load

TIMES = 5
ROLLED_OUT_WITHIN_S = 150
pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("way_for_load")]


def test_updates_fail_no_request_and_lose_no_event(
    ready: tuple[Installation, float], kubectl: Kubectl, url: str, certificate: tuple[Path, Path], tmp_path: Path,
    figures: dict[str, Any],
) -> None:  # fmt: skip
    took_s = []
    with under_load(kubectl, ready[0], tmp_path, "updates") as load, asking(url, certificate[0]) as asked:
        for _ in range(TIMES):
            began_s = time.monotonic()
            kubectl("rollout", "restart", "deployment/automation", "-n", PLATFORM)
            _rolled_out(kubectl)
            took_s.append(round(time.monotonic() - began_s, 1))
            until(lambda: _leaving(kubectl) == 0, 60, lambda: f"{_leaving(kubectl)} replicas do not end")
    assert load.account is not None
    figures["rollouts, s each"] = took_s
    figures["rollouts: events, failed, lost"] = load.account.sent, load.failed(), load.lost()
    figures["rollouts: questions through the ingress"] = dict(asked.answers), round(asked.longest_s, 2)
    assert (load.failed(), load.lost(), load.account.handled_twice) == (0, 0, 0)
    assert asked.answers["200"] > 100
    assert asked.failed() == 0, asked.answers


def test_an_image_that_is_not_there_takes_nothing_away(
    ready: tuple[Installation, float], kubectl: Kubectl, tmp_path: Path, figures: dict[str, Any]
) -> None:
    serving = set(ready[0].pods("automation"))
    with under_load(kubectl, ready[0], tmp_path, "bad-image") as load:
        kubectl("set", "image", "deployment/automation", "automation=phantommesh/automation:no-such", "-n", PLATFORM)
        try:
            until(lambda: _cannot_pull(kubectl), 90, lambda: "no pod says that its image cannot be pulled")
            assert kubectl.run(
                "rollout", "status", "deployment/automation", "-n", PLATFORM, "--timeout=15s"
            ).returncode, "it is said to be rolled out"  # fmt: skip
        finally:
            kubectl("rollout", "undo", "deployment/automation", "-n", PLATFORM)
        _rolled_out(kubectl)
    assert load.account is not None
    figures["bad image: events, failed, lost"] = load.account.sent, load.failed(), load.lost()
    assert (load.failed(), load.lost()) == (0, 0)
    assert serving <= set(ready[0].pods("automation")), "the replicas that served should still be there"


def _rolled_out(kubectl: Kubectl) -> None:
    kubectl(
        "rollout", "status", "deployment/automation", "-n", PLATFORM, f"--timeout={ROLLED_OUT_WITHIN_S}s",
        timeout_s=ROLLED_OUT_WITHIN_S + 10,
    )  # fmt: skip


def _leaving(kubectl: Kubectl) -> int:
    pods = kubectl.items("pods", "-n", PLATFORM, "-l", "app.kubernetes.io/name=automation")
    return sum("deletionTimestamp" in pod["metadata"] for pod in pods)


def _cannot_pull(kubectl: Kubectl) -> bool:
    """Whether a replica waits for an image that it cannot have."""
    pods = kubectl.items("pods", "-n", PLATFORM, "-l", "app.kubernetes.io/name=automation")
    waiting = [
        status["state"].get("waiting", {}).get("reason", "")
        for pod in pods
        for status in pod["status"].get("containerStatuses", ())
    ]
    return any("ImagePull" in reason or reason == "ErrImageNeverPull" for reason in waiting)
