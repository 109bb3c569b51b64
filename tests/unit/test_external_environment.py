"""Environment files of a target that is not ours: what is legal, and what is said of what is not."""

from pathlib import Path

import pytest
from readiness.analysis.judge import judge_scenario
from readiness.clients.external_target import RunningTarget
from readiness.clients.target_process import TargetError
from readiness.model.environment import ExternalEnvironment, LocalEnvironment
from readiness.model.verdict import Verdict
from readiness.spec.files import read_environment, read_scenario
from readiness.spec.problem import SpecError
from synthetic_evidence import steady_evidence

ROOT = Path(__file__).parents[2]
GOOD = """\
name: theirs
title: A platform of somebody else
driver: external
target: {base_url: "http://127.0.0.1:8080", deliveries_url: "http://127.0.0.1:8081"}
components:
  api: {replicas: 2, admin_urls: ["http://127.0.0.1:9001", "http://127.0.0.1:9002"]}
under_load: api
faults:
  kill-one: {inject: [ssh, there, kill]}
"""


def read(tmp_path: Path, text: str) -> ExternalEnvironment:
    path = tmp_path / "theirs.yaml"
    path.write_text(text)
    found = read_environment(path)
    assert isinstance(found, ExternalEnvironment)
    return found


def test_a_good_file_is_read_and_offers_everything(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert found.components["api"].replicas == 2
    assert found.absent == {}
    assert found.faults["kill-one"].restore == ()


def test_the_local_environment_is_of_the_other_kind() -> None:
    assert isinstance(read_environment(ROOT / "scenarios" / "environments" / "local.yaml"), LocalEnvironment)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "driver: external",
            "driver: remote",
            "3: driver: 'remote' is none that there is; legal are local, external, kubernetes",
        ),
        ("driver: external\n", "", "driver: this key is missing; legal are local, external"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", "4: target.base_url: String should match pattern"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1", "4: target.base_url: String should match pattern"),
        (
            "http://127.0.0.1:8081",
            "http://198.18.0.2:80",
            "4: target: clock_uncertainty: http://198.18.0.2:80 is not on",
        ),
        ("replicas: 2", "replicas: 3", "6: components.api: admin_urls: name one address for each replica, each once"),
        (":9002", ":9001", "2 replicas, 1 addresses"),
        ("replicas: 2", "replicas: 2, metrics: false", "the component under load must serve /metrics"),
        ("under_load: api", "under_load: db", "under_load: 'db' is not a component; legal are api"),
        ("base_url", "url", "4: target.url: unknown key; legal keys are base_url, audit, deliveries_url"),
        ("inject: [ssh, there, kill]", "inject: []", "9: faults.kill-one.inject: "),
        ("name: theirs", "name: theirs\ncommands: {up: [a]}", "2: commands: unknown key; legal keys are name"),
    ],
)
def test_each_problem_is_named_with_its_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in GOOD
    with pytest.raises(SpecError) as refused:
        read(tmp_path, GOOD.replace(old, new))
    assert f"{problem}" in str(refused.value)


@pytest.mark.parametrize("url", ["http://192.0.2.1:80", "http://10.0.0.1:80", "http://[2001:db8::1]:80"])
def test_an_address_that_must_not_be_measured_is_never_asked(tmp_path: Path, url: str) -> None:
    target = RunningTarget(read(tmp_path, GOOD.replace("http://127.0.0.1:9002", url)))
    with pytest.raises(TargetError, match=r"only loopback and 198\.18\.0\.0/15 may be measured"):
        target.status()


def test_a_target_that_is_not_ours_is_not_scaled(tmp_path: Path) -> None:
    target = RunningTarget(read(tmp_path, GOOD))
    with pytest.raises(TargetError, match="it has 2 replicas and ports of its own"):
        target.up(3, 0)


@pytest.mark.parametrize(
    ("old", "new", "without_data"),
    [
        (
            ', deliveries_url: "http://127.0.0.1:8081"', "",
            {"end-to-end-p95", "alerts-undelivered", "alerts-duplicated", "alerts-misrouted"},
        ),
        (
            ", deliveries_url:", ", audit: false, deliveries_url:",
            {"end-to-end-p95", "alerts-undelivered", "alerts-duplicated", "alerts-misrouted", "events-lost",
             "events-unexpected", "remediated-twice", "acknowledged-early", "events-acknowledged-early"},
        ),
    ],
)  # fmt: skip
def test_what_a_target_does_not_offer_has_no_data_and_the_rest_is_judged(
    tmp_path: Path, old: str, new: str, without_data: set[str]
) -> None:
    assert old in GOOD
    environment = read(tmp_path, GOOD.replace(old, new))
    scenario = read_scenario(ROOT / "scenarios" / "steady.yaml")
    result = judge_scenario(scenario, steady_evidence(), (), (), absent=environment.absent)
    (why,) = environment.absent.values()
    found = {item.name: item.reason for item in result.objectives if item.verdict is Verdict.NO_DATA}
    judged = {item.name for item in result.objectives}
    assert {name for name, reason in found.items() if reason == why} == without_data & judged
    assert result.ledger is None
