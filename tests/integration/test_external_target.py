"""`readiness run` against a platform that is not ours: the fake one of the self-test, over its addresses alone."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from readiness.self_test.real_run import SCENARIOS, fake_platform

ROOT = Path(__file__).parents[2]
READINESS = str(Path(sys.executable).parent / "readiness")
FILE = """\
name: theirs
title: A platform of somebody else
driver: external
target: {{base_url: "{url}", deliveries_url: "{url}"}}
components:
  api: {{replicas: 1, admin_urls: ["{url}"]}}
under_load: api
observation: {{interval: 500ms, max_gap: 2s}}
start_timeout: 2s
"""
BUSY = "load not proven", "the sampler stalled"
Decide = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def theirs() -> Iterator[str]:
    with fake_platform("none") as url:
        yield url


@pytest.fixture
def decide(tmp_path: Path, theirs: str) -> Decide:
    """Runs the self-test's ``clean`` scenario with the changes to the environment file; again, twice at most, where
    this machine was too busy to offer the load in time."""
    folder = tmp_path / "scenarios"
    shutil.copytree(SCENARIOS, folder)
    (folder / "environments").mkdir()
    for shared in ("locust", "traffic"):
        (folder / shared).symlink_to(ROOT / "scenarios" / shared)
    env = os.environ | {"READINESS_SCENARIOS": str(folder), "READINESS_HOME": str(tmp_path / "home")}

    def run(old: str = "", new: str = "", *arguments: str) -> tuple[int, dict[str, Any], str]:
        text = FILE.format(url=theirs)
        assert old in text
        (folder / "environments" / "theirs.yaml").write_text(text.replace(old, new) if old else text)
        argv = [READINESS, "run", "clean", "--environment", "theirs", "--json", *arguments]
        for _ in range(3):
            done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
            decision = json.loads(done.stdout) if done.stdout else {}
            if not any(busy in reason for reason in decision.get("reasons", []) for busy in BUSY):
                break
        return done.returncode, decision, done.stderr

    return run


def objectives(decision: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in decision["scenarios"][0]["objectives"]}


def test_a_platform_without_a_fault_is_approved_and_left_as_it_was(decide: Decide, theirs: str) -> None:
    code, decision, said = decide()
    assert (code, decision.get("decision")) == (0, "APPROVED"), said + str(decision.get("reasons"))
    assert all(item["verdict"] == "PASS" for item in objectives(decision).values())
    assert httpx.get(f"{theirs}/readyz", trust_env=False).status_code == 200


def test_what_it_does_not_offer_has_no_data_and_never_passes(decide: Decide, theirs: str) -> None:
    code, decision, said = decide(f', deliveries_url: "{theirs}"', "")
    assert (code, decision.get("decision")) == (3, "INCONCLUSIVE"), said
    found = objectives(decision)
    assert found["alerts-undelivered"]["verdict"] == found["end-to-end-p95"]["verdict"] == "NO_DATA"
    assert "no target.deliveries_url" in found["alerts-undelivered"]["reason"]
    assert found["events-lost"]["verdict"] == found["no-errors"]["verdict"] == "PASS"
    assert decision["scenarios"][0]["problems"] == []


def test_a_target_that_does_not_answer_is_named(decide: Decide, theirs: str) -> None:
    started = time.monotonic()
    code, decision, said = decide(f'admin_urls: ["{theirs}"]', 'admin_urls: ["http://127.0.0.1:9"]')
    assert code == 3
    assert "not ready after 2 s: api-0 (http://127.0.0.1:9); start it, or correct the addresses" in said
    assert any("not ready after 2 s" in reason for reason in decision["reasons"])
    assert time.monotonic() - started < 60


def test_an_address_outside_of_the_test_networks_is_refused(decide: Decide, theirs: str) -> None:
    code, decision, said = decide(f'base_url: "{theirs}"', 'clock_uncertainty: 1ms, base_url: "http://192.0.2.7:80"')
    assert (code, decision["decision"]) == (3, "INCONCLUSIVE")
    assert "'http://192.0.2.7:80' is 192.0.2.7; only loopback and 198.18.0.0/15 may be measured" in said


def test_another_number_of_replicas_is_refused(decide: Decide) -> None:
    code, _, said = decide("", "", "--replicas", "2")
    assert code == 3
    assert "the target of theirs is not ours to start: it has 1 replicas" in said
