"""The probe stage: how long it probes, what it waits for, and that it seals what it has."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from cluster_environment import cluster_environment
from ingress_parts import AUTHORIZATION, PASSWORD, ingress_at, made_certificate, set_variables
from interruptible_server import interruptible_server
from readiness.clients.archive import Archive
from readiness.clients.home import Home
from readiness.clients.tables import read_table
from readiness.model.dataset import PROBES
from readiness.model.document import to_json
from readiness.model.evidence import RUN_SCOPE, StageRef
from readiness.model.probe_path import probed_paths
from readiness.model.scenario import Objective
from readiness.stages.probe import LONGEST_TIMEOUT_S, QUIET_S, RATE_HZ, _Until, probe, probe_source, timeout_of
from readiness.stages.run import Run, StageError
from unit.report import report_examples as examples

S = 1_000_000_000
REF = StageRef("failover", "probe")


def sealed(run: Run, stage: str, name: str, value: object) -> None:
    opened = run.archive.open_stage(run.run_id, StageRef(RUN_SCOPE, stage))
    (opened.folder / name).write_bytes(to_json(value))
    run.archive.seal(opened, outcome="done", reason="", inputs=[], rows={}, fingerprint={})


@pytest.mark.parametrize("bound", ["600ms", "1s", "30s"])
def test_the_timeout_is_half_of_the_bound_and_never_long(bound: str) -> None:
    scenario = examples.example_plan("failover").scenarios[0]
    objective = Objective(name="interruption", metric="interruption", must=f"< {bound}")  # type: ignore[arg-type]
    asked = scenario.model_copy(update={"objectives": (objective,)})
    assert timeout_of(asked) == {"600ms": 0.3, "1s": 0.5, "30s": LONGEST_TIMEOUT_S}[bound]
    assert timeout_of(scenario.model_copy(update={"objectives": scenario.objectives[:1]})) == LONGEST_TIMEOUT_S


def test_probing_ends_when_nothing_failed_for_a_while_after_the_load(tmp_path: Path) -> None:
    phases = tmp_path / "phases.json"
    until = _Until(phases, drain_s=60)
    assert not until.reached(50 * S, 0)
    phases.write_text(json.dumps({"phases": [{"end_ns": 10 * S}, {"end_ns": 100 * S}]}))
    quiet_ns = round(QUIET_S * S)
    assert not until.reached(99 * S, 0)
    assert not until.reached(100 * S + quiet_ns - 1, 0)
    assert until.reached(100 * S + quiet_ns, 0)
    assert not until.reached(110 * S, 109 * S)
    assert until.reached(109 * S + quiet_ns, 109 * S)
    assert until.reached(160 * S + 1, 160 * S)


def probed_until(run: Run, how: signal.Signals, request: pytest.FixtureRequest) -> pd.DataFrame:
    """What the stage, begun as a process of its own and ended after a while by this signal, has sealed."""
    folder = run.home.root
    command = [sys.executable, "-m", "readiness", "stage", "probe", "--run", run.run_id, "--scenario", "failover",
               "--phases", str(folder / "phases.json"), "--home", str(folder)]  # fmt: skip
    environment = os.environ | {"READINESS_STARTER": str(os.getpid())}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    request.addfinalizer(process.kill)
    attempt = Path(run.home.archive) / "runs" / run.run_id / "failover" / "probe" / "attempt-1"
    deadline = time.monotonic() + 60
    while not attempt.is_dir():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two looks at the condition
    time.sleep(1.5)  # some probing
    process.send_signal(how)
    assert process.wait(60) == 0, process.communicate()[1]
    assert Archive(run.home.archive).check_stages(run.run_id, (REF,)) == ()
    return read_table(run.archive.sealed_folder(run.run_id, REF) / "samples.parquet", PROBES)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stage_that_is_terminated_seals_its_samples(
    tmp_path: Path, how: signal.Signals, request: pytest.FixtureRequest
) -> None:
    run = Run(Home(tmp_path), "20260921T120000Z-local-a1b2c3")
    sealed(run, "plan", "run.json", examples.example_plan("failover", run_id=run.run_id, profile="smoke"))
    with interruptible_server() as server:
        sealed(run, "deploy", "deploy.json", {"took_s": 1, "status": {"base_url": server.url, "components": []}})
        rows = probed_until(run, how, request)
    facts = run.read_facts(REF, "probe.json")
    assert {name: str(kind) for name, kind in rows.dtypes.items()} == PROBES
    assert len(rows) == sum(path["sent"] for path in facts["paths"]) > RATE_HZ
    assert facts["started_ns"] < facts["finished_ns"]
    assert probe_source(run, "failover") == f"{run.run_id}/failover/probe"


def with_ingress(run: Run, url: str, certificate: Path) -> None:
    """Its sealed plan, in an environment that names an ingress there."""
    environment = cluster_environment(run.home.root)
    cluster = environment.cluster.model_copy(update={"ingress": ingress_at(url, certificate)})
    named = environment.model_copy(update={"cluster": cluster})
    plan = examples.example_plan("failover", run_id=run.run_id, profile="smoke", environment=named)
    sealed(run, "plan", "run.json", plan)


def test_with_an_ingress_the_stage_has_twice_the_paths_and_seals_no_secret(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables(monkeypatch)
    run, certificate = Run(Home(tmp_path), "20260921T120000Z-dev-a1b2c3"), made_certificate(tmp_path)
    with interruptible_server() as service, interruptible_server(certificate, AUTHORIZATION) as outside:
        with_ingress(run, outside.url, certificate[0])
        sealed(run, "deploy", "deploy.json", {"took_s": 1, "status": {"base_url": service.url, "components": []}})
        rows = probed_until(run, signal.SIGTERM, request)
    assert {tuple(pair) for pair in rows[["path", "connection"]].to_numpy()} == set(probed_paths(ingress=True))
    assert set(rows["error"]) <= {"", "under way"}
    assert rows["status"].isin([200, 202]).mean() > 0.9
    for path in Path(run.home.archive).rglob("*"):
        assert not path.is_file() or not any(item.encode() in path.read_bytes() for item in (PASSWORD, AUTHORIZATION))


def test_a_stage_that_lacks_what_the_ingress_wants_fails_in_one_line(tmp_path: Path) -> None:
    run = Run(Home(tmp_path), "20260921T120000Z-dev-a1b2c3")
    with_ingress(run, "https://127.0.0.1:1", made_certificate(tmp_path)[0])
    sealed(run, "deploy", "deploy.json", {"status": {"base_url": "http://127.0.0.1:1", "components": []}})
    with pytest.raises(StageError, match="READINESS_INGRESS_USER is not set here"):
        probe(run, "failover", tmp_path / "phases.json")
    seal = run.archive.read_seal(run.run_id, REF)
    assert (seal.outcome, "READINESS_INGRESS_USER is not set here" in seal.reason) == ("failed", True)
