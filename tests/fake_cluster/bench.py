"""The environment dev in a fake cluster, and its faults."""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from readiness.clients.kubernetes.journal_page import JournalPage
from readiness.clients.kubernetes.kubectl import Kubectl
from readiness.clients.kubernetes.target import ClusterTarget
from readiness.drills.catalogue import fault_of, take_back
from readiness.drills.fault import Fault, Surroundings
from readiness.drills.journal import Journal, remove_leftovers
from readiness.model.drill import Drill
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.spec.files import read_environment

from fake_cluster.cluster import FakeCluster

ROOT = Path(__file__).parents[2]
Taken = frozenset[str]


class Bench:
    """With the policies of k8s/base."""

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
