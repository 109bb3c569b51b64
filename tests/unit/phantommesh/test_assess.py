"""The assessment: all levels from real traffic, always the same, and what moves it."""

import json
from pathlib import Path
from typing import Any

import pytest
from phantommesh.automation.assess import LEVELS, Assessment, Assessor
from phantommesh.automation.events import observe
from phantommesh.config.load import PRODUCTION, load

TRAFFIC = Path(__file__).parents[3] / "scenarios/traffic/suricata"
SETTINGS = load(PRODUCTION, {}).threat_assessment
ASSESSOR = Assessor(SETTINGS)


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, Any]]:
    return [alert for file in sorted(TRAFFIC.glob("*.json")) for alert in json.loads(file.read_text())]


def assess(event: dict[str, Any], **alert: Any) -> Assessment:
    return ASSESSOR.assess(observe(json.dumps(event | {"alert": event["alert"] | alert}).encode(), 0))


def test_real_traffic_has_all_levels(recorded: list[dict[str, Any]]) -> None:
    levels = [assess(event).level for event in recorded]
    assert set(levels) == set(LEVELS)
    assert levels.count("critical") < levels.count("high") < levels.count("medium") < levels.count("low")


def test_levels_follow_the_thresholds(recorded: list[dict[str, Any]]) -> None:
    for found in map(assess, recorded):
        assert 0 <= found.risk <= 10
        assert 0 <= found.confidence <= 1
        if found.confidence < 0.7:
            assert found.level == "low"
        else:
            least = {"critical": 9.0, "high": 7.0, "medium": 4.0, "low": 0.0}
            assert found.level == next(level for level in LEVELS if found.risk >= least[level])


def test_the_same_event_gets_the_same_result_whatever_came_before(recorded: list[dict[str, Any]]) -> None:
    first = [assess(event) for event in recorded]
    again = [Assessor(SETTINGS).assess(observe(json.dumps(event).encode(), 99)) for event in reversed(recorded)]
    assert first == again[::-1]


def test_what_raises_and_lowers_the_risk(recorded: list[dict[str, Any]]) -> None:
    base = recorded[0] | {"src_ip": "198.51.100.1", "dest_ip": "192.0.2.1", "dest_port": 8080}
    plain = assess(base).risk
    assert assess(base, severity=1).risk > plain > assess(base, severity=3).risk
    assert assess(base | {"dest_port": 445}).risk > plain
    assert assess(base, action="blocked").risk < plain
    assert assess(base | {"src_ip": "10.0.0.1", "dest_ip": "10.0.0.2"}).risk > assess(base).risk


def test_doubt_lowers_the_confidence_and_below_the_minimum_the_level_is_low(recorded: list[dict[str, Any]]) -> None:
    sure = {"signature": "ET TROJAN CMD Shell", "category": "Successful Administrator Privilege Gain", "severity": 1}
    assert assess(recorded[0], **sure).level == "critical"
    doubtful = assess(recorded[0], **sure | {"signature": "ET TROJAN Possible Unusual Generic CMD Shell"})
    assert (doubtful.level, doubtful.risk) == ("low", assess(recorded[0], **sure).risk)
    assert doubtful.confidence < 0.7
