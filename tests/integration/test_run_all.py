"""`readiness run --all`: every scenario of the folder, one after the other, and one decision over all of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from readiness.self_test.real_run import SCENARIOS, environment_file, fake_platform

ROOT = Path(__file__).parents[2]
READINESS = str(Path(sys.executable).parent / "readiness")
BUSY = "load not proven", "the sampler stalled"


def run_all(folder: Path, home: Path, fault: str, wanted: str) -> tuple[int, dict[str, Any], str]:
    """Code, decision and standard error; again, twice at most, where this machine was too busy to offer the load."""
    env = os.environ | {"READINESS_SCENARIOS": str(folder), "READINESS_HOME": str(home)}
    argv = [READINESS, "run", "--all", "--environment", "fake", "--profile", "smoke", "--json"]
    for _ in range(3):
        with fake_platform(fault) as url:
            (folder / "environments" / "fake.yaml").write_text(environment_file(url))
            done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        decision: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
        if not any(busy in reason for reason in decision.get("reasons", []) for busy in BUSY):
            break
    assert decision.get("decision") == wanted, done.stderr + str(decision.get("reasons"))
    return done.returncode, decision, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two scenarios: `kill`, which has a drill, comes first by its name."""
    folder = tmp_path / "scenarios"
    (folder / "environments").mkdir(parents=True)
    for name in ("kill", "short"):
        (folder / f"{name}.yaml").write_text((SCENARIOS / f"{name}.yaml").read_text())
    for shared in ("locust", "traffic"):
        (folder / shared).symlink_to(ROOT / "scenarios" / shared)
    return folder


def test_all_are_decided_those_without_a_fault_first(folder: Path, tmp_path: Path) -> None:
    code, decision, said = run_all(folder, tmp_path / "home", "none", "APPROVED")
    assert code == 0
    assert decision["by_scenario"] == dict.fromkeys(("kill", "short"), "APPROVED")
    loads = [line.split()[2] for line in said.splitlines() if line.startswith("stage load")]
    assert loads == ["short", "kill"]


def test_one_that_is_rejected_rejects_the_run_and_does_not_stop_the_others(folder: Path, tmp_path: Path) -> None:
    code, decision, _ = run_all(folder, tmp_path / "home", "recovers-by-hand", "REJECTED")
    assert code == 2
    assert decision["by_scenario"] == {"kill": "REJECTED", "short": "APPROVED"}
    assert all(reason.startswith("kill/") for reason in decision["reasons"])
