"""`readiness stage drill` against the real platform: every kind of fault comes, goes, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from recorded_alerts import drawn_alerts
from short_scenarios import ROOT, environment

READINESS = str(Path(sys.executable).parent / "readiness")
DEADLINE_S = 60.0
S = 1_000_000_000
STEPS = {
    "held-kill": "{at: 10%, action: kill, component: automation, replicas: 2, for: 2s}",
    "term": "{at: 10%, action: kill, signal: TERM, component: vpn-core}",
    "paused": "{at: 10%, action: pause, component: automation, for: 2s}",
    "long-pause": "{at: 0%, action: pause, component: automation, for: 60s}",
    "refused": "{at: 10%, action: partition, how: refuse, between: [automation, postgres], for: 2s}",
    "dropped": "{at: 10%, action: partition, between: [automation, sink], for: 2s}",
    "slowed": "{at: 10%, action: slow, between: [automation, vpn-core], latency: 300ms, bandwidth: 64KiB/s, for: 2s}",
    "vpn-down": "{at: 10%, action: dependency_down, component: vpn-core, for: 2s}",
    "cache-down": "{at: 10%, action: dependency_down, component: valkey, for: 2s}",
    "database-down": "{at: 10%, action: dependency_down, component: postgres, for: 1s}",
    "disk": "{at: 10%, action: disk_full, component: postgres, for: 1s}",
}
SCENARIO = """name: {name}
title: {name}
load: {{rate: 600/min, arrivals: poisson, traffic: suricata}}
profiles:
  full: {{warmup: 1s, measure: 5s, drain: 40s}}
  smoke: {{warmup: 1s, measure: 5s, drain: 40s}}
drill: {{steps: [{step}]}}
objectives:
  - {{name: recovery, metric: recovery_time, must: "< 60s"}}
