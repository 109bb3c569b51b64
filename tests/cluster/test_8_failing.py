"""What fails under load: a replica, the database's pod, a node that is drained, a node that dies."""

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from .asking import asking
from .installation import PLATFORM, SINGLES, Installation, is_ready
from .kubectl import Kubectl, until
from .loading import under_load

WHOLE_WITHIN_S = 180
INTERRUPTED_AT_MOST_S = 1.0
DRAINED = ("automation", "vpn-core")
DATABASE = "postgres-0"
pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("way_for_load")]


def test_a_killed_replica_interrupts_for_less_than_a_second(
    ready: tuple[Installation, float], kubectl: Kubectl, url: str, certificate: tuple[Path, Path], tmp_path: Path,
    figures: dict[str, Any],
) -> None:  # fmt: skip
    victim = ready[0].pods("automation")[0]
    with under_load(kubectl, ready[0], tmp_path, "kill") as load, asking(url, certificate[0]) as asked:
        until(lambda: asked.answers["200"] >= 100, 60, lambda: f"before the kill: {asked.answers}")
        before = asked.answers.copy()
        killed_ns = time.time_ns()
        kubectl("delete", "pod", victim, "-n", PLATFORM, "--grace-period=0", "--force", "--wait=false")
        back_s = until(
            lambda: victim not in ready[0].pods("automation") and not ready[0].unready(), WHOLE_WITHIN_S,
            lambda: "; ".join(ready[0].unready()) or f"{victim} is still there",
        )  # fmt: skip
        until(lambda: asked.answers["200"] >= before["200"] + 200, 60, lambda: f"after the kill: {asked.answers}")
    assert load.account is not None
    figures["replica killed: interruption s, through the service and the ingress"] = (
        round(load.silence_s(killed_ns), 2), round(asked.longest_s, 2),
    )  # fmt: skip
    figures["replica killed: back after s"] = round(back_s, 1)
    figures["replica killed: longest wait of an event s"] = round(load.longest_wait_s(), 2)
    figures["replica killed: events, refused at first, lost"] = load.account.sent, load.failed(), load.lost()
    figures["replica killed: questions through the ingress"] = dict(asked.answers)
    assert set(before) == {"200"}, f"before the kill: {before}"
    assert load.silence_s(killed_ns) < INTERRUPTED_AT_MOST_S
    assert load.longest_wait_s() < INTERRUPTED_AT_MOST_S  # of any event: no connection hangs while others are served
    assert asked.longest_s < INTERRUPTED_AT_MOST_S
    assert (load.lost(), load.account.handled_twice) == (0, 0)


def test_the_database_comes_back_with_all_that_was_acknowledged(
    ready: tuple[Installation, float], kubectl: Kubectl, tmp_path: Path, figures: dict[str, Any]
) -> None:
    """Its processes are killed at once, so that nothing is shut down, and the pod is removed, so that nothing is left
    but the volume: another pod recovers from what that has."""
    before = _uid(kubectl)
    with under_load(kubectl, ready[0], tmp_path, "database") as load:
        killed_ns = time.time_ns()
        assert _kill_processes(before) > 1
        # Not by force: two pods of a StatefulSet could then have the same volume for a moment.
        kubectl("delete", "pod", DATABASE, "-n", PLATFORM, "--grace-period=1", "--wait=false")
        until(lambda: _uid(kubectl) not in ("", before), 60, lambda: f"{DATABASE} is not made anew")
        until(lambda: "was not properly shut down" in _log(kubectl), 60, lambda: _log(kubectl)[-2_000:])
        ready[0].await_ready(WHOLE_WITHIN_S)
    assert load.account is not None
    figures["database killed: longest silence s"] = round(load.silence_s(killed_ns), 2)
    figures["database killed: longest wait of an event s"] = round(load.longest_wait_s(), 2)
    figures["database killed: events, refused at first, lost"] = load.account.sent, load.failed(), load.lost()
    assert load.lost() == 0
    assert load.account.handled_twice == 0


