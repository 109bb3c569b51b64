"""The configuration: what ships, what overrides it, what is refused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from phantommesh.config.load import PRODUCTION, ConfigError, from_json, load, to_json


def problems(path: Path, **environment: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path, environment)
    return caught.value.problems


def changed(folder: Path, **changes: Any) -> Path:
    """The production file with some keys set: system__lease_s=7; None removes a key."""
    raw = yaml.safe_load(PRODUCTION.read_text())
    for name, value in changes.items():
        *above, last = name.split("__")
        place = raw
        for key in above:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(raw))
    return file


def test_what_ships_is_what_was_asked_for() -> None:
    config = load(PRODUCTION, {})
    thresholds = config.threat_assessment.risk_thresholds
    assert (thresholds.critical, thresholds.high, thresholds.medium) == (9.0, 7.0, 4.0)
    assert config.threat_assessment.confidence_min == 0.7
    routing, remediation, training = config.alert_routing, config.auto_remediation, config.ml_training
    assert (routing.escalation_timeout_s, routing.max_retries) == (60 * 60, 3)
    assert (remediation.enabled, remediation.dry_run) == (True, False)
    assert (remediation.risk_threshold, remediation.max_concurrent) == (7.0, 10)
    assert (training.schedule, training.min_samples, training.eval_threshold) == ("00:00", 1000, 0.85)
    system, database = config.system, config.database
    assert (system.event_queue_size, system.dedup_window_s) == (50_000, 300)
    assert (system.max_workflows, system.worker_threads) == (500, 32)
    assert (database.pool_min, database.pool_max) == (50, 200)
    assert {level: routing.due(level) for level in ("low", "medium", "high", "critical")} == {
        "low": (),
        "medium": ("slack",),
        "high": ("slack", "pagerduty"),
        "critical": ("slack", "pagerduty", "email", "sms"),
    }


@pytest.mark.parametrize(("replicas", "share"), [(1, (50, 200)), (3, (16, 66)), (16, (3, 12)), (60, (1, 3))])
def test_the_pool_is_shared_and_never_more_than_it_is(replicas: int, share: tuple[int, int]) -> None:
    assert load(PRODUCTION, {}).database.share(replicas) == share


def test_a_replica_reads_what_was_checked(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret")
    endpoints = {"pagerduty": {"url": "https://pager.example/v2", "routing_key": {"file": str(key)}}}
    file = changed(tmp_path, alert_routing__endpoints=endpoints)
    config = load(file, {"PHANTOMMESH_SYSTEM__LEASE_S": "7"})
    assert config.alert_routing.endpoints.pagerduty is not None
    assert from_json(to_json(config)) == config


def test_a_replica_reads_it_without_what_only_people_need() -> None:
    code = (
        "import sys, phantommesh.automation.__main__, phantommesh.sink.__main__\n"
        "from phantommesh.config.load import from_json\n"
        "from_json(sys.stdin.buffer.read())\n"
        "heavy = {'yaml', 'pydantic', 'pydantic_core', 'pandas', 'numpy', 'httpx', 'requests'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=to_json(load(PRODUCTION, {})), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == "[]"


def test_the_environment_overrides_and_others_are_left_alone() -> None:
    config = load(PRODUCTION, {"PHANTOMMESH_SYSTEM__EVENT_QUEUE_SIZE": "17", "PHANTOMMESH_HOME": "/", "PATH": "x"})
    assert config.system.event_queue_size == 17


def test_a_variable_may_give_a_list_a_section_and_a_part_of_it() -> None:
    config = load(PRODUCTION, {
        "PHANTOMMESH_ALERT_ROUTING__CHANNELS__SMS": "[high, critical]",
        "PHANTOMMESH_DATABASE__RETRY": "{attempts: 5, backoff_s: 1}",
        "PHANTOMMESH_DATABASE__RETRY__ATTEMPTS": "7",
        "PHANTOMMESH_CACHE__URL": "valkey://cache.example:6379/0",
        "PHANTOMMESH_ML_TRAINING__SCHEDULE": "12:30",
    })  # fmt: skip
    assert config.alert_routing.channels.sms == ("high", "critical")
    assert (config.database.retry.attempts, config.database.retry.backoff_s) == (7, 1)
    assert config.cache.url == "valkey://cache.example:6379/0"
    assert config.ml_training.schedule == "12:30"


def test_every_problem_at_once_with_path_value_and_legal_values(tmp_path: Path) -> None:
    raw = yaml.safe_load(PRODUCTION.read_text())
    raw["system"]["event_queue_size"] = 0
    raw["system"]["colour"] = "red"
    raw["threat_assessment"]["risk_thresholds"]["high"] = 9.5
    raw["alert_routing"]["channels"]["slack"] = ["medium", "loud"]
    del raw["database"]["audit_readers"]
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(raw, indent=1))
    found = "\n".join(problems(file, PHANTOMMESH_SYSTEM__LEASE_S="never"))
    assert found.count("\n") == 5
    number = next(n for n, line in enumerate(file.read_text().splitlines(), 1) if "event_queue_size" in line)
    for telling in (
        f"{file}:{number}: system.event_queue_size: 0 is not legal: input should be greater than or equal to 1",
        "system.colour: unknown key; legal keys are event_queue_size, dedup_window_s, max_workflows,",
        "threat_assessment.risk_thresholds:",
        "must be critical > high > medium",
        'alert_routing.channels.slack.1: "loud" is not legal',
        "database.audit_readers: missing",
        'PHANTOMMESH_SYSTEM__LEASE_S: system.lease_s: "never" is not legal',
    ):
        assert telling in found


@pytest.mark.parametrize(
    ("key", "value", "telling"),
    [
        ("alert_routing__retry_backoff_max_s", 0.1, "retry_backoff_s must not be above retry_backoff_max_s"),
        ("auto_remediation__max_concurrent", 501, "max_concurrent must not be above system.max_workflows"),
        ("auto_remediation__enabled", "no", "auto_remediation.enabled:"),
        ("auto_remediation__dry_run", 1, "auto_remediation.dry_run:"),
        ("ml_training__schedule", "24:00", 'a time of day as "00:00"'),
        ("ml_training__schedule", 750, "ml_training.schedule:"),
        ("system__drain_s", 11, "system.drain_s:"),
        ("system__worker_threads", 2.5, "system.worker_threads:"),
        ("system__worker_threads", True, "system.worker_threads:"),
        ("system__lease_s", "7", "system.lease_s:"),
        ("database__pool_min", 49, "database.pool_min:"),
        ("database__pool_max", 201, "database.pool_max:"),
        ("database__pool_min", 201, "database.pool_min:"),
        ("alert_routing__breaker__failures", 5, "breaker.failures must not be above max_retries + 1"),
        ("alert_routing__max_retries", 1, "breaker.failures must not be above max_retries + 1"),
        ("limits__max_body_bytes", 2000, "max_event_bytes must not be above max_body_bytes"),
        ("logging__level", "INFO", "logging.level:"),
        ("logging", "info", "logging: must be a mapping with the keys level, format"),
        ("cache__url", "http://cache", "an address as valkey://"),
        ("cache__url", "valkey://", "an address as valkey://"),
        ("cache__url", "unix://folder/socket", "an address as valkey://"),
        ("alert_routing__endpoints", {"email": {}}, "alert_routing.endpoints.email.host: missing"),
        ("alert_routing__endpoints", {"email": {"lookup_url": "https://x.example/has"}}, "/{delivery_id}, without a"),
        ("alert_routing__endpoints", {"sms": {"lookup_url": "https://{delivery_id}.example/"}}, "behind the host"),
        ("alert_routing__endpoints", {"sms": {"lookup_url": "ftp://x.example/{delivery_id}"}}, "behind the host"),
        ("alert_routing__lookup_patience_s", 0.5, "alert_routing.lookup_patience_s:"),
        ("alert_routing__endpoints", {"fax": {}}, "alert_routing.endpoints.fax: unknown key"),
    ],
)
def test_an_illegal_value_is_refused(tmp_path: Path, key: str, value: Any, telling: str) -> None:
    assert telling in "\n".join(problems(changed(tmp_path, **{key: value})))


@pytest.mark.parametrize(("least", "most"), [(50, 200), (200, 200)])
def test_pool_bounds_are_legal_at_their_ends(tmp_path: Path, least: int, most: int) -> None:
    assert load(changed(tmp_path, database__pool_min=least, database__pool_max=most), {}).database.pool_min == least


def test_pool_bounds_that_are_not_in_order_are_refused(tmp_path: Path) -> None:
    (problem,) = problems(changed(tmp_path, database__pool_min=100, database__pool_max=60))
    assert "pool_min must not be above pool_max" in problem


@pytest.mark.parametrize(
    ("name", "value", "telling"),
    [
        ("PHANTOMMESH_NOTHING__HERE", "1", "unknown key"),
        ("PHANTOMMESH_SYSTEM__LEASE_S__DEEPER", "1", "names no key"),
        ("PHANTOMMESH_SYSTEM__LEASE_S", ".nan", "finite"),
        ("PHANTOMMESH_SYSTEM__LEASE_S", "[", "not a YAML value"),
        ("PHANTOMMESH_SYSTEM__", "1", "names no key"),
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


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "\0", "a: &x 1\nb: *x", "[" * 5000, "\udcff"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, errors="surrogateescape")
    assert str(file) in problems(file)[0]


@pytest.mark.parametrize("name", ["nothing.yaml", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    assert "cannot be read" in problems(tmp_path / name)[0]


def test_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    text = PRODUCTION.read_text()
    file.write_text(f"{text}logging: {{level: debug, format: json}}\n")
    first = text[: text.index("\nlogging:")].count("\n") + 2
    (problem,) = problems(file)
    number = text.count("\n") + 1
    assert problem == f"{file}:{number}: the same key stands in line {first}, too; keep one of them"
