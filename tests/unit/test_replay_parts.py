"""The sample that is replayed, and the events made again from a sealed plan."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from readiness.stages.replay import assessment, choose, pair
from synthetic_evidence import steady_evidence

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scenarios" / "locust" / "replay_bodies.py"
TRAFFIC = sorted((ROOT / "scenarios" / "traffic" / "suricata").glob("*.json"))


def made_again(plan: dict[str, Any], sample: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "plan.json"
    path.write_text(json.dumps(plan))
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(path)], input=json.dumps(sample), capture_output=True, text=True, check=False
    )


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    return {
        "schema": 1, "run_id": "r", "scenario": "steady", "source": "r/steady", "url": "http://127.0.0.1:9/v1/events",
        "arrivals": "poisson", "rate_per_s": 50.0, "warmup_s": 1.0, "measure_s": 4.0, "seed": 7,
        "traffic": [str(path) for path in TRAFFIC], "request_timeout_s": 5.0, "out_dir": str(tmp_path),
        "progress_file": None,
    }  # fmt: skip


def test_the_bodies_are_those_of_the_load_but_for_id_and_source(plan: dict[str, Any], tmp_path: Path) -> None:
    sys.path.insert(0, str(SCRIPT.parent))
    from suricata_traffic import Traffic, read_recording

    at_ns = 1_790_000_000_123_456_000
    traffic = Traffic([read_recording(path) for path in TRAFFIC], "r/steady", 7, 250)
    sent = {seq: json.loads(traffic.body(seq, traffic.event_id(seq), at_ns)) for seq in (3, 249, 17)}
    done = made_again(plan, {"source": "r/steady/replay", "arrivals": [[seq, at_ns] for seq in sent]}, tmp_path)
    assert done.returncode == 0, done.stderr
    first, *events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["file"] for item in first["traffic"]] == [path.name for path in TRAFFIC]
    assert [event["seq"] for event in events] == list(sent)
    for event in events:
        body, original = json.loads(event["body"]), sent[event["seq"]]
        assert event["event_id"] == original["event_id"]
        assert body.pop("event_id") == event["replayed_event_id"] != original.pop("event_id")
        assert (body.pop("host"), original.pop("host")) == ("r/steady/replay", "r/steady")
        assert body == original
        assert event["signature_id"] == original["alert"]["signature_id"]


@pytest.mark.parametrize("sample", [{"arrivals": []}, {"source": "s", "arrivals": [[1]]}, [1], {"source": "s"}])
def test_a_sample_of_another_form_is_refused_in_words(plan: dict[str, Any], sample: Any, tmp_path: Path) -> None:
    done = made_again(plan, sample, tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_recording_that_is_gone_is_named(plan: dict[str, Any], tmp_path: Path) -> None:
    done = made_again(plan | {"traffic": [str(tmp_path / "gone.json")]}, {"source": "s", "arrivals": []}, tmp_path)
    assert done.returncode == 2
    assert "gone.json" in done.stderr


def test_the_sample_is_the_same_each_time_and_spread_over_the_acknowledged_events() -> None:
    requests = steady_evidence().requests.astype({"done_ns": "float64"})
    requests.loc[requests["seq"] % 2 == 0, "status"] = 503
    chosen = choose(requests.sample(frac=1, random_state=1), 100)
    assert chosen["seq"].tolist() == choose(requests, 100)["seq"].tolist()
    assert len(chosen) == 100
    assert (chosen["status"] == 202).all()
    assert set(chosen["phase"]) == {"measure"}
    good = requests[(requests["status"] == 202) & (requests["phase"] == "measure")]["seq"]
    assert (chosen["seq"].min(), chosen["seq"].max()) == (good.min(), good.max())
    assert len(choose(requests, 10_000)) == len(good)
    assert len(choose(requests.iloc[:0])) == 0


def test_a_pair_without_a_verdict_says_so() -> None:
    found = assessment({"risk": 5, "level": "medium", "confidence": 0.8, "due": ["slack", "email"], "took_us": 1})
    assert (found.due, found.basis) == ("email,slack", "")
    named = {"rule": {}, "model": {"version": "m1", "score": 0.3}, "intelligence": {"version": 4}, "history": 9}
    basis = assessment({"risk": 5, "level": "low", "due": [], "verdict": named}).basis
    assert json.loads(basis) == {"model": "m1", "intelligence": 4, "history": 9}
    event = {"event_id": "a", "replayed_event_id": "b"}
    assert pair(event, 202, found, found)[3] is True
    assert pair(event, 503, found, None)[2:4] == (503, False)
    assert pair(event, 202, None, found)[3] is False
