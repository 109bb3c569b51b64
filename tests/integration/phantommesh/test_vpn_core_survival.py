"""vpn-core when something dies."""

import os
import signal
import uuid
from collections.abc import Callable

import psutil
import pytest

from .conftest import Platform, until
from .repeating import Repeating, ready

BACK_S, BACK_MARGIN_S = 2.0, 4.0


@pytest.fixture(scope="module")
def mesh(start: Callable[..., Platform]) -> Platform:
    return start("--replicas", "1")


def asking_for_quarantines(mesh: Platform) -> Repeating:
    """One quarantine after another."""

    def put() -> tuple[str, int]:
        key = str(uuid.uuid4())
        return key, mesh.vpn(f"/v1/quarantines/{key}", "PUT", {"address": "203.0.113.1", "reason": "traffic"}).status

    return Repeating(put, 200)


def _lost(mesh: Platform, asking: Repeating) -> set[str]:
    return asking.acknowledged - {str(row[0]) for row in mesh.query("SELECT key FROM vpn.trail")}


def test_a_killed_replica_is_back(mesh: Platform) -> None:
    victim = mesh.component("vpn-core-1")
    with asking_for_quarantines(mesh) as asking:
        until(lambda: len(asking.acknowledged) > 20)
        os.kill(victim["pid"], signal.SIGKILL)
        until(lambda: not psutil.pid_exists(victim["pid"]))
        took_s = until(lambda: ready(victim["admin_url"]))
        until(lambda: len(asking.acknowledged) > 60)
    print(f"a killed vpn-core was ready again after {took_s:.2f} s (aim: {BACK_S} s); answers {asking.statuses}")
    assert took_s < BACK_MARGIN_S
    assert set(asking.statuses) <= {200, 0}
    assert not _lost(mesh, asking)


def test_a_terminated_replica_drains_and_exits_0(mesh: Platform) -> None:
    until(lambda: mesh.status()["state"] == "ready")
    victim = mesh.component("vpn-core-2")
    with asking_for_quarantines(mesh) as asking:
        until(lambda: len(asking.acknowledged) > 20)
        os.kill(victim["pid"], signal.SIGTERM)
        until(lambda: not psutil.pid_exists(victim["pid"]))
        until(lambda: ready(victim["admin_url"]))
    log = (mesh.state / "log" / "supervisord.log").read_text()
    assert "exited: vpn-core-2 (exit status 0; expected)" in log
    assert set(asking.statuses) <= {200, 0}
    assert asking.statuses[0] <= 1, "more than the one connection that the kernel had queued at that moment"


def test_the_database_comes_back_and_meanwhile_answers_are_503(mesh: Platform) -> None:
    until(lambda: mesh.status()["state"] == "ready")
    pids = {item["replica"]: item["pid"] for item in mesh.status()["components"]}
    with asking_for_quarantines(mesh) as asking:
        until(lambda: len(asking.acknowledged) > 20)
        os.kill(pids["postgres-0"], signal.SIGKILL)
        until(lambda: asking.statuses[503] > 0)
        before = len(asking.acknowledged)
        until(lambda: len(asking.acknowledged) > before + 20)
    assert set(asking.statuses) <= {200, 503}, asking.statuses
    assert not _lost(mesh, asking)
    until(lambda: mesh.status()["state"] == "ready")
    assert {name: pid for name, pid in pids.items() if name.startswith("vpn")}.items() <= {
        item["replica"]: item["pid"] for item in mesh.status()["components"]
    }.items()
