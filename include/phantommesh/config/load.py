"""Reads the configuration: the file, then the environment's overrides, then every check at once."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from phantommesh.config.model import Config

PRODUCTION = Path(__file__).parent / "production.yaml"
PREFIX = "PHANTOMMESH_"
SEPARATOR = "__"
_MAX_SHOWN = 80


class ConfigError(ValueError):
    """The configuration cannot be used. problems: one line each with key path, value and legal values."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def load(path: Path, environment: Mapping[str, str]) -> Config:
    """The configuration of a file with the overrides of an environment. Raises ConfigError with every problem."""
    raw = _read(path)
    problems: list[str] = []
    origins: dict[str, str] = {}
    for name in sorted(environment):
        if name.startswith(PREFIX) and SEPARATOR in name.removeprefix(PREFIX):
            problems += _override(raw, name, environment[name], origins)
    return _checked(raw, str(path), origins, problems)


def from_json(text: bytes) -> Config:
    """The configuration that ``up`` checked and wrote down for the replicas."""
    return msgspec.json.decode(text, type=Config)


def to_json(config: Config) -> bytes:
    """What from_json reads."""
    return msgspec.json.encode(config)


def _read(path: Path) -> dict[str, Any]:
    import yaml  # only `up` reads YAML: a replica must be back quickly

    try:
        raw = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror}); name a file with --config"]) from error
    except yaml.YAMLError as error:
        raise ConfigError([f"{path}: not YAML ({' '.join(str(error).split())})"]) from error
    if not isinstance(raw, dict):
        raise ConfigError([f"{path}: must be a mapping with the keys {_legal_keys(())}"])
    return raw


def _override(raw: dict[str, Any], name: str, text: str, origins: dict[str, str]) -> list[str]:
    import yaml

    *above, last = name.removeprefix(PREFIX).lower().split(SEPARATOR)
    place: Any = raw
    for key in above:
        place = place.setdefault(key, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict) or not last:
        return [f"{name}: names no key of the configuration"]
    try:
        place[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        return [f"{name}: {_shown(text)} is not a YAML value"]
    origins[".".join([*above, last])] = name
    return []


def _checked(raw: object, where: str, origins: Mapping[str, str], problems: list[str]) -> Config:
    from pydantic import TypeAdapter, ValidationError  # a replica does without it (see model)

    try:
        config = TypeAdapter(Config).validate_python(raw)
    except ValidationError as error:
        problems = problems + [_line(dict(item), where, origins) for item in error.errors(include_url=False)]
    if problems:
        raise ConfigError(problems)
    return config


def _line(item: dict[str, Any], where: str, origins: Mapping[str, str]) -> str:
    path = tuple(part for part in item["loc"])
    dotted = ".".join(str(part) for part in path)
    origin = next(
        (name for key, name in origins.items() if f"{dotted}.".startswith(f"{key}.") or key.startswith(f"{dotted}.")),
        where,
    )
    if item["type"] == "unexpected_keyword_argument":
        return f"{origin}: {dotted}: unknown key; legal keys are {_legal_keys(path[:-1])}"
    if item["type"] == "missing":
        return f"{origin}: {dotted}: missing"
    reason = str(item["msg"]).removeprefix("Value error, ")
    return f"{origin}: {dotted}: {_shown(item['input'])} is not legal: {reason[:1].lower()}{reason[1:]}"


def _legal_keys(path: tuple[object, ...]) -> str:
    model: Any = Config
    for part in path:
        model = get_type_hints(model)[str(part)]
    return ", ".join(field.name for field in fields(model))


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
