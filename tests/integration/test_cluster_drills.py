"""Faults in a cluster, over the real kubectl client of the engine and a fake kubectl program: who is hit and who is
not, what is taken back, and what an interrupted drill leaves to the next one."""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_cluster.cluster import FakeCluster
from readiness.clients.kubernetes.claim import ClusterClaim
from readiness.clients.kubernetes.journal_page import NAME, JournalPage
from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.clients.kubernetes.target import ClusterTarget
from readiness.drills.catalogue import fault_of, take_back
from readiness.drills.cluster import down
from readiness.drills.fault import Fault, Surroundings
from readiness.drills.journal import Journal, remove_leftovers
from readiness.drills.victims import DrillError
from readiness.model.drill import Drill
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.spec.files import read_environment

ROOT = Path(__file__).parents[2]
KILL = {"action": "kill", "component": "automation"}
DOWN = {"action": "dependency_down", "component": "valkey", "for": "5s"}
CUT = {"action": "partition", "between": ["automation", "vpn-core"], "for": "5s"}
DRAIN = {"action": "drain", "component": "automation", "for": "5s"}
Taken = frozenset[str]


class Bench:
    """The environment dev in a fake cluster, with the policies of k8s/base."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        environment = read_environment(ROOT / "scenarios" / "environments" / "dev.yaml")
        assert isinstance(environment, KubernetesEnvironment)
        self.target = ClusterTarget(environment, ROOT)
        self.kubectl: Kubectl = self.target.kubectl
        for path in sorted((ROOT / "k8s" / "base").glob("*/network-polic*.yaml")):
            if path.parent.name != "readiness-runner":
                for item in yaml.safe_load_all(path.read_text()):
                    cluster.add(item["apiVersion"], item["kind"], item["metadata"]["name"], spec=item["spec"])

    def fault(self, written: Mapping[str, Any], taken: Taken = frozenset()) -> Fault:
        (step,) = Drill.model_validate({"steps": [{"at": 0.5, **written}]}).steps
        return fault_of(step, Surroundings(self.target.status, lambda: taken, cluster=self.kubectl))

    def armed(self, written: Mapping[str, Any], taken: Taken = frozenset()) -> Fault:
        fault = self.fault(written, taken)
        fault.arm(self.target.status())
        fault.aim()
        return fault

    def journal(self) -> Journal:
        return Journal(JournalPage(self.kubectl))

    def take_back_all(self) -> list[dict[str, Any]]:
        return remove_leftovers(self.journal(), partial(take_back, cluster=self.kubectl))

    def uids(self, component: str) -> set[str]:
        return {pod["metadata"]["uid"] for pod in self.cluster.pods(component)}

    def specs(self, kind: str) -> dict[str, Any]:
        with self.cluster.changed() as state:
            found = {item["metadata"]["name"]: item["spec"] for item in state["objects"] if item["kind"] == kind}
        return deepcopy(found)

    def graces(self) -> list[Any]:
        return [json.loads(call["stdin"]).get("gracePeriodSeconds") for call in self.cluster.changes
                if call["words"][0] == "delete"]  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    cluster = FakeCluster(tmp_path)
    for name, value in cluster.variables.items():
        monkeypatch.setenv(name, value)
    return Bench(cluster)


def test_the_pod_that_was_aimed_at_is_killed_and_nobody_else(bench: Bench) -> None:
    before, others = bench.uids("automation"), bench.uids("vpn-core") | bench.uids("postgres")
    fault = bench.armed(KILL)
    assert fault.leftover() is None
    fault.inject()
    (victim,) = [item.facts() for item in fault.victims]
    assert before - bench.uids("automation") == {victim["uid"]}
    assert len(bench.uids("automation")) == 3
    assert bench.uids("vpn-core") | bench.uids("postgres") == others
    assert bench.graces() == [0]
    assert fault.describe() == f"kill {victim['replica']} (KILL)"
    assert victim["component"] == "automation"
    assert victim["pid"] is None


def test_a_pod_with_a_volume_is_never_forced_out(bench: Bench) -> None:
    fault = bench.armed(KILL | {"component": "postgres"})
    fault.inject()
    assert bench.graces() == [1]
    assert [pod["metadata"]["name"] for pod in bench.cluster.pods("postgres")] == ["postgres-0"]


def test_term_leaves_a_pod_its_own_grace(bench: Bench) -> None:
    bench.armed(KILL | {"signal": "TERM"}).inject()
    assert bench.graces() == [None]


def test_a_later_pod_of_the_same_name_is_not_hit(bench: Bench) -> None:
    fault = bench.armed(KILL | {"component": "postgres"})
    bench.armed(KILL | {"component": "postgres"}).inject()
    successor = bench.uids("postgres")
    fault.inject()
    assert bench.uids("postgres") == successor


def test_what_replaces_a_killed_pod_is_killed_while_the_fault_lasts(bench: Bench) -> None:
    fault = bench.armed(KILL | {"for": "5s"})
    fault.inject()
    spared = bench.uids("automation")
    fault.hold()
    assert len(fault.victims) == 2
    assert len({item.replica for item in fault.victims}) == 1
    assert len(spared & bench.uids("automation")) == 2
    fault.restore()


def test_replicas_that_another_fault_holds_are_not_chosen_and_too_few_are_refused(bench: Bench) -> None:
    fault = bench.armed(KILL, taken=frozenset({"automation-0"}))
    assert [item.replica for item in fault.victims] == ["automation-1"]
    with pytest.raises(DrillError, match="4 replicas are to end and 3 run"):
        bench.armed(KILL | {"replicas": 4})


def test_a_dependency_is_away_whatever_starts_it_and_comes_back(bench: Bench) -> None:
    fault = bench.armed(DOWN)
    fault.inject()
    assert bench.uids("valkey") == set()
    with bench.cluster.changed() as state:  # an autoscaler that does not leave it alone
        next(item for item in state["objects"] if item["metadata"]["name"] == "valkey")["spec"]["replicas"] = 1
    bench.kubectl.call("patch", "deployment", "automation", "--type=merge", "--patch-file=/dev/stdin", stdin={})
    assert len(bench.uids("valkey")) == 1
    fault.hold()
    assert bench.uids("valkey") == set()
    fault.restore()
    assert len(bench.uids("valkey")) == 1
    assert len(bench.uids("automation")) == 3


def test_the_next_run_brings_back_what_an_interrupted_one_took_down(bench: Bench) -> None:
    fault = bench.armed(DOWN)
    left = fault.leftover()
    assert left is not None
    bench.journal().add("run-1/failover", fault.describe(), left)
    fault.inject()  # and nothing more of this process: it was killed
    assert bench.cluster.found("ConfigMap", NAME) is not None
    (found,) = bench.take_back_all()
    assert found["removed"] is True
    assert "valkey" in found["describe"]
    assert "run-1/failover" in found["describe"]
    assert len(bench.uids("valkey")) == 1
    assert bench.cluster.found("ConfigMap", NAME) is None
    assert bench.take_back_all() == []


def test_what_was_made_anew_meanwhile_is_not_scaled(bench: Bench) -> None:
    fault = bench.armed(DOWN)
    left = fault.leftover()
    assert left is not None
    with bench.cluster.changed() as state:
        item = next(item for item in state["objects"] if item["metadata"]["name"] == "valkey")
        item["metadata"]["uid"], item["spec"]["replicas"] = "another", 0
    take_back(left, bench.kubectl)
    found = bench.cluster.found("Deployment", "valkey")
    assert found is not None
    assert found["spec"]["replicas"] == 0


def test_what_does_not_become_ready_again_stays_in_the_journal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(down, "_BACK_S", 0.2)
    monkeypatch.setattr(down, "_is_ready", lambda *_: False)
    fault = bench.armed(DOWN)
    bench.journal().add("run-1/failover", fault.describe(), fault.leftover() or {})
    fault.inject()
    (found,) = bench.take_back_all()
    assert found["removed"] is False
    assert "valkey is scaled back and has not all replicas ready" in found["error"]
    assert len(bench.journal().entries()) == 1


def test_a_partition_narrows_one_policy_and_gives_it_back(bench: Bench) -> None:
    before = bench.specs("NetworkPolicy")
    fault = bench.armed(CUT)
    fault.inject()
    during = bench.specs("NetworkPolicy")
    assert {name for name in before if before[name] != during[name]} == {"automation"}
    assert "vpn-core" not in str(during["automation"]["egress"])
    fault.restore()
    assert bench.specs("NetworkPolicy") == before
    fault.restore()  # fine when it is gone already
    assert bench.specs("NetworkPolicy") == before


def test_a_policy_that_a_rollout_has_applied_again_is_not_overwritten(bench: Bench) -> None:
    fault = bench.armed(CUT)
    left = fault.leftover()
    assert left is not None
    fault.inject()
    with bench.cluster.changed() as state:
        item = next(item for item in state["objects"] if item["kind"] == "NetworkPolicy"
                    and item["metadata"]["name"] == "automation")  # fmt: skip
        item["spec"] = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}
    before = bench.specs("NetworkPolicy")
    take_back(left, bench.kubectl)
    assert bench.specs("NetworkPolicy") == before


def test_a_policy_that_changed_after_the_aiming_is_not_narrowed(bench: Bench) -> None:
    fault = bench.armed(CUT)
    with bench.cluster.changed() as state:
        item = next(item for item in state["objects"] if item["kind"] == "NetworkPolicy"
                    and item["metadata"]["name"] == "automation")  # fmt: skip
        item["spec"]["egress"] = []
    with pytest.raises(DrillError, match="the network policy automation was changed by somebody else"):
        fault.inject()


def test_a_node_is_drained_as_budgets_allow_and_used_again(bench: Bench) -> None:
    with bench.cluster.changed() as state:
        state["guarded"] = 2
    fault = bench.armed(DRAIN)
    left = fault.leftover()
    assert left is not None
    node = left["node"]
    there = {pod["metadata"]["uid"] for pod in on(bench, node)}
    fault.inject()
    refused = there & {pod["metadata"]["uid"] for pod in on(bench, node)}
    assert len(refused) == 2
    fault.hold()
    assert on(bench, node) == []
    assert {item.facts()["uid"] for item in fault.victims} == there
    assert bench.specs("Node")[node] == {"unschedulable": True}
    fault.restore()
    assert bench.specs("Node")[node] == {}


def on(bench: Bench, node: str) -> list[dict[str, Any]]:
    with bench.cluster.changed() as state:
        return [i for i in state["objects"] if i["kind"] == "Pod" and i["spec"]["nodeName"] == node]


def test_the_next_run_uses_a_node_again_but_not_one_that_people_cordoned(bench: Bench) -> None:
    fault = bench.armed(DRAIN)
    left = fault.leftover()
    assert left is not None
    bench.journal().add("run-1/failover", fault.describe(), left)
    fault.inject()
    assert [item["removed"] for item in bench.take_back_all()] == [True]
    assert bench.specs("Node")[left["node"]] == {}
    with bench.cluster.changed() as state:
        node = next(item for item in state["objects"] if item["metadata"]["name"] == left["node"])
        node["spec"]["unschedulable"] = True
    take_back(left, bench.kubectl)
    assert bench.specs("Node")[left["node"]] == {"unschedulable": True}


def test_a_drain_needs_another_node_and_the_right_to_nodes(bench: Bench) -> None:
    with bench.cluster.changed() as state:
        state["forbidden"] = ["get Node"]
    with pytest.raises(DrillError, match="k8s/components/node-drain-rights"):
        bench.armed(DRAIN)
    with bench.cluster.changed() as state:
        state["forbidden"] = []
        names = {pod["spec"]["nodeName"] for pod in state["objects"] if pod["kind"] == "Pod"}
        state["objects"] = [item for item in state["objects"] if item["kind"] != "Node"
                            or item["metadata"]["name"] == min(names)]  # fmt: skip
    with pytest.raises(DrillError, match="the only node that takes pods"):
        bench.armed(DRAIN)
    with bench.cluster.changed() as state:
        for item in state["objects"]:
            if item["kind"] == "Node":
                item["spec"]["unschedulable"] = True
    with pytest.raises(DrillError, match="takes no pods already"):
        bench.armed(DRAIN)


def test_a_restore_outlasts_an_api_server_that_is_away(bench: Bench) -> None:
    before = bench.specs("NetworkPolicy")
    fault = bench.armed(CUT)
    fault.inject()
    with bench.cluster.changed() as state:
        state["unreachable"] = 2
    fault.restore()
    assert bench.specs("NetworkPolicy") == before


def test_two_who_write_the_journal_at_once_lose_nothing(bench: Bench) -> None:
    one, other = JournalPage(bench.kubectl), JournalPage(bench.kubectl)
    for page in (one, other):
        assert page.read() is None
    one.write("[]")
    with pytest.raises(Exception, match="already exists"):
        other.write("[]")
    assert other.read() == "[]"
    one.write('["newer"]')
    with pytest.raises(Exception, match="does not match"):
        other.write('["older"]')
    with pytest.raises(Exception, match="does not match"):
        other.remove()
    assert one.read() == '["newer"]'


def test_a_damaged_journal_is_named(bench: Bench) -> None:
    page = JournalPage(bench.kubectl)
    page.read()
    page.write("no journal")
    with pytest.raises(DrillError, match=f"ConfigMap {NAME} in phantommesh-dev: not a journal"):
        bench.journal().entries()


def test_the_claim_and_the_journal_are_two_objects(bench: Bench) -> None:
    claim = ClusterClaim(bench.kubectl)
    claim.take("run-1", 60)
    bench.journal().add("run-1/x", "a fault", {"kind": "cordon", "node": "node-1"})
    assert claim.release("run-1")
    assert len(bench.journal().entries()) == 1
