"""What of an overlay is applied and under which names, and what a workload's own words mean."""

from typing import Any

import pytest
from readiness.clients.kubernetes.overlay import applied, autoscaler_of, image_name, with_live_secrets, with_version
from readiness.clients.kubernetes.workloads import troubles, unfinished
from readiness.clients.target_process import TargetError

RENDERED, LIVE, OTHER = "keys-bcdfgh2456", "keys-kmtkmt7777", "keys-ghkmtb2222"


def workload(name: str, secret: str = RENDERED, image: str = "registry.example:5000/mesh/app:1") -> dict[str, Any]:
    pod = {"containers": [{"name": name, "image": image}], "volumes": [{"secret": {"secretName": secret}}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}},
    }


def secret_in(item: dict[str, Any]) -> str:
    return str(item["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"])


def test_what_others_keep_is_not_applied() -> None:
    others = {
        "v1": ["Namespace", "Secret", "ServiceAccount", "Service"],
        "postgresql.cnpg.io/v1": ["Cluster"],
        "rbac.authorization.k8s.io/v1": ["Role", "RoleBinding"],
        "cert-manager.io/v1": ["Certificate"],
    }
    objects = [
        {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}}
        for version, kinds in others.items()
        for kind in kinds
    ]
    assert [item["kind"] for item in applied(objects)] == ["Service"]


@pytest.mark.parametrize(
    ("image", "name"),
    [("app", "app"), ("app:1", "app"), ("r.example:5000/a/app", "r.example:5000/a/app"),
     ("r.example:5000/a/app:1", "r.example:5000/a/app"), ("r.example/app@sha256:00", "r.example/app")],
)  # fmt: skip
def test_the_name_of_an_image(image: str, name: str) -> None:
    assert image_name(image) == name


def test_only_the_images_that_are_named_get_the_version() -> None:
    objects = (workload("mine"), workload("theirs", image="postgres:15"))
    found = with_version(objects, ["registry.example:5000/mesh/app"], "2.0.0")
    images = [item["spec"]["template"]["spec"]["containers"][0]["image"] for item in found]
    assert images == ["registry.example:5000/mesh/app:2.0.0", "postgres:15"]
    assert with_version(objects, ["registry.example:5000/mesh/app"], "") == objects


def test_a_secret_keeps_the_name_under_which_it_is_used() -> None:
    live = [workload("one", LIVE)]
    found = with_live_secrets((workload("one"), workload("two")), [RENDERED], live, ())
    assert [secret_in(item) for item in found] == [LIVE, LIVE]
    assert secret_in(with_live_secrets((workload("one"),), [RENDERED], (), [OTHER, "other-bcdfgh2456"])[0]) == OTHER
    assert secret_in(with_live_secrets((workload("one"),), [RENDERED], (), ())[0]) == RENDERED
    assert secret_in(with_live_secrets((workload("one", "plain"),), ["plain"], live, ())[0]) == "plain"


def test_two_secrets_in_use_are_told_apart_by_the_object_or_not_at_all() -> None:
    live = [workload("one", LIVE), workload("two", OTHER)]
    found = with_live_secrets((workload("one"), workload("two")), [RENDERED], live, ())
    assert [secret_in(item) for item in found] == [LIVE, OTHER]
    with pytest.raises(TargetError, match=f"{OTHER}, {LIVE} are all in use"):
        with_live_secrets((workload("new"),), [RENDERED], live, ())


def test_what_scales_a_workload() -> None:
    scaler = {"kind": "ScaledObject", "metadata": {"name": "x"}, "spec": {"scaleTargetRef": {"name": "automation"}}}
    assert autoscaler_of([workload("automation"), scaler], "automation") is scaler
    assert autoscaler_of([workload("automation"), scaler], "vpn-core") is None


DONE = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"observedGeneration": 1}, "the change has not been taken up yet"),
        ({"updatedReplicas": 1}, "1 of 3 replicas are of the new release"),
        ({"replicas": 4}, "1 replicas of before are still there"),
        ({"availableReplicas": 2}, "2 of 3 replicas are available"),
    ],
)
def test_how_far_a_rollout_is(changes: dict[str, int], why: str) -> None:
    item = {"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": DONE | changes}
    assert unfinished(item) == why


def pod(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "automation-1", "labels": {"app.kubernetes.io/name": "automation"}},
        "spec": {"containers": [{"name": "automation", "image": "app:2"}]}, "status": status,
    }  # fmt: skip


def waits(reason: str, **more: Any) -> dict[str, Any]:
    return {"name": "automation", "state": {"waiting": {"reason": reason, "message": "no"}}, **more}


@pytest.mark.parametrize(
    ("status", "what"),
    [
        ({"containerStatuses": [waits("ImagePullBackOff")]}, ["image"]),
        ({"initContainerStatuses": [waits("ErrImagePull")]}, ["image"]),
        ({"containerStatuses": [waits("CreateContainerConfigError")]}, ["config"]),
        ({"containerStatuses": [waits("CrashLoopBackOff", restartCount=3)]}, ["crash"]),
        ({"containerStatuses": [waits("CrashLoopBackOff", restartCount=1)]}, []),
        ({"containerStatuses": [waits("ContainerCreating")]}, []),
        (
            {"containerStatuses": [{"name": "automation", "state": {"running": {}}, "ready": True, "restartCount": 9}]},
            [],
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "Insufficient cpu"}]},
            ["unschedulable"],
        ),
    ],
)
def test_what_keeps_a_pod_from_running(status: dict[str, Any], what: list[str]) -> None:
    assert [one.what for one in troubles("automation", {}, [pod(**status)])] == what
    assert list(troubles("vpn-core", {}, [pod(**status)])) == []


def test_a_quota_leaves_no_pod_to_ask() -> None:
    full = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: stages"}
    found = list(troubles("automation", {"status": {"conditions": [full]}}, []))
    assert [(one.what, one.text) for one in found] == [("quota", "no pod can be made: exceeded quota: stages")]
