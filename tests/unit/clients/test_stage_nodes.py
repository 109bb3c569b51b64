"""What the doctor says of the nodes that an environment names for its stages."""

from pathlib import Path

import pytest
from cluster_environment import cluster_environment
from fake_cluster.changes import Change, setting
from fake_cluster.cluster import FakeCluster
from readiness.clients.kubernetes.doctor.ground import Ground
from readiness.clients.kubernetes.doctor.stage_nodes import stage_nodes
from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.model.finding import Finding, FindingState
from readiness.model.kubernetes_environment import StageNodes

NODES = StageNodes(labels={"pool": "measuring"}, taints={"only": "measuring"})


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster(tmp_path)
    for name, value in fake.variables.items():
        monkeypatch.setenv(name, value)
    return fake


def node(name: str, *, labels: dict[str, str], taints: list[dict[str, str]] | None = None, off: bool = False) -> Change:
    """One more node."""
    return lambda cluster: cluster.add(
        "v1", "Node", name, namespace=None, labels=labels, spec={"taints": taints or [], "unschedulable": off},
        status={"conditions": [{"type": "Ready", "status": "True"}]},
    )  # fmt: skip


def said(folder: Path, nodes: StageNodes | None = NODES) -> list[Finding]:
    """What is said of the stages' nodes."""
    found = cluster_environment(folder)
    named = found.model_copy(update={"stages": found.stages.model_copy(update={"nodes": nodes})})
    return list(stage_nodes(Ground(named, Kubectl("dev", ("test",), "phantommesh-dev"), ())))


ONLY = {"key": "only", "value": "measuring", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("changes", "state", "says"),
    [
        ([], FindingState.PROBLEM, "no node has the labels of stages.nodes (pool=measuring); kubectl label node NODE"),
        ([node("own", labels={"pool": "other"})], FindingState.PROBLEM, "no node has the labels of stages.nodes"),
        ([node("own", labels={"pool": "measuring"}, taints=[ONLY])], FindingState.OK, "the stages' pods go to own"),
        (
            [node("own", labels={"pool": "measuring"}, taints=[ONLY | {"value": "else"}])],
            FindingState.PROBLEM,
            "no node of stages.nodes takes the stages' pods: own has the taint only=else, which is not under "
            "stages.nodes.taints",
        ),
        (
            [node("own", labels={"pool": "measuring"}, taints=[{"key": "soft", "effect": "PreferNoSchedule"}])],
            FindingState.OK,
            "go to own",
        ),
        ([node("own", labels={"pool": "measuring"}, off=True)], FindingState.PROBLEM, "own is not ready or cordoned"),
        ([setting(forbidden=["get Node"])], FindingState.UNKNOWN, "this account may not see the nodes"),
    ],
)
def test_it_says_whether_the_stages_find_a_node(
    cluster: FakeCluster, tmp_path: Path, changes: list[Change], state: FindingState, says: str
) -> None:
    for change in changes:
        change(cluster)
    (found,) = said(tmp_path)
    assert found.state is state
    assert says in found.says
    assert cluster.changes == []


def test_without_nodes_of_their_own_nobody_is_asked(cluster: FakeCluster, tmp_path: Path) -> None:
    setting(forbidden=["get Node"])(cluster)
    assert said(tmp_path, None) == []
