"""The configuration of a platform that really starts, or rightly does not; and what its processes write."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from phantommesh.config.load import PRODUCTION
from phantommesh.database.server import reason_in_log

from .conftest import Platform, run_command, until

PLANTED = "hunter2-Zt9"
ROUTING_KEY = "PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__PAGERDUTY__ROUTING_KEY"


def whole(folder: Path) -> bytes:
    """Everything in a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def with_pagerduty(folder: Path, routing_key: object) -> Path:
    raw = yaml.safe_load(PRODUCTION.read_text())
    raw["alert_routing"]["endpoints"] = {"pagerduty": {"url": "https://pager.example/v2", "routing_key": routing_key}}
    file = folder / "config.yaml"
    file.write_text(json.dumps(raw, indent=1))
    return file


@pytest.mark.parametrize(
    "routing_key", [PLANTED, {"file": "/nowhere"}, {"env": "PHANTOMMESH_NOT_SET"}, {"file": PLANTED}]
)
def test_up_refuses_a_secret_that_is_none_and_starts_nothing(tmp_path: Path, routing_key: object) -> None:
    state = tmp_path / "state"
    file = with_pagerduty(tmp_path, routing_key)
    for command in (("up", "--state", str(state)), ("config",), ("config", "--check"), ("config", "--json")):
        done = run_command(*command, "--config", str(file))
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert f"{file}:" in line
        assert "alert_routing.endpoints.pagerduty.routing_key" in line
        assert PLANTED not in done.stdout + done.stderr
    assert not state.exists()


def test_up_refuses_a_secret_in_a_variable_and_does_not_repeat_it(tmp_path: Path) -> None:
    file = with_pagerduty(tmp_path, {"env": "PHANTOMMESH_KEY"})
    command = ("up", "--state", str(tmp_path / "state"), "--config", str(file))
    done = run_command(*command, PHANTOMMESH_KEY=PLANTED, **{ROUTING_KEY: PLANTED})
    assert done.returncode == 1
    assert ROUTING_KEY in done.stderr
    assert PLANTED not in done.stdout + done.stderr


def test_config_says_every_problem_on_a_line_of_its_own() -> None:
    done = run_command("config", "--check", PHANTOMMESH_SYSTEM__LEASE_S="0", PHANTOMMESH_CACHE__TIMEOUT_MS="x")
    assert done.returncode == 1
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == [
        "PHANTOMMESH_SYSTEM__LEASE_S", "PHANTOMMESH_CACHE__TIMEOUT_MS",
    ]  # fmt: skip
    assert run_command("config", "--check").returncode == 0


@pytest.fixture(scope="module")
def running(start: Callable[..., Platform], tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A platform with secrets in a file and in the environment, and debug lines."""
    folder = tmp_path_factory.mktemp("configured")
    (folder / "password").write_text(f"{PLANTED}\n")
    file = with_pagerduty(folder, {"env": "PHANTOMMESH_KEY"})
    return start(
        "--replicas", "2", "--config", str(file), PHANTOMMESH_KEY=PLANTED, PHANTOMMESH_LOGGING__LEVEL="debug",
        PHANTOMMESH_CACHE__PASSWORD=f"{{file: {folder / 'password'}}}", PHANTOMMESH_DATABASE__POOL_MAX="60",
    )  # fmt: skip


def test_a_running_platform_keeps_no_secret_in_its_folder(running: Platform, critical: dict[str, object]) -> None:
    assert running.post(critical).status == 202
    found = whole(running.state)
    assert b"PHANTOMMESH_KEY" in found  # the place of the secret is there, so this looked at the right files
    assert PLANTED.encode() not in found


def test_every_line_of_a_process_of_ours_is_json_and_says_whose_it_is(running: Platform) -> None:
    for name, replica in (("automation-0", "automation-0"), ("automation-1", "automation-1"), ("sink", "sink-0")):
        lines = [json.loads(line) for line in (running.state / "log" / f"{name}.log").read_text().splitlines()]
        assert lines[0]["message"] == "starts"
        assert {line["replica"] for line in lines} == {replica}
        assert all(line["time"].endswith("Z") for line in lines)


def test_the_server_takes_the_connections_that_the_pool_may_open(running: Platform) -> None:
    data_dir = Path(json.loads((running.state / "run.json").read_text())["data_dir"])
    assert "max_connections = 80" in (data_dir / "postgresql.auto.conf").read_text()


def test_a_replica_that_starts_anew_says_so(running: Platform) -> None:
    log = running.state / "log" / "automation-1.log"
    os.kill(running.component("automation-1")["pid"], signal.SIGTERM)
    until(lambda: log.read_text().count('"message":"starts"') == 2)
    assert '"message":"has drained and ends"' in log.read_text()
    until(lambda: running.status()["state"] == "ready")


def test_a_replica_whose_port_is_taken_says_so_in_one_line(running: Platform) -> None:
    other = running.state.parent / "other"
    other.mkdir()
    (other / "config.json").write_bytes((running.state / "config.json").read_bytes())
    run = json.loads((running.state / "run.json").read_text())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (other / "run.json").write_text(json.dumps({**run, "admin_ports": [taken.getsockname()[1]]}))
        command = [sys.executable, "-m", "phantommesh.automation", str(other), "0"]
        secrets = os.environ | {"PHANTOMMESH_KEY": PLANTED}
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=secrets)
    assert done.returncode != 0
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["level"], last["replica"]) == ("critical", "automation-0")
    assert "ended by a fault: [Errno 98]" in last["message"]
    (other / "log").write_text(done.stderr)
    assert reason_in_log(other / "log") == last["message"]  # what `up` tells a person