"""


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {DEADLINE_S} s for {what}"
        time.sleep(0.02)  # between two looks at the condition
    return found


@dataclass
class Deployed:
    """A run whose target is up and whose loads are yet to come."""

    env: dict[str, str]
    home: Path
    folder: Path
    run_id: str = "drills"

    def stage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [READINESS, "stage", arguments[0], "--run", self.run_id, *arguments[1:]]
        return subprocess.run(
            command, env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S * 2, check=False
        )

    def begin(self, scenario: str, start_s: float = 1.0, measure_s: float = 5.0) -> subprocess.Popen[str]:
        """The drill of a scenario beside a load whose measured phase starts in ``start_s``."""
        start_ns = time.time_ns() + round(start_s * S)
        clock = {
            "schema": 1, "anchor_wall_ns": start_ns, "arrivals_scheduled": {"measure": 1},
            "phases": [{"name": "measure", "start_ns": start_ns, "end_ns": start_ns + round(measure_s * S)}],
        }  # fmt: skip
        phases = self.folder / f"{scenario}-{start_ns}.json"
        phases.write_text(json.dumps(clock))
        command = [READINESS, "stage", "drill", "--run", self.run_id, "--scenario", scenario, "--phases", str(phases)]
        return subprocess.Popen(
            command, env=self.env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def facts(self, scenario: str) -> dict[str, Any]:
        """What the last attempt of that drill wrote so far."""
        attempts = self.home / "archive" / "runs" / self.run_id / scenario / "drill"
        last = max(attempts.iterdir(), key=lambda path: int(path.name.removeprefix("attempt-")))
        wait_for((last / "drill.json").is_file, "the first words of the drill")
        found: dict[str, Any] = json.loads((last / "drill.json").read_text())
        return found

    def status(self) -> dict[str, Any]:
        state = self.home / "environments" / "local" / "target"
        command = [sys.executable, "-m", "phantommesh", "status", "--state", str(state), "--json"]
        found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
        return found

    @property
    def journal(self) -> Path:
        return self.home / "environments" / "local" / "drill-journal.json"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("drills")
    scenarios = folder / "scenarios"
    scenarios.mkdir()
    for shared in ("environments", "traffic", "locust"):
        (scenarios / shared).symlink_to(ROOT / "scenarios" / shared)
    for name, step in STEPS.items():
        (scenarios / f"{name}.yaml").write_text(SCENARIO.format(name=name, step=step))
    found = Deployed(environment(scenarios, folder / "home"), folder / "home", folder)
    try:
        planned = found.stage("plan", *(part for name in STEPS for part in ("--scenario", name)))
        assert planned.returncode == 0, planned.stderr
        started = found.stage("deploy")
        assert started.returncode == 0, started.stderr
        yield found
    finally:
        found.stage("teardown")


def finished(drill: subprocess.Popen[str]) -> str:
    _, said = drill.communicate(timeout=DEADLINE_S)
    return said


def stopped_victim(deployed: Deployed, scenario: str) -> psutil.Process:
    """The process that the drill has paused by now."""

    def look() -> psutil.Process | None:
        steps = deployed.facts(scenario)["steps"] if deployed.journal.is_file() else []
        if not steps or steps[0]["in_place_ns"] is None:
            return None
        return psutil.Process(steps[0]["victims"][0]["pid"])

    victim: psutil.Process = wait_for(look, "the pause")
    assert victim.status() == psutil.STATUS_STOPPED
    return victim


@pytest.mark.parametrize("scenario", [name for name in STEPS if name not in ("long-pause", "disk")])
def test_a_fault_comes_when_it_is_due_and_the_target_is_healthy_again(deployed: Deployed, scenario: str) -> None:
    drill = deployed.begin(scenario)
    said = finished(drill)
    assert (drill.returncode, said) == (0, "")
    (step,) = deployed.facts(scenario)["steps"]
    assert step["due_ns"] <= step["injected_ns"] <= step["in_place_ns"] <= step["restored_ns"] <= step["healthy_ns"]
    if step["for_s"] is not None:
        assert step["restored_ns"] - step["in_place_ns"] >= step["for_s"] * S
    assert deployed.status()["state"] == "ready"
    assert not deployed.journal.exists()


def test_a_held_kill_ends_the_replacements_too(deployed: Deployed) -> None:
    finished(deployed.begin("held-kill"))
    victims = deployed.facts("held-kill")["steps"][0]["victims"]
    assert {item["replica"] for item in victims} == {"automation-0", "automation-1"}
    assert len(victims) > 2


def test_a_refusing_link_makes_the_replicas_say_so(deployed: Deployed) -> None:
    drill = deployed.begin("refused")
    urls = [item["admin_url"] for item in deployed.status()["components"] if item["component"] == "automation"]
    wait_for(lambda: all(httpx.get(f"{url}/readyz", trust_env=False).status_code == 503 for url in urls), "no database")
    finished(drill)
    assert all(httpx.get(f"{url}/readyz", trust_env=False).status_code == 200 for url in urls)


def test_a_cache_that_is_away_is_no_error_to_a_client(deployed: Deployed) -> None:
    events = drawn_alerts(100, step_ns=1_000_000, start_ns=time.time_ns())

    def away() -> bool:
        return not any(item["ready"] for item in deployed.status()["components"] if item["component"] == "valkey")

    drill = deployed.begin("cache-down")
    wait_for(away, "the cache to be gone")
    url = f"{deployed.status()['base_url']}/v1/events"
    with httpx.Client(trust_env=False) as client:
        answers = [client.post(url, content=event).status_code for event in events]
    assert away()  # all of them were answered without it
    finished(drill)
    assert set(answers) == {202}
    assert not away()


def test_a_killed_drill_leaves_a_pause_that_the_next_arm_removes_and_reports(deployed: Deployed) -> None:
    first = deployed.begin("long-pause")
    victim = stopped_victim(deployed, "long-pause")
    first.kill()
    first.wait()
    assert victim.status() == psutil.STATUS_STOPPED
    assert json.loads(deployed.journal.read_text())[0]["left"]["processes"][0][0] == victim.pid
    second = deployed.begin("long-pause", start_s=600)
    wait_for(lambda: victim.status() != psutil.STATUS_STOPPED, "the next arm")
    (left,) = wait_for(lambda: deployed.facts("long-pause")["leftovers"], "the report")
    assert left["removed"] is True
    assert "pause automation-0" in left["describe"]
    assert not deployed.journal.exists()
    second.send_signal(signal.SIGTERM)
    finished(second)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_drill_takes_its_fault_back_and_sees_the_target_healthy(
    deployed: Deployed, ending: signal.Signals
) -> None:
    drill = deployed.begin("long-pause")
    victim = stopped_victim(deployed, "long-pause")
    drill.send_signal(ending)
    said = finished(drill)
    assert drill.returncode == 1
    assert "Traceback" not in said
    assert victim.status() != psutil.STATUS_STOPPED
    (step,) = deployed.facts("long-pause")["steps"]
    assert step["restored_ns"] is not None
    assert step["healthy_ns"] is not None
    assert not deployed.journal.exists()


def test_a_drill_whose_starter_is_gone_takes_its_fault_back(deployed: Deployed) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()", "sleep", "300"]
    )
    sleeping = wait_for(lambda: psutil.Process(starter.pid).children(), "its child")[0]
    env = deployed.env
    try:
        deployed.env = env | {"READINESS_STARTER": str(starter.pid)}  # not the parent of the drill: as if it were gone
        drill = deployed.begin("long-pause")
        said = finished(drill)
    finally:
        deployed.env = env
        sleeping.kill()
        starter.wait()
    assert drill.returncode == 1
    assert "the load stage that started it is gone" in said
    assert not deployed.journal.exists()


def test_a_disk_that_other_things_use_is_not_filled(deployed: Deployed) -> None:
    drill = deployed.begin("disk")
    said = finished(drill)
    assert drill.returncode == 1
    assert "which other things use; give the component a small file system of its own" in said
    assert deployed.facts("disk")["steps"][0]["injected_ns"] is None


def test_the_teardown_removes_what_a_killed_drill_left(deployed: Deployed) -> None:
    drill = deployed.begin("long-pause")
    stopped_victim(deployed, "long-pause")
    drill.kill()
    drill.wait()
    ended = deployed.stage("teardown")
    assert ended.returncode == 0, ended.stderr
    folder = deployed.home / "archive" / "runs" / deployed.run_id / "_run" / "teardown"
    (left,) = json.loads(next(folder.glob("*/teardown.json")).read_text())["leftovers"]
    assert left["removed"] is True
    assert not deployed.journal.exists()
    mine = str(deployed.home)
    assert [p.pid for p in psutil.process_iter(["cmdline"]) if mine in " ".join(p.info["cmdline"] or ())
            and p.pid != os.getpid()] == []  # fmt: skip


def test_the_load_stage_takes_back_what_a_killed_drill_left(tmp_path: Path) -> None:
    scenarios, home = tmp_path / "scenarios", tmp_path / "home"
    scenarios.mkdir()
    for shared in ("environments", "traffic", "locust"):
        (scenarios / shared).symlink_to(ROOT / "scenarios" / shared)
    (scenarios / "long-pause.yaml").write_text(SCENARIO.format(name="long-pause", step=STEPS["long-pause"]))
    run = subprocess.Popen(
        [READINESS, "run", "long-pause", "--json"], env=environment(scenarios, home), cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    journal = home / "environments" / "local" / "drill-journal.json"
    wait_for(journal.is_file, "the pause")
    (drill,) = [process for process in psutil.Process(run.pid).children() if "drill" in process.cmdline()]
    drill.kill()
    output, errors = run.communicate(timeout=DEADLINE_S * 2)
    assert run.returncode in (2, 3), errors
    assert "the drill ended and left in place: pause automation-0" in errors
    assert "removed now" in errors
    assert json.loads(output)["decision"] == "INCONCLUSIVE"
    assert not journal.exists()
