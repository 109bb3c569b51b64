"""`readiness run` against the real platform: to a decision, through faults, and back from the archive."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from readiness.clients.archive import Archive
from readiness.model.evidence import StageRef
from short_scenarios import ROOT, environment, short_scenarios

READINESS = str(Path(sys.executable).parent / "readiness")
DEADLINE_S = 120


def readiness(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [READINESS, *arguments], env=env, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


def begin(env: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [READINESS, "run", "steady", "--json", *arguments], env=env, cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {DEADLINE_S} s for {what}"
        time.sleep(0.05)  # between two looks at the condition
    return found


def load_under_way(home: Path) -> bool:
    for path in (home / "progress").glob("*.load.json"):
        return bool(json.loads(path.read_text())["phase"] == "measure")
    return False


def status(home: Path) -> dict[str, Any]:
    deploy = next((home / "archive" / "runs").glob("*/_run/deploy/attempt-1/deploy.json"))
    found: dict[str, Any] = json.loads(deploy.read_text())["status"]
    return found


def processes_of(home: Path) -> list[str]:
    """Command lines of processes that belong to this home, this one's own excepted."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(home) in line and process.pid != os.getpid():
            found.append(line)
    return found


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(short_scenarios(tmp_path / "scenarios"), tmp_path / "home")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    assert processes_of(tmp_path / "home") == []


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Path, dict[str, Any]]:
    """One good run, shared: its environment, home and decision. A machine that is busy with other things may not
    offer the load in time, which is rightly INCONCLUSIVE: then, and only then, another run is made, twice at most."""
    for attempt in (1, 2, 3):
        folder = tmp_path_factory.mktemp(f"approved-{attempt}")
        env = environment(short_scenarios(folder / "scenarios"), folder / "home")
        done = readiness(env, "run", "steady", "--json", "--seed", "7")
        assert done.stdout, done.stderr
        reasons = json.loads(done.stdout)["reasons"]
        if not all("load not proven" in reason for reason in reasons):
            break
    assert done.returncode == 0, done.stderr + done.stdout
    return env, folder / "home", json.loads(done.stdout)


def test_a_healthy_release_is_approved_and_confirmed(approved: tuple[dict[str, str], Path, dict[str, Any]]) -> None:
    env, home, decision = approved
    assert decision["decision"] == "APPROVED"
    assert decision["scope"] == "merge"
    objectives = {item["name"]: item for item in decision["scenarios"][0]["objectives"]}
    assert objectives["end-to-end-p95"]["measurement"]["n"] > 10
    assert all(item["verdict"] == "PASS" for item in objectives.values())
    verified = readiness(env, "verify", decision["run_id"])
    assert (verified.returncode, verified.stderr) == (0, "")
    assert "confirmed: APPROVED" in verified.stdout
    assert Path(readiness(env, "report", decision["run_id"]).stdout.strip()).stat().st_size > 10_000
    assert json.loads(readiness(env, "runs", "--json").stdout)[0]["decision"] == "APPROVED"
    assert processes_of(home) == []


SEALED = [
    "steady/load/requests.parquet", "steady/observe/health.parquet", "steady/collect/audit.parquet",
    "steady/check/result.json", "_run/plan/run.json", "_run/report/report.html", "_run/sign_off/sign-off.json",
    "_run/decide/decision.json",
]  # fmt: skip
DAMAGES = [(name, "altered") for name in SEALED] + [(SEALED[0], "removed"), (SEALED[2], "truncated")]


