"""Pods of before that are told to end and go on, and releases that are mixed: nothing is measured beside them."""

import asyncio
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_cluster.cluster import FakeCluster
from readiness.clients.home import Home
from readiness.clients.kubernetes import target as target_module
from readiness.model.evidence import StageRef
from readiness.model.image import digest_of
from readiness.stages import deploy as deploy_stage
from readiness.stages import steady_state
from readiness.stages import verify as verify_stage
from readiness.stages.decide import current_decision
from readiness.stages.observe import observe
from readiness.stages.plan import Request, plan
from readiness.stages.replica_discovery import Discovery
from readiness.stages.run import Run, StageError
from readiness.stages.steady_state import NotSteadyError, await_steady

ROOT = Path(__file__).parents[3]
ELSEWHERE = ("_of_components", "_of_interfaces", "ingress_checks", "_of_measuring")


@pytest.fixture
def run(cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Of a version that is yet to be rolled out."""
    assert cluster.found("Lease", "readiness") is None
    monkeypatch.setattr(deploy_stage, "require_usable", lambda *_: None)  # tests of their own, as what the pods answer
    for name in ELSEWHERE:
        monkeypatch.setattr(verify_stage, name, lambda *_: [])
    monkeypatch.setattr(steady_state.platform_api, "read_metric", lambda *_: 0.0)
    monkeypatch.setenv("READINESS_SCENARIOS", str(ROOT / "scenarios"))
    home = Home(tmp_path / "home")
    plan(home, "a-run", Request("dev", ("steady",), ROOT / "scenarios", version="1.0.0"))
    return Run(home, "a-run")


def ending(cluster: FakeCluster, name: str = "automation-old", component: str = "automation") -> None:
    cluster.add("v1", "Pod", name, labels={"app.kubernetes.io/name": component}, status={"phase": "Running"},
                spec={"containers": [{"name": component, "image": f"{component}:0"}]})  # fmt: skip
    with cluster.changed() as state:
        (pod,) = [item for item in state["objects"] if item["metadata"]["name"] == name]
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"


def gone(cluster: FakeCluster, name: str = "automation-old") -> None:
    with cluster.changed() as state:
        state["objects"] = [item for item in state["objects"] if item["metadata"]["name"] != name]


def clock(now: Any, sleep: Any) -> SimpleNamespace:
    return SimpleNamespace(monotonic=now, sleep=sleep)


def test_a_deploy_waits_for_the_pods_of_before(run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[float]()
    ending(cluster)
    monkeypatch.setattr(target_module, "time", clock(lambda: 0.0, lambda s: (waits.append(s), gone(cluster))))
    deploy_stage.deploy(run)
    assert (waits, run.status()["ending"]) == ([1.0], [])


def test_a_pod_of_before_that_stays_fails_the_deploy_by_its_name(
    run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 1e6])
    ending(cluster)
    ending(cluster, "cronjob-old", "backup")  # no component of the environment
    monkeypatch.setattr(target_module, "time", clock(lambda: next(times), lambda _: None))
    with pytest.raises(StageError, match=r"still ending .* and so able to take work: automation-old; see what keeps"):
        deploy_stage.deploy(run)


def test_a_load_is_not_sent_beside_a_pod_that_is_ending(run: Run, cluster: FakeCluster) -> None:
    deploy_stage.deploy(run)
    ending(cluster)
    with pytest.raises(NotSteadyError, match="was not steady within 0 s: automation-old is still ending"):
        await_steady(run, longest_s=0)
    with cluster.changed() as state:
        (pod,) = [item for item in state["objects"] if item["metadata"]["name"] == "automation-old"]
        pod["status"]["phase"] = "Succeeded"  # its containers have ended
    assert await_steady(run, longest_s=0)["waited_for"] == []


def test_the_observation_looks_once_more_when_the_load_is_over(
    run: Run, cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy_stage.deploy(run)
    cluster.roll_over("automation", "phantommesh/automation:0.9.0")
    monkeypatch.setattr(Discovery, "run", lambda _: asyncio.sleep(60))  # no look of its own
    phases, begun_ns = tmp_path / "phases.json", time.time_ns()
    phases.write_text(json.dumps({"phases": [{"name": "measure", "start_ns": 0, "end_ns": 1}]}))
    observe(run, "steady", phases)
    facts = run.read_facts(StageRef("steady", "observe"), "observe.json")
    assert begun_ns < facts["looked_ns"] <= facts["finished_ns"]
    deployed = set(run.images()["automation"])
    ran = {digest_of(item["image_id"]) for item in facts["holdings"] if item["component"] == "automation"}
    assert (deployed < ran, len(ran)) == (True, 2)


def verified(run: Run) -> str:
    """Why the stage failed."""
    try:
        verify_stage.verify(run)
    except StageError as error:
        return str(error)
    return ""


def test_a_release_of_one_image_is_verified_and_the_decision_names_it(run: Run) -> None:
    deploy_stage.deploy(run)
    assert verified(run) == ""
    checks = run.read_facts(StageRef("_run", "verify"), "verify.json")["checks"]
    said = {check["name"]: check["detail"] for check in checks}
    images = current_decision(run).images
    assert images["automation"] == (said["automation of one image"],)
    assert said["automation of one image"].startswith("sha256:")
    assert {"automation", "vpn-core", "postgres", "sink", "valkey"} >= set(images) >= {"automation", "vpn-core"}


def test_pods_of_one_tag_and_two_images_are_a_mixed_release(run: Run, cluster: FakeCluster) -> None:
    deploy_stage.deploy(run)
    with cluster.changed() as state:
        pod = next(item for item in state["objects"] if item["metadata"]["name"].startswith("vpn-core-")
                   and item["kind"] == "Pod")  # fmt: skip
        pod["status"]["containerStatuses"][0]["imageID"] = "sha256:moved"
    failure = verified(run)
    assert failure.startswith("vpn-core of one image: a mixed release: ")
    assert f"{pod['metadata']['name']} runs sha256:moved" in failure
    assert failure.count(" runs sha256:") == 3


def test_another_tag_in_a_component_beside_the_one_under_load_is_named(run: Run, cluster: FakeCluster) -> None:
    deploy_stage.deploy(run)
    with cluster.changed() as state:
        pod = next(item for item in state["objects"] if item["metadata"]["name"].startswith("vpn-core-")
                   and item["kind"] == "Pod")  # fmt: skip
        pod["spec"]["containers"][0]["image"] = "phantommesh/vpn-core:0.9.0"
    assert verified(run) == (
        f"vpn-core of the version under test: {pod['metadata']['name']} runs phantommesh/vpn-core:0.9.0, 1.0.0 was "
        "asked for"
    )
