"""Secrets: named by their place, never held, never shown."""

import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from phantommesh.cli import main
from phantommesh.config.load import PRODUCTION, ConfigError, load, to_json
from phantommesh.config.secret_source import SecretError, SecretSource

PLANTED = "hunter2-Zt9"
PAGERDUTY = ("alert_routing", "endpoints", "pagerduty")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "key").write_text(f"{PLANTED}\n")
    return {"PHANTOMMESH_TOKEN": PLANTED}


@pytest.fixture
def file(tmp_path: Path, environment: dict[str, str]) -> Path:
    """A configuration with every secret there can be; half in a file, half in the environment."""
    kept, given = {"file": str(tmp_path / "key")}, {"env": next(iter(environment))}
    raw = yaml.safe_load(PRODUCTION.read_text())
    raw["alert_routing"]["endpoints"] = {
        "slack": {"url": kept},
        "pagerduty": {"url": "https://pager.example/v2/enqueue", "routing_key": given},
        "email": {
            "host": "mail.example", "port": 587, "sender": "mesh@example.org", "recipients": ["a@example.org"],
            "starttls": True, "username": "mesh", "password": kept,
        },
        "sms": {
            "url": "https://sms.example/{account_sid}/Messages.json", "account_sid": "AC1", "sender": "+12025550100",
            "recipients": ["+12025550101"], "token": given,
        },
    }  # fmt: skip
    raw["cache"] |= {"url": "valkey://cache.example:6379/0", "password": kept}
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(raw, indent=1))
    return path


def change(file: Path, path: tuple[str, ...], value: Any) -> None:
    raw = yaml.safe_load(file.read_text())
    place = raw
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    file.write_text(json.dumps(raw, indent=1))


def refused(file: Path, environment: dict[str, str]) -> str:
    """The complaint, in every form that it can take on its way to a person."""
    with pytest.raises(ConfigError) as caught:
        load(file, environment)
    return "\n".join([*caught.value.problems, repr(caught.value), *traceback.format_exception(caught.value)])


def test_a_secret_is_found_where_the_configuration_says(file: Path, environment: dict[str, str]) -> None:
    endpoints = load(file, environment).alert_routing.endpoints
    assert endpoints.slack is not None
    assert endpoints.sms is not None
    assert endpoints.slack.url.reveal(environment) == PLANTED
    assert endpoints.sms.token.reveal(environment) == PLANTED


def test_a_loaded_configuration_holds_no_secret(file: Path, environment: dict[str, str]) -> None:
    config = load(file, environment)
    assert PLANTED not in repr(config)
    assert PLANTED not in to_json(config).decode()


@pytest.mark.parametrize("options", [[], ["--json"], ["--check"], ["--check", "--json"]])
def test_the_command_shows_no_secret(file: Path, environment: dict[str, str], options: list[str]) -> None:
    done = CliRunner().invoke(main, ["config", "--config", str(file), *options], env=environment)
    assert done.exit_code == 0, done.output
    assert PLANTED not in done.output
    if "--check" not in options:
        assert done.output.count("********") == 5
        assert str(file.parent / "key") in done.output


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*PAGERDUTY, "routing_key"), PLANTED),
        ((*PAGERDUTY, "routing_key"), [PLANTED]),
        ((*PAGERDUTY, "routing_key"), {PLANTED: None}),
        ((*PAGERDUTY, "routing_key"), {"file": PLANTED}),
        ((*PAGERDUTY, "routing_key"), {"env": f"-{PLANTED}"}),
        ((*PAGERDUTY, "routing_key"), {"file": "/x", "env": PLANTED}),
        ((*PAGERDUTY, "routing_key"), {"value": PLANTED}),
        (PAGERDUTY, PLANTED),
        (PAGERDUTY, [PLANTED]),
        ((*PAGERDUTY, "url"), f"https://user:{PLANTED}@pager.example/"),
        ((*PAGERDUTY, "url"), PLANTED),
        ((*PAGERDUTY, "key"), PLANTED),
        (PAGERDUTY[:2], PLANTED),
        (PAGERDUTY[:1], PLANTED),
        (("alert_routing", "endpoints", "email", "host"), f"{PLANTED}\n"),
        (("alert_routing", "endpoints", "email", "sender"), PLANTED),
        (("alert_routing", "endpoints", "email", "recipients"), [PLANTED]),
        (("alert_routing", "endpoints", "email", "port"), PLANTED),
        (("alert_routing", "endpoints", "email", "starttls"), PLANTED),
        (("alert_routing", "endpoints", "sms", "sender"), PLANTED),
        (("cache", "url"), f"valkey://:{PLANTED}@cache.example"),
        (("cache", "timeout_ms"), PLANTED),
        (("pasword",), PLANTED),
    ],
)
def test_a_secret_at_the_wrong_place_is_refused_and_not_repeated(
    file: Path, environment: dict[str, str], path: tuple[str, ...], value: Any
) -> None:
    change(file, path, value)
    said = refused(file, environment)
    assert path[-1] in said
    assert PLANTED not in said


