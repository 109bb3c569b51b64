"""A node drained, over the real kubectl client of the engine and a fake kubectl program."""

from typing import Any

import pytest
from fake_cluster.bench import Bench
from readiness.drills.catalogue import take_back
from readiness.drills.victims import DrillError

DRAIN = {"action": "drain", "component": "automation", "for": "5s"}


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
    bench.cluster.add("v1", "Node", "of-the-stages", namespace=None,
                      spec={"taints": [{"key": "only", "value": "stages", "effect": "NoSchedule"}]},
                      status={"conditions": [{"type": "Ready", "status": "True"}]})  # fmt: skip
    with pytest.raises(DrillError, match="the only node that takes pods"):
        bench.armed(DRAIN)
    with bench.cluster.changed() as state:
        for item in state["objects"]:
            if item["kind"] == "Node":
                item["spec"]["unschedulable"] = True
    with pytest.raises(DrillError, match="takes no pods already"):
        bench.armed(DRAIN)
