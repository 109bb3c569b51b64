"""A release in a cluster, over the real kubectl client of the engine and a fake kubectl program: what is applied, what
is put back, whose fault it is, and everything that is refused before anything is changed."""

import json
from pathlib import Path
from typing import Any

import pytest
from fake_cluster.cluster import NAMESPACE, FakeCluster
from readiness.analysis.rollout import release_fault
from readiness.clients.home import Home
from readiness.clients.kubernetes import target as target_module
from readiness.clients.kubernetes.kubectl import KubectlError
from readiness.clients.kubernetes.rendering import Object, rendered
from readiness.clients.kubernetes.rollout import Rollout, RolloutError
from readiness.clients.kubernetes.target import ClusterTarget
from readiness.clients.target_process import TargetError
from readiness.model.environment import Observation
from readiness.model.evidence import StageRef
from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.spec.files import read_environment
from readiness.stages.plan import Request, plan
from readiness.stages.run import Run, UnusableEnvironmentError
from readiness.stages.sequence import execute
from readiness.stages.sign_off import Answer

ROOT = Path(__file__).parents[3]
BAD = {"phantommesh/automation:nope": "ErrImageNeverPull"}


def environment(**changes: Any) -> KubernetesEnvironment:
    found = read_environment(ROOT / "scenarios" / "environments" / "dev.yaml")
    assert isinstance(found, KubernetesEnvironment)
    return found.model_copy(update={"cluster": found.cluster.model_copy(update=changes)})


def up(version: str, **changes: Any) -> dict[str, Any]:
    return ClusterTarget(environment(**changes), ROOT, version=version).up(3, 0)


def applied(cluster: FakeCluster) -> list[Object]:
    calls = [call for call in cluster.changes if call["words"] == ["apply"]]
    items: list[Object] = json.loads(calls[-1]["stdin"])["items"]
    return items


def image(cluster: FakeCluster, kind: str, name: str) -> str:
    found = cluster.found(kind, name)
    assert found is not None
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def bad(cluster: FakeCluster, images: dict[str, str]) -> None:
    with cluster.changed() as state:
        state["bad"] = images


def test_a_release_is_applied_and_its_status_is_that_of_its_pods(cluster: FakeCluster) -> None:
    status = up("2.0.0")
    assert (status["state"], status["version"]) == ("ready", "2.0.0")
    assert [part["replica"] for part in status["components"] if part["component"] == "automation"] == [
        "automation-0", "automation-1", "automation-2"
    ]  # fmt: skip
    kinds = {item["kind"] for item in applied(cluster)}
    assert not kinds & {"Namespace", "Secret", "ServiceAccount", "Role", "RoleBinding"}
    assert {"Deployment", "StatefulSet", "ConfigMap", "NetworkPolicy", "Service", "IngressRoute"} <= kinds
    assert image(cluster, "Deployment", "vpn-core") == "phantommesh/vpn-core:2.0.0"
    assert image(cluster, "StatefulSet", "sink") == "phantommesh/automation:2.0.0"
    assert image(cluster, "StatefulSet", "postgres").endswith("postgres:15")


def test_it_uses_the_secrets_that_are_there_under_their_own_hash(cluster: FakeCluster) -> None:
    up("2.0.0")
    text = json.dumps(applied(cluster))
    assert '"phantommesh-secrets-bcdfgh2456"' in text
    assert '"ingress-users-bcdfgh2457"' in text
    rendered_names = {item["metadata"]["name"] for item in rendered(ROOT, environment().cluster.overlay)
                      if item["kind"] == "Secret"}  # fmt: skip
    assert not any(name in text for name in rendered_names)


def test_replicas_are_held_until_they_may_scale_and_are_stopped_at_the_end(cluster: FakeCluster) -> None:
    target = ClusterTarget(environment(), ROOT, version="2.0.0")
    target.up(3, 0)
    scaler = cluster.found("HorizontalPodAutoscaler", "automation")
    assert scaler is not None
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 3)
    assert target.scale(10)
    scaler = cluster.found("HorizontalPodAutoscaler", "automation")
    assert scaler is not None
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 10)
    target.down()
    assert target.status()["state"] == "stopped"
    assert cluster.found("Deployment", "automation") is not None
    target.up(3, 0)
    assert target.status()["state"] == "ready"


def test_what_is_kept_runs_on(cluster: FakeCluster) -> None:
    target = ClusterTarget(environment(when_done="keep"), ROOT)
    target.up(3, 0)
    target.down()
    assert target.status()["state"] == "ready"
    scaler = cluster.found("HorizontalPodAutoscaler", "automation")
    assert scaler is not None
    assert scaler["spec"]["maxReplicas"] == 10


def test_an_image_that_cannot_be_had_is_the_release_s_fault_and_put_back(cluster: FakeCluster) -> None:
    up("1.0.0")
    bad(cluster, BAD)
    with pytest.raises(RolloutError, match=r"automation:nope cannot be had: ErrImageNeverPull.*rolled back") as caught:
        up("nope")
    facts = caught.value.facts
    assert facts["rolled_back"] is True
    assert "phantommesh/automation:nope cannot be had" in release_fault(facts)
    assert {image(cluster, kind, name) for kind, name in (("Deployment", "automation"), ("StatefulSet", "sink"))} == {
        "phantommesh/automation:1.0.0"
    }
    status = ClusterTarget(environment(), ROOT).status()
    assert (status["state"], status["version"]) == ("ready", "1.0.0")