def test_a_literal_is_refused_with_what_to_do(file: Path, environment: dict[str, str]) -> None:
    change(file, (*PAGERDUTY, "routing_key"), PLANTED)
    with pytest.raises(ConfigError) as caught:
        load(file, environment)
    (problem,) = caught.value.problems
    number = next(n for n, line in enumerate(file.read_text().splitlines(), 1) if "routing_key" in line)
    assert problem == (
        f"{file}:{number}: alert_routing.endpoints.pagerduty.routing_key: must be {{file: /path}} or {{env: NAME}}: "
        "the configuration names where a secret is and never holds it"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__PAGERDUTY__ROUTING_KEY", PLANTED),
        ("PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__PAGERDUTY__ROUTING_KEY", f"'{PLANTED}"),
        ("PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__PAGERDUTY__ROUTING_KEY", f"!{PLANTED}"),
        ("PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__PAGERDUTY__ROUTING_KEY", f"*{PLANTED}"),
        ("PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__PAGERDUTY__ROUTING_KEY__FILE", PLANTED),
        ("PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__PAGERDUTY__ROUTINGKEY", PLANTED),
        ("PHANTOMMESH_CACHE__PASSWORD", PLANTED),
        ("PHANTOMMESH_CACHE__URL", PLANTED),
    ],
)
def test_a_secret_in_an_override_is_refused_and_not_repeated(
    file: Path, environment: dict[str, str], name: str, value: str
) -> None:
    said = refused(file, environment | {name: value})
    assert name in said
    assert PLANTED not in said


def test_an_override_may_name_another_place(file: Path, environment: dict[str, str]) -> None:
    name = "PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__PAGERDUTY__ROUTING_KEY"
    config = load(file, environment | {name: "{env: OTHER}", "OTHER": "another"})
    assert config.alert_routing.endpoints.pagerduty is not None
    assert config.alert_routing.endpoints.pagerduty.routing_key == SecretSource(env="OTHER")


def test_secrets_that_are_not_there_are_all_named_before_anything_starts(file: Path) -> None:
    (file.parent / "key").unlink()
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 5
    assert f"alert_routing.endpoints.slack.url: the file {file.parent / 'key'} cannot be read" in text
    assert "sms.token: the environment variable PHANTOMMESH_TOKEN is not set" in text


def _folder(place: Path) -> None:
    place.mkdir()


def _pipe(place: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize(
    ("make", "telling"),
    [
        (lambda place: place.write_text(""), "is empty"),
        (lambda place: place.write_text("\n"), "is empty"),
        (lambda place: place.write_text(f"{PLANTED}\n{PLANTED}\n"), "one line"),
        (lambda place: place.write_text(f"{PLANTED}\0"), "one line"),
        (lambda place: place.write_bytes(PLANTED.encode() + b"\xff"), "not UTF-8"),
        (lambda place: place.write_text(PLANTED * 10_000), "more than 65536 bytes"),
        (_folder, "is no file"),
        (_pipe, "is no file"),
    ],
)
def test_a_file_that_is_no_secret_is_refused(tmp_path: Path, make: Callable[[Path], Any], telling: str) -> None:
    place = tmp_path / "key"
    make(place)
    with pytest.raises(SecretError, match=telling) as caught:
        SecretSource(file=str(place)).reveal()
    assert PLANTED not in "".join(traceback.format_exception(caught.value))
    assert str(place) in str(caught.value)


def test_a_new_secret_is_taken_at_the_next_look(tmp_path: Path) -> None:
    place = tmp_path / "key"
    source = SecretSource(file=str(place))
    for secret in ("first", "second"):
        place.write_text(secret)
        assert source.reveal() == secret


def test_a_login_is_whole_and_encrypted(file: Path, environment: dict[str, str]) -> None:
    email = ("alert_routing", "endpoints", "email")
    change(file, (*email, "starttls"), False)
    assert "a login needs starttls" in refused(file, environment)
    change(file, (*email, "host"), "127.0.0.1")
    load(file, environment)  # on this machine nobody listens
    change(file, (*email, "username"), None)
    assert "both or not at all" in refused(file, environment)


def test_the_origin_of_each_value_is_shown(file: Path, environment: dict[str, str]) -> None:
    variable = "PHANTOMMESH_SYSTEM__LEASE_S"
    done = CliRunner().invoke(
        main, ["config", "--config", str(file), "--json"], env=environment | {variable: "7"}
    )  # fmt: skip
    settings = {item["key"]: item for item in json.loads(done.output)["settings"]}
    lines = file.read_text().splitlines()
    assert (
        settings["system.lease_s"] | {"value": 7.0, "origin": "environment", "where": variable}
        == settings["system.lease_s"]
    )
    where = settings["system.drain_s"]["where"]
    assert settings["system.drain_s"]["origin"] == "file"
    assert "drain_s" in lines[int(where.removeprefix(f"{file}:")) - 1]
    assert "environment variable PHANTOMMESH_TOKEN" in settings["alert_routing.endpoints.sms.token"].values()
    plain = json.loads(CliRunner().invoke(main, ["config", "--json"]).output)
    (absent,) = [item for item in plain["settings"] if item["key"] == "cache.url"]
    assert (absent["value"], absent["origin"], absent["where"]) == (None, "default", None)
