"""One short run on the reference platform: every event accounted for, and a sample replayed to the same verdicts."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from integration.test_run_to_decision import readiness
from short_scenarios import environment, short_scenarios

OBJECTIVE = '  - {name: verdicts-changed, metric: verdicts_changed, must: "== 0"}\n'


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("replayed")
    scenarios = short_scenarios(folder / "scenarios")
    path = scenarios / "steady.yaml"
    path.write_text(path.read_text() + OBJECTIVE)
    env = environment(scenarios, folder / "home")
    done = readiness(env, "run", "steady", "--json", "--seed", "7")
    assert done.stdout, done.stderr
    decision = json.loads(done.stdout)
    return env, folder / "home" / "archive" / "runs" / decision["run_id"] / "steady", decision


def test_the_sample_got_the_same_verdicts_in_quiet(ran: tuple[dict[str, str], Path, dict[str, Any]]) -> None:
    _, scope, decision = ran
    found = {item["name"]: item for item in decision["scenarios"][0]["objectives"]}["verdicts-changed"]
    assert (found["verdict"], found["measurement"]["n"]) == ("PASS", 200), found
    pairs = pd.read_parquet(scope / "replay" / "attempt-1" / "verdicts.parquet")
    assert (pairs["status"] == 202).all()
    assert set(pairs["event_id"]).isdisjoint(pairs["replayed_event_id"])


def test_every_event_is_in_the_sealed_ledger(ran: tuple[dict[str, str], Path, dict[str, Any]]) -> None:
    env, scope, decision = ran
    summary = decision["scenarios"][0]["ledger"]
    assert summary["sets"] == []
    table = pd.read_parquet(scope / "check" / "attempt-1" / "ledger.parquet")
    requests = pd.read_parquet(scope / "load" / "attempt-1" / "requests.parquet")
    assert set(table["event_id"]) == set(requests["event_id"])
    assert table[["attempted", "acknowledged", "persisted", "assessed"]].all(axis=None)
    assert int(table["remediated"].sum()) == summary["counts"]["remediated"] > 0
    assert readiness(env, "verify", decision["run_id"]).returncode in (0, 3)
    page = Path(readiness(env, "report", decision["run_id"]).stdout.strip()).read_text()
    assert f"Every one of {len(requests):,} events is accounted for" in page


def test_a_resealed_ledger_of_other_events_is_found(ran: tuple[dict[str, str], Path, dict[str, Any]]) -> None:
    from readiness.clients.archive import Archive
    from readiness.model.evidence import StageRef

    env, scope, decision = ran
    archive, ref = Archive(scope.parents[2]), StageRef("steady", "check")
    forged = archive.open_stage(decision["run_id"], ref)
    table = pd.read_parquet(scope / "check" / "attempt-1" / "ledger.parquet")
    table.iloc[1:].to_parquet(forged.folder / "ledger.parquet", index=False)
    (forged.folder / "result.json").write_bytes((scope / "check" / "attempt-1" / "result.json").read_bytes())
    archive.seal(forged)
    decided = readiness(env, "stage", "decide", "--run", decision["run_id"])
    assert decided.returncode != 0
    assert "check/ledger.parquet: is not the ledger of the evidence beside it" in decided.stdout + decided.stderr
