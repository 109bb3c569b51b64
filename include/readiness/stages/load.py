"""Load: the generator and its companions - observer, probes, drill - side by side, each a process of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from readiness.clients.home import scenarios_folder
from readiness.clients.tables import csv_to_table
from readiness.model.dataset import REQUESTS
from readiness.model.evidence import RUN_SCOPE, StageRef, measuring_stages
from readiness.model.scenario import Profile, Scenario
from readiness.stages.recording import Recording, recording
from readiness.stages.run import Run, StageError
from readiness.stages.steady_state import settle
from readiness.stages.tenancy import require_held

_START_S = 60.0  # generator: imports, traffic, first connections
_STOP_S = 20.0


def load(run: Run, name: str) -> None:
    """Send the scenario's load; meanwhile observe the target and, where the scenario says so, probe it and inject its
    faults. Raises StageError when the load could not be sent
    as scheduled; what was recorded until then is sealed. A target that refuses or dies is no error of this stage:
    that is what it is there to record. Raises NotSteadyError, having sent nothing, when the target is not in its steady
    state and does not come back to it, and NotHeldError when the environment is not this run's any more."""
    scenario = run.plan.scenario(name)
    profile = scenario.profiles[run.plan.profile]
    inputs = (StageRef(RUN_SCOPE, "plan"), StageRef(RUN_SCOPE, "deploy"))
    with recording(run, StageRef(name, "load"), inputs) as record:
        require_held(run)  # before another's target is scaled
        record.write("steady.json", settle(run, scenario))
        require_held(run)  # to settle may have taken minutes
        plan_file = record.folder / "plan.json"
        record.write("plan.json", _generator_plan(run, scenario, profile, record.folder))
        log = (record.folder / "generator.log").open("wb")
        companions = [_start(_stage_command(run, name, stage, record.folder)) for stage in companions_of(scenario)]
        generator = _start([sys.executable, str(scenarios_folder() / "locust" / "run_plan.py"), str(plan_file)], log)
        stop_s = _STOP_S + 2 * run.archive.patience_s  # a companion seals before it ends
        try:
            sends_s = profile.warmup + profile.measure + scenario.load.request_timeout
            code = _wait(generator, sends_s + _START_S)
            phases_known = (record.folder / "phases.json").is_file()
            if phases_known and code == 0:
                _wait_all(companions, profile.drain + stop_s)
        finally:
            _stop(stop_s, generator, *companions)
            left = run.take_back_leftovers() if scenario.drill else []
            log.close()
            _keep_records(record)
        record.failure = _failure(code, record.folder) or _left_behind(left)


def _generator_plan(run: Run, scenario: Scenario, profile: Profile, out_dir: Path) -> dict[str, Any]:
    traffic = sorted((scenarios_folder() / "traffic" / scenario.load.traffic).glob("*.json"))
    if not traffic:
        raise StageError(f"no recorded traffic in {scenarios_folder() / 'traffic' / scenario.load.traffic}")
    return {
        "schema": 1,
        "run_id": run.run_id,
        "scenario": scenario.name,
        "source": run.source(scenario.name),
        "also_allowed": list(run.measured_addresses()),
        "url": f"{run.status()['base_url']}/v1/events",
        "arrivals": scenario.load.arrivals,
        "rate_per_s": scenario.load.rate,
        "warmup_s": profile.warmup,
        "measure_s": profile.measure,
        "seed": run.plan.seed,
        "traffic": [str(path.resolve()) for path in traffic],
        "request_timeout_s": scenario.load.request_timeout,
        "out_dir": str(out_dir),
        "progress_file": str(run.home.load_progress(run.run_id)),
    }


def companions_of(scenario: Scenario) -> tuple[str, ...]:
    """The stages that run beside the load of this scenario and follow its phase clock."""
    return tuple(stage for stage in measuring_stages(scenario) if stage in ("observe", "probe", "drill"))


def _stage_command(run: Run, name: str, stage: str, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "readiness", "stage", stage, "--run", run.run_id, "--scenario", name]
    return [*command, "--phases", str(folder / "phases.json"), "--home", str(run.home.root),
            "--archive", run.home.archive_place]  # fmt: skip


def _start(command: list[str], log: Any = None) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches only this process, which then stops all of them. They end by themselves
    # when the process they are told of is gone.
    environment = os.environ | {"READINESS_STARTER": str(os.getpid())}
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
    )


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    """The exit code, or None when it still runs after the time."""
    try:
        return process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return None


def _wait_all(processes: list[subprocess.Popen[bytes]], timeout_s: float) -> None:
    """Return when all have ended, at the latest after the time."""
    ends_s = time.monotonic() + timeout_s
    for process in processes:
        _wait(process, max(0.0, ends_s - time.monotonic()))


def _stop(timeout_s: float, *processes: subprocess.Popen[bytes]) -> None:
    """End those that still run; together they have this time to finish what they do."""
    left = [process for process in processes if process.poll() is None]
    for process in left:
        process.terminate()
    _wait_all(left, timeout_s)
    for process in left:
        if process.poll() is None:
            process.kill()
            process.wait()


def _keep_records(record: Recording) -> None:
    """Turn the generator's records into the data set, also those of a generator that was killed."""
    csv = record.folder / "requests.csv"
    if csv.is_file():
        record.rows["requests.parquet"] = csv_to_table(csv, record.folder / "requests.parquet", REQUESTS)
        csv.unlink()
    for partial in record.folder.glob("*.partial"):
        partial.unlink()
    facts = record.folder / "generator.json"
    if facts.is_file():
        record.fingerprint["generator"] = json.loads(facts.read_text()).get("versions")


def _left_behind(left: list[dict[str, Any]]) -> str:
    """A drill that was killed takes nothing back; then this stage did, which is worth telling."""
    said = [f"{item['describe']} ({'removed now' if item['removed'] else item['error']})" for item in left]
    return f"the drill ended and left in place: {'; '.join(said)}" if said else ""


def _failure(code: int | None, folder: Path) -> str:
    if code == 0:
        return ""
    lines = (folder / "generator.log").read_text(errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    ended = "did not end in time" if code is None else f"ended with code {code}"
    return f"the load generator {ended}: {said[-1] if said else 'it said nothing'}"
