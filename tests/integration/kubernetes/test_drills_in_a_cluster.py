"""Faults in a cluster, over the real kubectl client of the engine and a fake kubectl program: who is hit and who is
not, what is taken back, and what an interrupted drill leaves to the next one."""

import pytest
from fake_cluster.bench import Bench
from readiness.clients.kubernetes.journal_page import NAME
from readiness.drills.catalogue import take_back
from readiness.drills.cluster import down
from readiness.drills.victims import DrillError

KILL = {"action": "kill", "component": "automation"}
DOWN = {"action": "dependency_down", "component": "valkey", "for": "5s"}
CUT = {"action": "partition", "between": ["automation", "vpn-core"], "for": "5s"}


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


def test_a_restore_outlasts_an_api_server_that_is_away(bench: Bench) -> None:
    before = bench.specs("NetworkPolicy")
    fault = bench.armed(CUT)
    fault.inject()
    with bench.cluster.changed() as state:
        state["unreachable"] = 2
    fault.restore()
    assert bench.specs("NetworkPolicy") == before