def _uid(kubectl: Kubectl) -> str:
    """The database's pod; empty while there is none."""
    return kubectl("get", "pod", DATABASE, "-n", PLATFORM, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")


def _kill_processes(uid: str) -> int:
    """SIGKILL to every process of a pod, not to its pause container; how many there were. Nodes are on this machine."""
    names = (f"pod{uid}", f"pod{uid.replace('-', '_')}")  # by the kubelet's and by systemd's spelling
    killed = 0
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it ended meanwhile
            groups = Path(f"/proc/{process.pid}/cgroup").read_text()
            if process.info["name"] != "pause" and any(name in groups for name in names):
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
    return killed


def _log(kubectl: Kubectl) -> str:
    """Of PostgreSQL's present container; nothing while there is none."""
    return kubectl.run("logs", DATABASE, "-n", PLATFORM, "-c", "postgres").stdout


@pytest.fixture
def nodes(kubectl: Kubectl) -> list[str]:
    """Those that take the platform's pods: a node with a taint is somebody's own."""
    found = [node["metadata"]["name"] for node in kubectl.items("nodes") if not node["spec"].get("taints")]
    if len(found) < 3:
        pytest.skip(f"needs three nodes, the cluster has {len(found)} for the platform")
    return found


def test_replicas_are_spread(ready: tuple[Installation, float], kubectl: Kubectl, nodes: list[str]) -> None:
    """As they are placed together: which of them an autoscaler takes away again, and where, is up to it."""
    _placed_anew(ready[0], kubectl)
    for component in ("automation", "vpn-core"):
        places = Counter(_places(kubectl, component).values())
        assert set(places) == set(nodes), f"{component}: {places}"
    assert ready[0].unready() == []


def test_a_drained_node_fails_no_request(
    ready: tuple[Installation, float], kubectl: Kubectl, nodes: list[str], tmp_path: Path, figures: dict[str, Any]
) -> None:
    victim = _without_singles(kubectl, nodes)
    with under_load(kubectl, ready[0], tmp_path, "drain") as load:
        try:
            figures["drain of a node, s"] = round(_drained_within_budgets(kubectl, victim), 1)
            ready[0].await_ready(WHOLE_WITHIN_S)
            assert victim not in _places(kubectl, "automation").values()
        finally:
            kubectl("uncordon", victim)
    assert load.account is not None
    figures["drain: events, failed, lost"] = load.account.sent, load.failed(), load.lost()
    assert (load.failed(), load.lost()) == (0, 0)


def _drained_within_budgets(kubectl: Kubectl, node: str) -> float:
    """The seconds that it took. Fails when fewer replicas were healthy than the budgets ask for, at any look."""
    drain = (
        "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=150s",
        f"--pod-selector=app.kubernetes.io/name in ({','.join(DRAINED)})",
    )  # fmt: skip
    budgets: list[dict[str, tuple[int, int]]] = []

    def looked(done: "Future[str]") -> bool:
        found = kubectl.items("poddisruptionbudgets", "-n", PLATFORM)
        budgets.append({
            item["metadata"]["name"]: (item["status"]["currentHealthy"], item["status"]["desiredHealthy"])
            for item in found if item["metadata"]["name"] in DRAINED
        })  # fmt: skip
        return done.done()

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(lambda: kubectl(*drain, timeout_s=160))
        took_s = until(lambda: looked(done), 170, lambda: f"{node} is not drained")
        done.result()
    assert set(budgets[0]) == set(DRAINED)
    broken = [(name, counts) for each in budgets for name, counts in each.items() if counts[0] < counts[1]]
    assert broken == []
    return took_s


def test_a_node_that_dies_takes_nothing_acknowledged_with_it(
    ready: tuple[Installation, float], kubectl: Kubectl, nodes: list[str], tmp_path: Path, figures: dict[str, Any]
) -> None:
    """PHANTOMMESH_NODE_CRASH and PHANTOMMESH_NODE_BOOT: commands that are given a node's name."""
    crash, boot = os.environ.get("PHANTOMMESH_NODE_CRASH", ""), os.environ.get("PHANTOMMESH_NODE_BOOT", "")
    if not crash or not boot:
        pytest.skip("PHANTOMMESH_NODE_CRASH and PHANTOMMESH_NODE_BOOT must say how a node is killed and started again")
    victim = _without_singles(kubectl, nodes)
    _spread_again(ready[0], kubectl, victim)
    with under_load(kubectl, ready[0], tmp_path, "crash") as load:
        killed_ns = time.time_ns()
        _command(crash, victim)
        try:
            until(lambda: not _is_ready(kubectl, victim), 90, lambda: "nobody notices that the node is gone")
            # The others take over; a Prometheus whose volume is on that node waits for it.
            whole_s = until(
                lambda: _whole_without(kubectl, victim), WHOLE_WITHIN_S, lambda: str(_places(kubectl, "automation"))
            )
        finally:
            _command(boot, victim)
        until(lambda: _is_ready(kubectl, victim), 120, lambda: f"{victim} is not ready again")
        ready[0].await_ready(WHOLE_WITHIN_S)
    assert load.account is not None
    figures["node killed: longest silence s"] = round(load.silence_s(killed_ns), 2)
    figures["node killed: all replicas elsewhere after it was noticed, s"] = round(whole_s, 1)
    figures["node killed: longest wait of an event s"] = round(load.longest_wait_s(), 2)
    figures["node killed: events, failed at first, lost"] = load.account.sent, load.failed(), load.lost()
    assert load.lost() == 0
    _spread_again(ready[0], kubectl, victim)


def _spread_again(installation: Installation, kubectl: Kubectl, node: str) -> None:
    """New replicas, of which this node has its share. Fails when it has none."""
    _placed_anew(installation, kubectl)
    for component in ("automation", "vpn-core"):
        places = _places(kubectl, component, ready=True)
        assert node in places.values(), f"{component} is not on {node}: {places}"


def _placed_anew(installation: Installation, kubectl: Kubectl) -> None:
    kubectl("rollout", "restart", "deployment/automation", "deployment/vpn-core", "-n", PLATFORM)
    installation.await_ready(WHOLE_WITHIN_S)
    for component in ("automation", "vpn-core"):
        kubectl("rollout", "status", f"deployment/{component}", "-n", PLATFORM, "--timeout=150s", timeout_s=160)


def _whole_without(kubectl: Kubectl, victim: str) -> bool:
    """Whether as many replicas as declared are ready on other nodes."""
    return all(
        sum(place != victim for place in _places(kubectl, component, ready=True).values()) >= 3
        for component in ("automation", "vpn-core")
    )


def _places(kubectl: Kubectl, component: str, ready: bool = False) -> dict[str, str]:
    """The node of each pod that is not about to go, or of those of them that are ready."""
    found = kubectl.items("pods", "-n", PLATFORM, "-l", f"app.kubernetes.io/name={component}")
    return {
        pod["metadata"]["name"]: pod["spec"].get("nodeName", "")
        for pod in found
        if "deletionTimestamp" not in pod["metadata"] and (not ready or is_ready(pod))
    }


def _without_singles(kubectl: Kubectl, nodes: list[str]) -> str:
    """A node with neither the control plane nor what there is only one of: with it all would be away."""
    taken = {nodes[0]: "the control plane"}
    taken |= {place: name for component in SINGLES for name, place in _places(kubectl, component).items()}
    for namespace, label in (("kube-system", "k8s-app=kube-dns"), ("traefik", "app.kubernetes.io/name=traefik")):
        pods = kubectl.items("pods", "-n", namespace, "-l", label)
        taken |= {pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in pods} if len(pods) == 1 else {}
    free = sorted(set(nodes) - set(taken))
    assert free, f"every node holds something that there is only one of: {taken}"
    return free[-1]


def _is_ready(kubectl: Kubectl, node: str) -> bool:
    conditions = kubectl.json("get", "node", node)["status"]["conditions"]
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _command(command: str, node: str) -> None:
    subprocess.run([*command.split(), node], check=True, capture_output=True, timeout=120)
