"""up, status and down: what they leave behind, and what they say when they cannot."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from phantommesh.supervision.state import State

from .conftest import COMMAND, call, run_command, until


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder that only this test's platforms use, and that is empty at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pm-"))
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    left = list(folder.iterdir())
    shutil.rmtree(folder)
    assert left == []


@pytest.fixture
def state(tmp_path: Path, temporary: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    assert run_command("down", "--state", str(folder)).returncode == 0
    assert temporary.is_dir()


def traces(state: Path) -> list[str]:
    """Processes that have to do with a state folder, by what they were started with."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if str(state) in command and " up " not in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(command)
    return found


def one_line(text: str) -> str:
    assert text.startswith("phantommesh: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


def test_from_start_to_stop(state: Path) -> None:
    assert run_command("status", "--state", str(state), "--json").returncode == 4
    started = run_command("up", "--state", str(state), "--replicas", "2", "--json")
    assert started.returncode == 0, started.stderr
    document = json.loads(started.stdout)
    assert document["state"] == "ready"
    assert [item["replica"] for item in document["components"]] == [
        "automation-0", "automation-1", "vpn-core-0", "vpn-core-1", "vpn-core-2", "postgres-0", "sink-0",
    ]  # fmt: skip
    assert all(item["ready"] and psutil.pid_exists(item["pid"]) for item in document["components"])
    assert run_command("status", "--state", str(state)).returncode == 0
    assert run_command("down", "--state", str(state), "--json").returncode == 0
    assert run_command("down", "--state", str(state), "--json").returncode == 0
    stopped = run_command("status", "--state", str(state), "--json")
    assert (stopped.returncode, json.loads(stopped.stdout)["state"]) == (4, "stopped")
    assert traces(state) == []


def test_a_second_up_is_refused_and_harms_nothing(state: Path) -> None:
    assert run_command("up", "--state", str(state), "--replicas", "1").returncode == 0
    refused = run_command("up", "--state", str(state), "--replicas", "1")
    assert refused.returncode == 1
    assert "runs there already" in one_line(refused.stderr)
    assert run_command("status", "--state", str(state)).returncode == 0
    # A missing replica is degraded, not stopped.
    document = json.loads(run_command("status", "--state", str(state), "--json").stdout)
    os.kill(document["components"][0]["pid"], signal.SIGSTOP)
    assert run_command("status", "--state", str(state)).returncode == 3
    os.kill(document["components"][0]["pid"], signal.SIGCONT)


def test_down_after_the_supervisor_was_killed_leaves_nothing(state: Path) -> None:
    assert run_command("up", "--state", str(state), "--replicas", "2").returncode == 0
    document = json.loads(run_command("status", "--state", str(state), "--json").stdout)
    os.kill(json.loads((state / "supervisor.json").read_text())["pid"], signal.SIGKILL)
    os.kill(document["components"][0]["pid"], signal.SIGKILL)
    until(lambda: run_command("status", "--state", str(state)).returncode == 3)
    assert run_command("down", "--state", str(state)).returncode == 0
    assert traces(state) == []


def test_up_over_the_leftovers_of_a_crash_starts_afresh(state: Path) -> None:
    assert run_command("up", "--state", str(state), "--replicas", "1").returncode == 0
    old = {
        item["pid"] for item in json.loads(run_command("status", "--state", str(state), "--json").stdout)["components"]
    }
    os.kill(json.loads((state / "supervisor.json").read_text())["pid"], signal.SIGKILL)
    again = run_command("up", "--state", str(state), "--replicas", "1", "--json")
    assert again.returncode == 0, again.stderr
    assert old.isdisjoint(pid for pid in old if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie")
    audit = call(json.loads(again.stdout)["base_url"] + "/v1/audit")
    assert audit.json() == {"end": True, "count": 0, "last_seq": 0}


def test_data_is_kept_when_that_is_asked(state: Path, recorded: list[dict[str, object]]) -> None:
    options = ("up", "--state", str(state), "--replicas", "1", "--keep-data", "--json")
    url = json.loads(run_command(*options).stdout)["base_url"]
    assert call(f"{url}/v1/events", "POST", json.dumps(recorded[0]).encode()).json()["status"] == "accepted"
    assert run_command("down", "--state", str(state)).returncode == 0
    url = json.loads(run_command(*options).stdout)["base_url"]
    assert call(f"{url}/v1/events", "POST", json.dumps(recorded[0]).encode()).json()["status"] == "duplicate"
    assert run_command("down", "--state", str(state)).returncode == 0
    assert run_command("up", "--state", str(state), "--replicas", "1").returncode == 0  # and given up with the next


def test_a_taken_port_is_one_line(state: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run_command("up", "--state", str(state), "--port", str(port))
    assert refused.returncode == 1
    assert f"port {port}" in one_line(refused.stderr)
    assert traces(state) == []


def test_a_bad_configuration_is_one_line_with_every_problem(state: Path) -> None:
    refused = run_command(
        "up", "--state", str(state), PHANTOMMESH_SYSTEM__EVENT_QUEUE_SIZE="none", PHANTOMMESH_SYSTEM__NONSENSE="1"
    )
    assert refused.returncode == 1
    line = one_line(refused.stderr)
    assert "system.event_queue_size" in line
    assert "system.nonsense" in line
    assert not state.exists()


def test_a_state_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run_command("up", "--state", str(tmp_path / "file" / "state"))
    assert refused.returncode == 1
    one_line(refused.stderr)


@pytest.mark.parametrize(
    ("number", "sign"),
    [(signal.SIGINT, "starting.json"), (signal.SIGTERM, "supervisor.json"), (signal.SIGINT, "children.json")],
)
def test_an_interrupted_up_leaves_nothing(state: Path, temporary: Path, number: signal.Signals, sign: str) -> None:
    starting = subprocess.Popen([*COMMAND, "up", "--state", str(state)], stderr=subprocess.PIPE, text=True)
    until(lambda: (state / sign).exists())
    starting.send_signal(number)
    _, complaint = starting.communicate(timeout=60)
    assert starting.returncode == 1
    assert "interrupted" in one_line(complaint)
    assert traces(state) == []
    assert list(temporary.iterdir()) == []


def test_down_ends_an_up_at_work(state: Path) -> None:
    starting = subprocess.Popen([*COMMAND, "up", "--state", str(state)], stderr=subprocess.PIPE, text=True)
    until(lambda: (state / "starting.json").exists())
    assert run_command("down", "--state", str(state)).returncode == 0
    starting.communicate(timeout=60)
    assert run_command("status", "--state", str(state)).returncode == 4
    assert traces(state) == []


def test_a_database_that_cannot_start_is_one_line(state: Path) -> None:
    assert run_command("up", "--state", str(state), "--replicas", "1", "--keep-data").returncode == 0
    data_dir = Path(json.loads((state / "run.json").read_text())["data_dir"])
    assert run_command("down", "--state", str(state)).returncode == 0
    (data_dir / "global" / "pg_control").write_bytes(b"broken")
    refused = run_command("up", "--state", str(state), "--replicas", "1", "--keep-data")
    assert refused.returncode == 1
    assert "postgres does not start" in one_line(refused.stderr)
    assert traces(state) == []
    assert run_command("up", "--state", str(state), "--replicas", "1").returncode == 0


def test_kept_data_of_another_schema_is_one_line(state: Path) -> None:
    keeping = ("up", "--state", str(state), "--replicas", "1", "--vpn-replicas", "1", "--keep-data")
    assert run_command(*keeping).returncode == 0
    run = State(state).read_run()
    assert run is not None

    async def mark() -> None:
        connection = await asyncpg.connect(**run.database.arguments(), user="postgres", database="postgres")
        await connection.execute("COMMENT ON DATABASE phantommesh IS 'schema of old'")
        await connection.close()

    asyncio.run(mark())
    assert run_command("down", "--state", str(state)).returncode == 0
    refused = run_command(*keeping)
    assert refused.returncode == 1
    assert "has another schema (schema of old" in one_line(refused.stderr)
    assert "start without --keep-data" in refused.stderr
    assert traces(state) == []
    assert run_command(*keeping[:-1]).returncode == 0  # what the line says to do; and nothing of the old data is left
    assert run_command("down", "--state", str(state)).returncode == 0


def test_a_cache_is_started_when_it_is_asked_for(state: Path) -> None:
    few = ("--state", str(state), "--replicas", "1", "--vpn-replicas", "1")
    started = run_command("up", *few, "--valkey", "--json")
    assert started.returncode == 0, started.stderr
    (cache,) = [item for item in json.loads(started.stdout)["components"] if item["component"] == "valkey"]
    assert cache["ready"]
    assert run_command("down", "--state", str(state)).returncode == 0
    assert not psutil.pid_exists(cache["pid"])
    assert traces(state) == []


def test_two_caches_are_refused(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHANTOMMESH_CACHE__URL", "valkey://127.0.0.1:6379/0")
    refused = run_command("up", "--state", str(state), "--valkey")
    assert refused.returncode == 1
    assert "names a cache already (valkey://127.0.0.1:6379/0)" in one_line(refused.stderr)
    assert traces(state) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the database to another user")
def test_a_state_folder_below_a_private_one_with_odd_characters_works() -> None:
    private = Path(tempfile.mkdtemp())  # mode 0700
    state = private / ("long " * 20 + "50% 'quoted'") / "state"
    try:
        started = run_command("up", "--state", str(state), "--replicas", "1")
        assert started.returncode == 0, started.stderr
        assert private.stat().st_mode & 0o777 == 0o700
        assert run_command("down", "--state", str(state)).returncode == 0
    finally:
        run_command("down", "--state", str(state))
        shutil.rmtree(private)