@pytest.mark.parametrize(("file", "damage"), DAMAGES)
def test_a_damaged_file_is_named(
    approved: tuple[dict[str, str], Path, dict[str, Any]], tmp_path: Path, file: str, damage: str
) -> None:
    env, home, decision = approved
    shutil.copytree(home / "archive", tmp_path / "home" / "archive")
    stage, name = file.rsplit("/", 1)
    path = tmp_path / "home" / "archive" / "runs" / decision["run_id"] / stage / "attempt-1" / name
    whole = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2] if damage == "truncated" else whole + b" ")
    verified = readiness(env | {"READINESS_HOME": str(tmp_path / "home")}, "verify", decision["run_id"])
    said = verified.stdout + verified.stderr
    assert "Traceback" not in said
    assert name in said
    # A plan that cannot be read leaves nothing to verify: the harness says so.
    assert verified.returncode == 3 or (file == "_run/plan/run.json" and verified.returncode == 1), said


def test_an_edited_decision_is_not_shown(approved: tuple[dict[str, str], Path, dict[str, Any]], tmp_path: Path) -> None:
    env, home, decision = approved
    shutil.copytree(home / "archive", tmp_path / "home" / "archive")
    run = tmp_path / "home" / "archive" / "runs" / decision["run_id"]
    path = run / "_run" / "decide" / "attempt-1" / "decision.json"
    path.write_text(path.read_text().replace("merge", "release"))
    shown = readiness(env | {"READINESS_HOME": str(tmp_path / "home")}, "show", decision["run_id"])
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "decision.json: was altered" in shown.stderr


def test_a_refusal_counts_and_cannot_be_asked_away(
    approved: tuple[dict[str, str], Path, dict[str, Any]], tmp_path: Path
) -> None:
    env, home, decision = approved
    shutil.copytree(home / "archive", tmp_path / "home" / "archive")
    env |= {"READINESS_HOME": str(tmp_path / "home")}
    of_run = ("--run", decision["run_id"])
    assert readiness(env, "stage", "sign-off", *of_run, "--answer", "reject", "--by", "Ann").returncode == 0
    assert readiness(env, "stage", "decide", *of_run).returncode == 2
    assert readiness(env, "stage", "sign-off", *of_run, "--answer", "approve", "--by", "Bob").returncode == 0
    again = readiness(env, "stage", "decide", *of_run)
    assert again.returncode == 2
    assert "rejected by Ann" in again.stdout


def test_a_resealed_result_that_its_evidence_does_not_support_is_found(
    approved: tuple[dict[str, str], Path, dict[str, Any]], tmp_path: Path
) -> None:
    env, home, decision = approved
    shutil.copytree(home / "archive", tmp_path / "home" / "archive")
    archive, run_id = Archive(tmp_path / "home" / "archive"), decision["run_id"]
    collect = StageRef("steady", "collect")
    forged = archive.open_stage(run_id, collect)
    shutil.copytree(archive.sealed_folder(run_id, collect), forged.folder, dirs_exist_ok=True)
    (forged.folder / "stage.json").unlink()
    audit = pd.read_parquet(forged.folder / "audit.parquet")
    audit[audit["event_id"] != audit["event_id"].iloc[0]].to_parquet(forged.folder / "audit.parquet")
    archive.seal(forged)
    result = archive.open_stage(run_id, StageRef("steady", "check"))
    (result.folder / "result.json").write_bytes(
        (result.folder.parent / "attempt-1" / "result.json").read_bytes()  # "all is well", as it was
    )
    archive.seal(result, inputs=[collect])
    env |= {"READINESS_HOME": str(tmp_path / "home")}
    decided = readiness(env, "stage", "decide", "--run", run_id)
    assert decided.returncode != 0
    assert "steady/check/result.json: says PASS, the evidence says" in decided.stdout


def test_a_replica_killed_by_hand_is_not_approved(env: dict[str, str], home: Path) -> None:
    run = begin(env, "--replicas", "1")
    wait_for(lambda: load_under_way(home), "the measured phase")
    replica = next(part for part in status(home)["components"] if part["component"] == "automation")
    os.kill(replica["pid"], signal.SIGKILL)
    output, errors = run.communicate(timeout=DEADLINE_S)
    assert run.returncode in (2, 3), errors
    assert json.loads(output)["decision"] in ("REJECTED", "INCONCLUSIVE")
    assert json.loads(output)["reasons"]


