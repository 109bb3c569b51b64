"""The pure half of the load generator: when arrivals are due, what they carry, what a plan may ask."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arrivals import schedule
from load_plan import PlanError, parse_plan
from scipy.stats import chisquare
from suricata_traffic import Traffic, TrafficError, bursts, draw, read_recording

FILES = sorted((Path(__file__).parents[2] / "scenarios/traffic/suricata").glob("*.json"))


def plan(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    return {
        "schema": 1, "run_id": "r", "scenario": "steady", "source": "r/steady", "url": "http://127.0.0.1:9/v1/events",
        "arrivals": "poisson", "rate_per_s": 83.3, "warmup_s": 1, "measure_s": 5, "seed": 7,
        "traffic": [str(path) for path in FILES], "request_timeout_s": 5,
        "out_dir": str(tmp_path), "progress_file": None,
    } | changes  # fmt: skip


@pytest.mark.parametrize("process", ["poisson", "constant"])
def test_the_same_seed_gives_the_same_arrivals(process: str) -> None:
    one, two = (schedule(process, 100, 1, 10, 5).offsets_ns for _ in range(2))
    assert np.array_equal(one, two)


def test_poisson_arrivals_have_the_rate_and_the_dispersion_of_a_poisson_process() -> None:
    drawn = schedule("poisson", 400, 0, 200, 11)
    per_second = np.bincount((drawn.offsets_ns // 1_000_000_000).astype(int), minlength=200)
    assert abs(drawn.count - 80_000) < 4 * 80_000**0.5
    # Variance over mean of 200 Poisson counts: 1 with a standard deviation of sqrt(2/199) = 0.1.
    assert 0.6 < per_second.var(ddof=1) / per_second.mean() < 1.4


def test_constant_arrivals_are_evenly_spaced_and_split_at_the_phase() -> None:
    drawn = schedule("constant", 100, 1, 2, 0)
    assert drawn.count == 300
    assert drawn.warmup_count == 100
    assert set(np.diff(drawn.offsets_ns)) == {10_000_000}


def test_the_mix_of_the_recordings_is_kept() -> None:
    recordings = [read_recording(path) for path in FILES]
    total = sum(len(recording.alerts) for recording in recordings)
    assert total == 343
    counts = np.bincount(draw(bursts(recordings), 200_000, 3), minlength=total)
    # Bursts are drawn whole, so counts inside one burst are equal: compare one alert of each burst.
    first = np.cumsum([0, *bursts(recordings)[:-1]])
    assert chisquare(counts[first]).pvalue > 1e-4


def test_each_event_is_fresh_and_carries_its_source() -> None:
    traffic = Traffic([read_recording(path) for path in FILES], "r/steady", 7, 500)
    events = [json.loads(traffic.body(seq, traffic.event_id(seq), 1_700_000_000_000_000_000)) for seq in range(500)]
    assert len({event["event_id"] for event in events}) == 500
    assert {event["host"] for event in events} == {"r/steady"}
    assert {event["timestamp"] for event in events} == {"2023-11-14T22:13:20.000000+0000"}
    assert Counter(event["alert"]["signature_id"] for event in events) == Counter(map(traffic.signature_id, range(500)))


def test_another_source_gives_other_ids() -> None:
    recordings = [read_recording(FILES[0])]
    assert Traffic(recordings, "a", 1, 1).event_id(0) != Traffic(recordings, "b", 1, 1).event_id(0)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/v1/events",
        "http://192.168.1.1:80/",
        "http://8.8.8.8/",
        "http://198.20.0.1/",
        "ftp://127.0.0.1/",
    ],
)
def test_load_is_never_aimed_elsewhere(tmp_path: Path, url: str) -> None:
    with pytest.raises(PlanError, match="url"):
        parse_plan(plan(tmp_path, url=url))


def test_loopback_and_the_benchmark_network_are_legal_targets(tmp_path: Path) -> None:
    assert parse_plan(plan(tmp_path)).target.address == "127.0.0.1"
    assert parse_plan(plan(tmp_path, url="http://198.18.250.2:30080/v1/events")).target.port == 30080


def test_a_private_address_is_loaded_only_where_the_plan_allows_it(tmp_path: Path) -> None:
    url = "http://10.96.0.10:8080/v1/events"
    assert parse_plan(plan(tmp_path, url=url, also_allowed=["10.96.0.10"])).target.address == "10.96.0.10"
    for allowed in ([], ["10.96.0.11"]):
        with pytest.raises(PlanError, match="load may go only to loopback"):
            parse_plan(plan(tmp_path, url=url, also_allowed=allowed))
    for wrong in (["8.8.8.8"], ["everywhere"], "10.96.0.10"):
        with pytest.raises(PlanError, match=r"also_allowed: .* must be a list of private addresses"):
            parse_plan(plan(tmp_path, url=url, also_allowed=wrong))


def test_every_problem_of_a_plan_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan(plan(tmp_path, rate_per_s=-1, arrivals="closed", seed=1.5, speed=3) | {"url": "nonsense"})
    assert {problem.split(":")[0] for problem in caught.value.problems} == {
        "speed",
        "rate_per_s",
        "arrivals",
        "seed",
        "url",
    }


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"event_type": "alert"}]', '[{"event_type": "dns"}]'])
def test_a_recording_that_is_no_recording_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(TrafficError, match=r"broken\.json"):
        read_recording(path)
