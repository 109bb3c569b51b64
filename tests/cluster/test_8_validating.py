"""Releases validated in a real Airflow, every stage a pod: bad images, a good one, and one that loses a replica."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orchestration.following import FollowedRun
from orchestration.services import AirflowServices
from readiness.clients.archive import open_archive
from readiness.clients.home import find_home
from readiness.model.evidence import RUN_SCOPE, StageRef

from .asking import asking
from .installation import PLATFORM
from .kubectl import Kubectl, until
from .validations import ENDED, asked, assert_ended_well, begun, only_its_load_is_not_proven, state_of

TRIES = 3
KEPT_NO_TIME = re.compile("load not proven: .* late|the prober stood still")
OBSERVED_LATE = "sampler awake: the sampler stalled"
pytestmark = pytest.mark.timeout(2400)


def test_a_bad_image_is_rejected_while_what_was_there_serves(
    airflow: AirflowServices, kubectl: Kubectl, url: str, certificate: tuple[Path, Path], figures: dict[str, Any]
) -> None:
    before = _templates(kubectl)
    with asking(url, certificate[0]) as questions:
        run = begun(airflow, "bad-image", scenarios=["steady"], version="no-such-version")
        until(lambda: state_of(run, "deploy") in ENDED, 600, lambda: f"deploy: {state_of(run, 'deploy')}")
    run.wait(600)
    figures["validation of a bad image: questions meanwhile"] = dict(questions.answers)
    decided = asked("show", run)
    assert decided["decision"] == "REJECTED", decided["reasons"]
    told = [reason for reason in decided["reasons"] if "no-such-version" in reason]
    assert any("; rolled back: " in reason for reason in told), decided["reasons"]
    assert _templates(kubectl) == before
    assert set(questions.answers) == {"200"}
    assert_ended_well(run, kubectl)


def _tried(
    airflow: AirflowServices, scenario: str, again: Callable[[dict[str, Any]], bool]
) -> tuple[FollowedRun, dict[str, Any], int]:
    """The last run, what it decided, and how many it took: `TRIES` at most, and no more where `again` says no."""
    for attempt in range(1, TRIES + 1):
        run = begun(airflow, f"{scenario}-{attempt}", scenarios=[scenario], version="dev")
        run.wait(600)
        decided = asked("show", run)
        if not again(decided):
            break
    return run, decided, attempt


def test_a_release_is_approved(airflow: AirflowServices, kubectl: Kubectl, figures: dict[str, Any]) -> None:
    """Again if nothing but the load was not proven: then the machine was busy, and the release is not to blame."""
    run, decided, tries = _tried(airflow, "steady", only_its_load_is_not_proven)
    figures["validation: tries, seconds of each task"] = tries, _seconds(run)
    figures["validation: seconds of a pod beside its stage's own"] = _overhead_s(run)
    assert decided["decision"] == "APPROVED", decided["reasons"]
    assert {task.name: task.state for task in run.tasks() if task.state not in ("success", "skipped")} == {}
    assert_ended_well(run, kubectl)


def test_a_replica_killed_by_a_pod_of_the_drill_costs_nothing(
    airflow: AirflowServices, kubectl: Kubectl, figures: dict[str, Any]
) -> None:
    """Whether generator and prober kept their times while three nodes' daemons replaced a pod on the same
    processors is the machine's affair: INCONCLUSIVE then, and right. What the platform did is judged all the same,
    and nothing else may be in doubt. It is done again only where the observer was late too: nothing is known then."""
    run, decided, tries = _tried(airflow, "failover", _its_observer_was_late)
    (judged,) = decided["scenarios"]
    interruption = next(item["shown"] for item in judged["objectives"] if item["name"] == "interruption")
    figures["validation of a failover: tries, decision, reasons"] = tries, decided["decision"], decided["reasons"]
    figures["validation of a failover: interruption"] = interruption
    assert _in_doubt(decided) == []
    assert_ended_well(run, kubectl)


def _its_observer_was_late(decided: dict[str, Any]) -> bool:
    return _in_doubt(decided) != [] and _in_doubt(decided, observer_may_be_late=True) == []


def _in_doubt(decided: dict[str, Any], *, observer_may_be_late: bool = False) -> list[str]:
    """What is neither as it must be nor only a matter of times that were not kept."""
    (judged,) = decided["scenarios"]
    approved = decided["decision"] == "APPROVED"
    reasons = [why for why in decided["reasons"] if not (observer_may_be_late and OBSERVED_LATE in why)]
    doubts = [] if approved else [why for why in reasons if not KEPT_NO_TIME.search(why)]
    doubts += [] if approved or decided["decision"] == "INCONCLUSIVE" else [decided["decision"]]
    for item in judged["objectives"]:
        no_time = not approved and item["verdict"] == "NO_DATA" and KEPT_NO_TIME.search(item["reason"])
        told = f"{item['name']}: {item['verdict']}, {item['reason']}"
        doubts += [] if item["verdict"] == "PASS" or no_time else [told]
    for item in judged["data_checks"]:
        if item["verdict"] != "PASS" and not (observer_may_be_late and item["check"] == "sampler awake"):
            doubts.append(f"{item['check']}: {item['observed']}")
    return doubts


def test_every_fault_of_a_cluster_comes_and_goes(
    airflow: AirflowServices, kubectl: Kubectl, figures: dict[str, Any]
) -> None:
    """The drills that no scenario of the product asks for in a cluster, by the drill's pod with its own rights."""
    policies = _specs(kubectl, "networkpolicies")
    run = begun(airflow, "breaking", scenarios=["breaking"], version="dev")
    run.wait(600)
    decided = asked("show", run)
    figures["validation with every fault: decision, reasons"] = decided["decision"], decided["reasons"]
    assert _in_doubt(decided, observer_may_be_late=True) == []
    archive = open_archive(find_home())  # whose copies of files last as long as it does
    drill = json.loads(archive.file(run.run_id, StageRef("breaking", "drill"), "drill.json").read_text())
    done = [(step["action"], step["injected_ns"] < step["restored_ns"]) for step in drill["steps"]]
    assert done == [("partition", True), ("dependency_down", True), ("drain", True)]
    assert _specs(kubectl, "networkpolicies") == policies
    assert [node["metadata"]["name"] for node in kubectl.items("nodes") if node["spec"].get("unschedulable")] == []
    assert_ended_well(run, kubectl)


def _specs(kubectl: Kubectl, kind: str) -> dict[str, Any]:
    return {item["metadata"]["name"]: item["spec"] for item in kubectl.items(kind, "-n", PLATFORM)}


def _templates(kubectl: Kubectl) -> dict[str, Any]:
    """What each workload's pods are made of."""
    workloads = _specs(kubectl, "deployments") | _specs(kubectl, "statefulsets")
    return {name: spec["template"] for name, spec in workloads.items()}


def _seconds(run: FollowedRun) -> dict[str, float]:
    return {
        task.name: round((task.ended - task.started).total_seconds(), 1)
        for task in run.tasks()
        if task.started and task.ended
    }


def _overhead_s(run: FollowedRun) -> dict[str, float]:
    """Of the stages that there is one of in a run: how much longer the task took than the stage."""
    archive, seconds = open_archive(find_home()), _seconds(run)
    seals = {name: archive.read_seal(run.run_id, StageRef(RUN_SCOPE, name)) for name in ("plan", "verify", "report")}
    return {name: round(seconds[name] - (seal.finished_ns - seal.started_ns) / 1e9, 1) for name, seal in seals.items()}
