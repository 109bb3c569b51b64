"""Intelligence imported into a running database, and a model trained from one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from phantommesh.automation.events import Observation, observe
from phantommesh.config.load import PRODUCTION, load
from phantommesh.threat_model.history import CLOSE_AFTER_NS, HOUR_NS
from phantommesh.threat_model.history_tables import close_hours
from phantommesh.threat_model.intelligence import Indicator
from phantommesh.threat_model.intelligence_tables import CurrentIntelligence
from phantommesh.threat_model.registry import Registry
from phantommesh.threat_model.threat_model import ThreatModel
from recorded_alerts import MINUTE_NS, START_NS, drawn_alerts

from .conftest import Database, insert_events


def command(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "phantommesh", *map(str, arguments)], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[4] / "include")}, timeout=120,
    )  # fmt: skip


def import_list(state: Path, source: str, *networks: str, risk_add: float = 1.5) -> "subprocess.CompletedProcess[str]":
    entries = [{"address": network, "kind": "scanner", "risk_add": risk_add} for network in networks]
    file = state / "list.json"
    file.write_text(json.dumps({"source": source, "indicators": entries}))
    return command("intelligence", "import", file, "--state", state)


def test_an_import_replaces_what_its_source_said_and_replicas_follow(database: Database, state: Path) -> None:
    async def use(connection: asyncpg.Connection) -> None:
        replica = CurrentIntelligence()
        assert not await replica.tend(connection)
        done = import_list(state, "one", "198.51.100.0/24", "192.0.2.1")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith(": 2 indicators of one\n")
        assert await replica.tend(connection)
        assert not await replica.tend(connection)
        before = replica.snapshot
        assert before.look_up("192.0.2.1", 0) == Indicator("192.0.2.1/32", "scanner", 1.5, "one")
        assert import_list(state, "other", "2001:db8::/32").returncode == 0
        assert import_list(state, "one", "192.0.2.2").returncode == 0
        assert await replica.tend(connection)
        now = replica.snapshot
        assert now.version > before.version
        assert now.look_up("192.0.2.1", 0) is None
        assert now.look_up("192.0.2.2", 0) is not None
        assert now.look_up("2001:db8::5", 0) is not None
        assert before.look_up("192.0.2.1", 0) is not None  # a snapshot never changes
        assert import_list(state, "one").returncode == 0
        assert await replica.tend(connection)
        assert replica.snapshot.look_up("192.0.2.2", 0) is None

    database.run(use)


def test_a_bad_file_changes_nothing_and_the_service_may_not_write(database: Database, state: Path) -> None:
    assert import_list(state, "one", "192.0.2.1").returncode == 0
    bad = import_list(state, "one", "192.0.2.2", "nowhere")
    assert bad.returncode == 1
    assert "indicators[1]: 'nowhere'" in bad.stderr
    assert bad.stderr.count("\n") == 1

    async def use(connection: asyncpg.Connection) -> None:
        assert await connection.fetchval("SELECT network::text FROM threat_intelligence") == "192.0.2.1/32"
        for change in ("DELETE FROM threat_intelligence", "INSERT INTO threat_intelligence VALUES ('a', '::', 'a', 1)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)

    database.run(use)


def test_no_platform_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text('{"source": "s", "indicators": []}')
    done = command("intelligence", "import", tmp_path / "list.json", "--state", tmp_path / "none")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no platform runs there" in done.stderr


@pytest.fixture
def events() -> list[Observation]:
    return [observe(body, START_NS + seq * MINUTE_NS) for seq, body in enumerate(drawn_alerts(1300))]


def test_a_model_is_trained_from_a_platform_with_what_people_said(
    database: Database, state: Path, events: list[Observation]
) -> None:
    async def fill(connection: asyncpg.Connection) -> None:
        await insert_events(connection, events[:1200], [5.0] * 1200)
        await insert_events(connection, events[1200:], [5.0] * 100, "false_positive")
        await close_hours(connection, "a", START_NS + 22 * HOUR_NS + CLOSE_AFTER_NS)

    database.run(fill)
    done = command("train", "--state", state, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    outcome = json.loads(done.stdout)
    assert (outcome["samples"], outcome["analyst_labels"], outcome["promoted"]) == (1300, 100, True)
    registry = Registry(state / "models")
    assert registry.manifest(outcome["version"]).evaluation.holdout_analyst_labels == 100
    again = json.loads(command("train", "--state", state, "--models", state / "other", "--json").stdout)
    shas = [folder.manifest(made["version"]) for folder, made in
            ((registry, outcome), (Registry(state / "other"), again))]  # fmt: skip
    assert shas[0].model_sha256 == shas[1].model_sha256
    assert shas[0].data_sha256 == shas[1].data_sha256


def test_too_few_events_end_with_4(database: Database, state: Path, events: list[Observation]) -> None:
    database.run(lambda connection: insert_events(connection, events[:50], [5.0] * 50))
    done = command("train", "--state", state)
    assert (done.returncode, done.stderr) == (
        4, "phantommesh: 50 samples, at least 1000 are needed; record more alerts\n",
    )  # fmt: skip


def test_a_database_that_does_not_answer_is_told_in_one_line(state: Path) -> None:
    run = json.loads((state / "run.json").read_text())
    (state / "run.json").write_text(json.dumps(run | {"runtime_dir": str(state / "gone")}))
    done = command("train", "--state", state)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "does not answer" in done.stderr


def test_the_same_event_gets_the_same_verdict_from_every_replica_in_every_batch(
    database: Database, state: Path, events: list[Observation]
) -> None:
    """Model, history and intelligence together: one replica reads all at once, another one by one, from behind."""
    settings = load(PRODUCTION, {}).threat_assessment

    async def fill(connection: asyncpg.Connection) -> None:
        await insert_events(connection, events, [5.0] * len(events))

    database.run(fill)
    assert import_list(state, "one", f"{events[700].src_ip}/32").returncode == 0
    assert command("train", "--state", state).returncode == 0

    async def use(connection: asyncpg.Connection) -> None:
        now_ns = START_NS + 22 * HOUR_NS + CLOSE_AFTER_NS
        replicas = [ThreatModel(name, settings, state / "models") for name in "ab"]
        for replica in replicas:
            assert replica.look_for_model()
            await replica.intelligence.tend(connection)
            await replica.histories.tend(connection, "a", now_ns)
        one, other = replicas
        histories = await one.histories_of(connection, events)
        first = [one.assess(event, history) for event, history in zip(events, histories, strict=True)]
        second: list[Any] = []
        for event in reversed(events):
            (history,) = await other.histories_of(connection, [event])
            second.append(other.assess(event, history))
        assert second[::-1] == first
        factors = json.loads(first[700].factors_json() or "")
        assert factors["intelligence"]["network"] == f"{events[700].src_ip}/32"
        assert factors["model"]["version"] == one.model.scorer.version != "rules-only"
        assert factors["history"] == START_NS // HOUR_NS + 10
        assert len({verdict.risk for verdict in first}) > 20

    database.run(use)
