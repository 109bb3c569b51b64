"""`readiness self-test` as people run it: the quick subset, and a gate that has gone blind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READINESS = str(Path(sys.executable).parent / "readiness")
BLIND = """
import sys
from readiness.checks import completeness, data_checks
data_checks.counters_move = lambda *_: ()
from readiness.self_test import session
from readiness.self_test.catalogue import FAULTS
from readiness.self_test.trying import attempt, record
from pathlib import Path
folder = Path(sys.argv[1])
trial = next(trial for trial in FAULTS if trial.name == "frozen-record")
outcome = attempt(trial, folder / "trial", record(trial.scenario, folder / "recorded"))
print(outcome.said, outcome.caught)
"""


def self_test(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [READINESS, "self-test", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=290, check=False)


def test_the_quick_self_test_catches_every_fault_and_raises_no_false_alarm() -> None:
    done = self_test("--quick", "--json")
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    missed = [(item["name"], item["said"], item["reason"]) for item in found["outcomes"] if not item["caught"]]
    assert missed == []
    assert (done.returncode, found["caught"]) == (0, True)
    assert sum(item["is_fault"] for item in found["outcomes"]) >= 10
    assert done.stderr.count("as it must") == len(found["outcomes"])


def test_a_gate_that_has_gone_blind_is_found(tmp_path: Path) -> None:
    """Without the check that looks for metrics that stand still, frozen metrics pass - and the self-test says so."""
    done = subprocess.run(
        [sys.executable, "-c", BLIND, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.stdout.split() == ["APPROVED", "False"], done.stdout + done.stderr


def test_a_fault_that_there_is_not_is_refused_in_one_line() -> None:
    done = self_test("--only", "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("readiness: no fault nothing; legal are ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--list"], ["--list", "--quick"]])
def test_the_faults_can_be_listed(arguments: list[str]) -> None:
    done = self_test(*arguments)
    assert done.returncode == 0
    assert "duplicates 1 alert" in done.stdout
    assert ("loses 1 of 10,000" in done.stdout) is ("--quick" not in arguments)
