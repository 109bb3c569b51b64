"""The configuration: what ships, what overrides it, what is refused."""

import json
from pathlib import Path

import pytest
import yaml
from phantommesh.config.load import PRODUCTION, ConfigError, from_json, load, to_json


def problems(path: Path, **environment: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path, environment)
    return caught.value.problems


def test_what_ships_is_what_was_asked_for() -> None:
    config = load(PRODUCTION, {})
    thresholds = config.threat_assessment.risk_thresholds
    assert (thresholds.critical, thresholds.high, thresholds.medium) == (9.0, 7.0, 4.0)
    assert config.threat_assessment.confidence_min == 0.7
    assert (config.alert_routing.max_retries, config.system.event_queue_size) == (3, 50_000)
    assert config.system.dedup_window_s == 300
    assert {level: config.alert_routing.due(level) for level in ("low", "medium", "high", "critical")} == {
        "low": (),
        "medium": ("slack",),
        "high": ("slack", "pagerduty"),
        "critical": ("slack", "pagerduty", "email", "sms"),
    }


def test_a_replica_reads_what_was_checked() -> None:
    config = load(PRODUCTION, {"PHANTOMMESH_SYSTEM__LEASE_S": "7"})
    assert from_json(to_json(config)) == config


def test_the_environment_overrides_and_others_are_left_alone() -> None:
    config = load(PRODUCTION, {"PHANTOMMESH_SYSTEM__EVENT_QUEUE_SIZE": "17", "PHANTOMMESH_HOME": "/", "PATH": "x"})
    assert config.system.event_queue_size == 17


def test_every_problem_at_once_with_path_value_and_legal_values(tmp_path: Path) -> None:
    raw = yaml.safe_load(PRODUCTION.read_text())
    raw["system"]["event_queue_size"] = 0
    raw["system"]["colour"] = "red"
    raw["threat_assessment"]["risk_thresholds"]["high"] = 9.5
    raw["alert_routing"]["channels"]["slack"] = ["medium", "loud"]
    del raw["database"]["audit_readers"]
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(raw))
    found = "\n".join(problems(file, PHANTOMMESH_SYSTEM__LEASE_S="never"))
    assert found.count("\n") == 5
    for telling in (
        "system.event_queue_size: 0 is not legal: input should be greater than or equal to 1",
        "system.colour: unknown key; legal keys are event_queue_size, dedup_window_s, drain_s, lease_s",
        "threat_assessment.risk_thresholds:",
        "must be critical > high > medium",
        'alert_routing.channels.slack.1: "loud" is not legal',
        "database.audit_readers: missing",
        'PHANTOMMESH_SYSTEM__LEASE_S: system.lease_s: "never" is not legal',
    ):
        assert telling in found


@pytest.mark.parametrize(
    ("name", "value", "telling"),
    [
        ("PHANTOMMESH_NOTHING__HERE", "1", "unknown key"),
        ("PHANTOMMESH_SYSTEM__LEASE_S__DEEPER", "1", "names no key"),
        ("PHANTOMMESH_SYSTEM__LEASE_S", ".nan", "finite"),
        ("PHANTOMMESH_SYSTEM__LEASE_S", "[", "not a YAML value"),
        ("PHANTOMMESH_DATABASE", "1", ""),
    ],
)
def test_a_bad_override_names_the_variable(name: str, value: str, telling: str) -> None:
    if not telling:
        load(PRODUCTION, {name: value})  # no separator: not an override
        return
    (problem,) = problems(PRODUCTION, **{name: value})
    assert problem.startswith(name)
    assert telling in problem


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "\0"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    assert str(file) in problems(file)[0]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in problems(tmp_path / "nothing.yaml")[0]