def test_a_platform_that_dies_is_not_approved_and_leaves_nothing(env: dict[str, str], home: Path) -> None:
    run = begin(env)
    wait_for(lambda: load_under_way(home), "the measured phase")
    replica = next(part for part in status(home)["components"] if part["component"] == "automation")
    supervisor = psutil.Process(replica["pid"]).parent()
    assert supervisor is not None
    for process in [supervisor, *supervisor.children(recursive=True)]:
        process.kill()
    output, errors = run.communicate(timeout=DEADLINE_S)
    assert run.returncode in (2, 3), errors
    assert "Traceback" not in errors
    decision = json.loads(output)
    verified = readiness(env, "verify", decision["run_id"])
    assert verified.returncode == run.returncode, verified.stderr  # the evidence so far confirms it


def test_a_second_run_is_refused_in_one_line_that_names_the_first(env: dict[str, str], home: Path) -> None:
    run = begin(env)
    wait_for(lambda: load_under_way(home), "the measured phase")
    second = readiness(env, "run", "steady", "--json")
    first = json.loads(readiness(env, "runs", "--json").stdout)[0]["run"]
    assert (second.returncode, second.stdout) == (1, "")
    assert f"in use by run {first}" in second.stderr.splitlines()[-1]
    output, errors = run.communicate(timeout=DEADLINE_S)
    # The first is not disturbed. (Whether its load was proven while a second one started beside it is another matter.)
    assert json.loads(output)["scenarios"][0]["verdict"] == "PASS", errors


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing_running(env: dict[str, str], home: Path, ending: signal.Signals) -> None:
    run = begin(env)
    wait_for(lambda: load_under_way(home), "the measured phase")
    run.send_signal(ending)
    _, errors = run.communicate(timeout=DEADLINE_S)
    assert run.returncode == 1
    assert "Traceback" not in errors
    assert errors.strip().splitlines()[-1].startswith("readiness: ")
    assert readiness(env, "run", "absent").returncode == 1


def test_what_cannot_be_executed_is_refused_before_anything_starts(env: dict[str, str], home: Path) -> None:
    failover = Path(env["READINESS_SCENARIOS"]) / "failover.yaml"
    failover.write_text(failover.read_text().replace("component: automation", "component: automaton"))
    refused = readiness(env, "run", "failover")
    assert refused.returncode == 1
    assert "no component 'automaton'; it has automation" in refused.stderr
    unknown = readiness(env, "run", "stedy")
    assert unknown.returncode == 1
    assert "legal are" in unknown.stderr
    assert "steady" in unknown.stderr
    assert not (home / "environments").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can be filled without harm."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"this user may not mount a file system to fill: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_fills_up_is_said_and_leaves_nothing_running(env: dict[str, str], small_disk: Path) -> None:
    home = small_disk / "home"
    run = begin(env | {"READINESS_HOME": str(home)})
    wait_for(lambda: load_under_way(home), "the measured phase")
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "filler").write_bytes(bytes(1 << 30))
    _, errors = run.communicate(timeout=DEADLINE_S)
    assert run.returncode == 1
    assert "Traceback" not in errors
    assert "No space left on device; make room there" in errors
    assert errors.strip().splitlines()[-1].startswith("readiness: ")
    assert processes_of(home) == []
    (small_disk / "filler").unlink()
    (stopped,) = [path.name for path in (home / "archive" / "runs").iterdir()]
    verified = readiness(env | {"READINESS_HOME": str(home)}, "verify", stopped)
    assert verified.returncode == 3
    assert "steady/load" in verified.stderr


@pytest.mark.usefixtures("home")
def test_a_taken_port_ends_inconclusive_and_says_so(env: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = readiness(env, "run", "steady", "--json", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 3
    assert "port" in done.stderr
    assert json.loads(done.stdout)["decision"] == "INCONCLUSIVE"
