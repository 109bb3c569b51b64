"""The generator as a process, against a real server in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from freezable_server import FreezableServer, freezable_server
from request_log import read_rows

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[FreezableServer]:
    with freezable_server() as running:
        yield running


def write_plan(tmp_path: Path, port: int, rate_per_s: float, measure_s: float) -> None:
    plan = {
        "schema": 1, "run_id": "r", "scenario": "s", "source": "r/s", "url": f"http://127.0.0.1:{port}/v1/events",
        "arrivals": "poisson", "rate_per_s": rate_per_s, "warmup_s": 1, "measure_s": measure_s, "seed": 7,
        "traffic": [str(path) for path in sorted((ROOT / "scenarios/traffic/suricata").glob("*.json"))],
        "request_timeout_s": 5, "out_dir": str(tmp_path), "progress_file": str(tmp_path / "progress.json"),
    }  # fmt: skip
    (tmp_path / "plan.json").write_text(json.dumps(plan))


def start(tmp_path: Path, port: int, rate_per_s: float, measure_s: float) -> subprocess.Popen[str]:
    write_plan(tmp_path, port, rate_per_s, measure_s)
    command = [sys.executable, str(ROOT / "scenarios/locust/run_plan.py"), str(tmp_path / "plan.json")]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def phase_clock(tmp_path: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while not (tmp_path / "phases.json").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)  # between two looks at the condition
    document: dict[str, Any] = json.loads((tmp_path / "phases.json").read_text())
    return document


def sleep_until(epoch_ns: int) -> None:
    time.sleep(max(0.0, (epoch_ns - time.time_ns()) / 1e9))


def test_every_scheduled_arrival_is_recorded(tmp_path: Path, server: FreezableServer) -> None:
    process = start(tmp_path, server.port, 200, 4)
    assert process.wait(60) == 0, process.communicate()[1]
    rows, facts = list(read_rows(tmp_path / "requests.csv")), json.loads((tmp_path / "generator.json").read_text())
    scheduled = json.loads((tmp_path / "phases.json").read_text())["arrivals_scheduled"]
    assert facts["finished"]
    assert sorted(int(row["seq"]) for row in rows) == list(range(facts["arrivals_scheduled"]))
    assert sum(row["phase"] == "measure" for row in rows) == scheduled["measure"]
    assert {row["status"] for row in rows} == {"202"}
    assert json.loads((tmp_path / "progress.json").read_text())["sent"] > 0


def test_a_frozen_server_shows_in_full_in_the_tail(tmp_path: Path, server: FreezableServer) -> None:
    process = start(tmp_path, server.port, 200, 6)
    measure = phase_clock(tmp_path, process)["phases"][1]
    sleep_until(measure["start_ns"] + 2_000_000_000)
    frozen_ns = time.time_ns()
    server.freeze()
    sleep_until(frozen_ns + 1_000_000_000)
    server.thaw()
    thawed_ns = time.time_ns()
    assert process.wait(60) == 0, process.communicate()[1]
    rows = [row for row in read_rows(tmp_path / "requests.csv") if row["phase"] == "measure"]
    intended = np.array([int(row["intended_ns"]) for row in rows])
    reported = np.array([int(row["done_ns"]) for row in rows]) - intended
    truth = np.where((intended >= frozen_ns) & (intended < thawed_ns), thawed_ns - intended, 0)
    assert np.percentile(reported, 99) == pytest.approx(np.percentile(truth, 99), rel=0.10)


def test_a_refusing_target_is_recorded_arrival_by_arrival(tmp_path: Path, server: FreezableServer) -> None:
    server.kill()
    process = start(tmp_path, server.port, 50, 1)
    assert process.wait(60) == 0, process.communicate()[1]
    rows = list(read_rows(tmp_path / "requests.csv"))
    assert rows
    assert {(row["status"], row["error"], row["done_ns"]) for row in rows} == {("0", "refused", "")}


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_ended_generator_leaves_its_records(tmp_path: Path, server: FreezableServer, ending: signal.Signals) -> None:
    process = start(tmp_path, server.port, 100, 60)
    sleep_until(phase_clock(tmp_path, process)["phases"][1]["start_ns"] + 1_000_000_000)
    os.kill(process.pid, ending)
    ended_ns = time.time_ns()
    assert process.wait(20) != 0
    assert len(list(read_rows(tmp_path / "requests.csv"))) > 50
    late = [row for row in read_rows(tmp_path / "requests.csv") if int(row["sent_ns"]) > ended_ns + 2_000_000_000]
    assert late == []  # it stops sending, it does not finish its plan first
    if ending != signal.SIGKILL:
        assert json.loads((tmp_path / "generator.json").read_text())["finished"] is False


def test_a_generator_whose_starter_was_killed_ends(tmp_path: Path, server: FreezableServer) -> None:
    write_plan(tmp_path, server.port, 100, 60)
    command = [sys.executable, str(ROOT / "scenarios/locust/run_plan.py"), str(tmp_path / "plan.json")]
    starter = f"import subprocess, time; print(subprocess.Popen({command!r}).pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        generator = psutil.Process(int(parent.stdout.readline()))
        phase_clock(tmp_path, parent)
        parent.kill()
    generator.wait(10)
    assert json.loads((tmp_path / "generator.json").read_text())["finished"] is False


def test_a_bad_plan_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    process = start(tmp_path, 0, -5, 1)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "rate_per_s" in said
    assert "Traceback" not in said


def test_a_missing_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    process = start(tmp_path, 9, 5, 1)
    process.kill()
    process.communicate()
    plan = json.loads((tmp_path / "plan.json").read_text()) | {"out_dir": str(tmp_path / "absent")}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    command = [sys.executable, str(ROOT / "scenarios/locust/run_plan.py"), str(tmp_path / "plan.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"out_dir: {tmp_path / 'absent'} is not a folder; create it before the run"]
