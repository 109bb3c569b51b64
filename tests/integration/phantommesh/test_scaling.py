"""A platform that adds replicas under load and takes them away after it, by the rule of Kubernetes' autoscaler."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from .conftest import Platform, call, run_command, until

SCALED_S = 60.0
OPTIONS = (
    "--replicas", "1", "--vpn-replicas", "1", "--max-replicas", "3", "--cpu-request", "0.05",
    "--scale-cpu-percent", "60", "--scale-period", "1", "--scale-down-window", "4",
)  # fmt: skip


@pytest.fixture
def scaled(tmp_path: Path) -> Iterator[Platform]:
    state = tmp_path / "state"
    started = run_command("up", "--state", str(state), *OPTIONS, "--json")
    assert started.returncode == 0, started.stderr
    try:
        yield Platform(state, json.loads(started.stdout))
    finally:
        assert run_command("down", "--state", str(state)).returncode == 0


def replicas(platform: Platform) -> list[bool]:
    """The readiness of each replica of automation that the status names."""
    return [item["ready"] for item in platform.status()["components"] if item["component"] == "automation"]


@contextmanager
def load(platform: Platform, alert: dict[str, object], sent: list[str]) -> Iterator[None]:
    """Events, one after the other over new connections; the ids that were accepted are in ``sent``."""
    ended = threading.Event()

    def send() -> None:
        while not ended.is_set():
            event_id = str(uuid.uuid4())
            if platform.post({**alert, "event_id": event_id, "host": "scaling"}).status == 202:
                sent.append(event_id)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        ended.set()
        sender.join()


def test_it_scales_out_under_load_and_back_and_loses_nothing(scaled: Platform, critical: dict[str, object]) -> None:
    assert replicas(scaled) == [True]
    scaling = scaled.status()["scaling"]
    assert (scaling["min_replicas"], scaling["max_replicas"], scaling["target_percent"]) == (1, 3, 60.0)
    sent: list[str] = []
    with load(scaled, critical, sent):
        until(lambda: replicas(scaled) == [True, True, True], SCALED_S)
        newest = scaled.component("automation-2")
        assert call(f"{newest['admin_url']}/readyz").status == 200
        accepted = len(sent)
        until(lambda: len(sent) > accepted + 50, SCALED_S)  # new connections spread over all of them
        received = call(f"{newest['admin_url']}/metrics").body.decode()
        assert 'phantommesh_events_received_total{status="accepted"}' in received
    until(lambda: replicas(scaled) == [True], SCALED_S)
    until(lambda: not psutil.pid_exists(newest["pid"]), SCALED_S)
    rows, _ = scaled.audit("source=scaling")
    assert {row["event_id"] for row in rows if row["action"] == "received"} == set(sent)


def test_it_may_be_held_at_its_least_and_freed_again(scaled: Platform, critical: dict[str, object]) -> None:
    with load(scaled, critical, []):
        until(lambda: len(replicas(scaled)) > 1, SCALED_S)
        held = run_command("scale", "--state", str(scaled.state), "--max-replicas", "1", "--json")
        assert (held.returncode, json.loads(held.stdout)["scaling"]["max_replicas"]) == (0, 1)
        until(lambda: replicas(scaled) == [True], SCALED_S)  # at once, under load, whatever was recommended before
        assert run_command("scale", "--state", str(scaled.state), "--max-replicas", "2").returncode == 0
        until(lambda: len(replicas(scaled)) == 2, SCALED_S)
    refused = run_command("scale", "--state", str(scaled.state), "--max-replicas", "9")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "legal are 1 to 3" in refused.stderr


def test_down_stops_what_was_scaled_out_and_the_scaler(scaled: Platform, critical: dict[str, object]) -> None:
    with load(scaled, critical, []):
        until(lambda: len(replicas(scaled)) > 1, SCALED_S)
    pids = json.loads((scaled.state / "children.json").read_text())
    assert run_command("down", "--state", str(scaled.state)).returncode == 0
    assert "scaler" in pids
    assert not [item["pid"] for item in pids.values() if psutil.pid_exists(item["pid"])]