def test_another_s_image_that_cannot_be_had_convicts_nobody(cluster: FakeCluster) -> None:
    up("1.0.0")
    bad(cluster, {"docker.io/library/postgres:15": "ErrImageNeverPull"})
    with pytest.raises(RolloutError) as caught:
        up("2.0.0")
    assert release_fault(caught.value.facts) == ""
    with cluster.changed() as state:
        state["bad"] = {}


def test_a_step_that_the_cluster_refuses_halfway_is_put_back(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    up("1.0.0")

    def refused(*_: object) -> None:
        raise KubectlError("forbidden", "deployments cannot be listed")

    with monkeypatch.context() as patch:
        patch.setattr(Rollout, "wait", refused)
        with pytest.raises(RolloutError, match=r"broke off: deployments cannot be listed; rolled back") as caught:
            up("2.0.0")
    assert caught.value.facts["rolled_back"] is True
    assert release_fault(caught.value.facts) == ""
    assert image(cluster, "Deployment", "automation") == "phantommesh/automation:1.0.0"


def test_nothing_is_changed_with_a_context_that_is_not_named(cluster: FakeCluster) -> None:
    with cluster.changed() as state:
        state["context"] = "production"
    with pytest.raises(TargetError, match=r"the context production is none that may be used .* nothing was changed"):
        up("2.0.0")
    assert cluster.changes == []


def test_nothing_is_changed_without_a_context(cluster: FakeCluster) -> None:
    with cluster.changed() as state:
        state["context"] = ""
    with pytest.raises(TargetError, match="no cluster is chosen: KUBECONFIG"):
        up("2.0.0")
    assert cluster.changes == []


def test_a_cluster_that_is_away_is_one_line(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_module, "PATIENCE_S", 0.0)
    with cluster.changed() as state:
        state["unreachable"] = 1000
    with pytest.raises(TargetError, match=r"the cluster of the context test does not answer .*; is it up"):
        up("2.0.0")
    assert cluster.changes == []


def test_another_release_s_namespace_is_left_alone(cluster: FakeCluster) -> None:
    with cluster.changed() as state:
        for item in state["objects"]:
            if item["kind"] == "Deployment":
                item["metadata"]["annotations"] = {"meta.helm.sh/release-name": "theirs"}
    with pytest.raises(
        TargetError, match=f"the namespace {NAMESPACE} belongs to the Helm release theirs .*nothing was"
    ):
        up("2.0.0")
    assert cluster.changes == []


def test_a_port_of_its_own_is_refused(cluster: FakeCluster) -> None:
    with pytest.raises(TargetError, match="leave out --port"):
        ClusterTarget(environment(), ROOT).up(3, 8080)
    assert cluster.changes == []


def test_an_image_that_no_container_has_is_refused(cluster: FakeCluster) -> None:
    with pytest.raises(TargetError, match="no container of the overlay has the image phantommesh/elsewhere"):
        up("2.0.0", images={"phantommesh/elsewhere": "automation"})
    assert cluster.changes == []


def test_a_run_from_outside_is_let_in_for_its_time(cluster: FakeCluster) -> None:
    target = ClusterTarget(environment(measured_from=("172.18.0.1/32",)), ROOT)
    target.up(3, 0)
    policy = cluster.found("NetworkPolicy", "readiness-from-outside")
    assert policy is not None
    rule = policy["spec"]["ingress"][0]
    assert rule["from"] == [{"ipBlock": {"cidr": "172.18.0.1/32"}}]
    assert {port["port"] for port in rule["ports"]} == {8070, 8080, 8081, 8090, 8091}
    assert policy["spec"]["podSelector"]["matchExpressions"][0]["values"] == ["automation", "sink", "vpn-core"]
    target.down()
    assert cluster.found("NetworkPolicy", "readiness-from-outside") is None


def test_a_run_from_outside_is_let_in_to_prometheus_where_that_has_the_metrics(cluster: FakeCluster) -> None:
    found = environment(measured_from=("172.18.0.1/32",))
    found = found.model_copy(update={"observation": Observation(source="prometheus")})
    ClusterTarget(found, ROOT).up(3, 0)
    policy = cluster.found("NetworkPolicy", "readiness-from-outside")
    assert policy is not None
    assert 9090 in {port["port"] for port in policy["spec"]["ingress"][0]["ports"]}
    assert "prometheus" in policy["spec"]["podSelector"]["matchExpressions"][0]["values"]


def test_a_run_that_is_refused_changes_nothing_and_decides_nothing(
    cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READINESS_SCENARIOS", str(ROOT / "scenarios"))
    with cluster.changed() as state:
        state["context"] = "production"
    home, stopping = Home(tmp_path / "home"), list[str]()
    plan(home, "a-run", Request("dev", ("steady",), ROOT / "scenarios"))
    with pytest.raises(UnusableEnvironmentError, match=r"^the context production is none that may be used"):
        execute(Run(home, "a-run"), lambda _: Answer("not required"), stopping.append, lambda: stopping.append("stop"))
    assert cluster.changes == []
    assert stopping == ["stop"]  # only a signal is held up from here on
    assert not Run(home, "a-run").archive.is_sealed("a-run", StageRef("_run", "teardown"))
