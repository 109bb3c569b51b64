"""Reads the configuration: the file, then the environment's overrides, then every check at once."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import msgspec

from phantommesh.config.model import Config
from phantommesh.config.problems import ConfigError, line
from phantommesh.config.secret_source import SecretError, SecretSource

__all__ = ["PRODUCTION", "ConfigError", "Loaded", "from_json", "load", "read", "to_json"]
PRODUCTION = Path(__file__).parent / "production.yaml"
PREFIX = "PHANTOMMESH_"
SEPARATOR = "__"
MAX_FILE_BYTES = 1024 * 1024
SECTIONS = tuple(item.name for item in fields(Config))
KeyPath = tuple[str | int, ...]


@dataclass(slots=True)
class Origins:
    """Where values come from. lines: of the file, by path; variables: of the environment, by path."""

    file: Path
    lines: dict[KeyPath, int] = field(default_factory=dict)
    variables: dict[KeyPath, str] = field(default_factory=dict)

    def variable(self, path: KeyPath) -> str | None:
        """The variable that gave a value or the section around it."""
        found = [name for key, name in self.variables.items() if path[: len(key)] == key]
        return found[-1] if found else None

    def where(self, path: KeyPath) -> str:
        """Whom to blame for a value: a variable that gave it, the section around it or a part of it; or the file."""
        part = next((name for key, name in self.variables.items() if key[: len(path)] == path and path), None)
        if name := self.variable(path) or part:
            return name
        known = next((path[:size] for size in range(len(path), 0, -1) if path[:size] in self.lines), None)
        return f"{self.file}:{self.lines[known]}" if known else str(self.file)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where its values come from."""

    config: Config
    origins: Origins


def load(path: Path, environment: Mapping[str, str], sections: Collection[str] = SECTIONS) -> Config:
    """The configuration of a file with the overrides of an environment. Every secret that these sections of it name is
    there. Raises ConfigError with every problem."""
    return read(path, environment, sections).config


def read(path: Path, environment: Mapping[str, str], sections: Collection[str] = SECTIONS) -> Loaded:
    """The same, with the origin of each value."""
    origins = Origins(path)
    problems: list[str] = []
    raw = _file(origins, problems)
    for name in sorted(environment):
        if name.startswith(PREFIX) and SEPARATOR in name.removeprefix(PREFIX):
            problems += _override(raw, name, environment[name], origins)
    config = _checked(raw, origins, problems)
    if config is not None:
        problems += _missing_secrets(config, environment, origins, sections)
    if config is None or problems:
        raise ConfigError(problems)
    return Loaded(config, origins)


def from_json(text: bytes) -> Config:
    """The configuration that ``up`` checked and wrote down for the replicas. It names secrets and holds none."""
    return msgspec.json.decode(text, type=Config)


def to_json(config: Config) -> bytes:
    """What from_json reads."""
    return msgspec.json.encode(config)


def _file(origins: Origins, problems: list[str]) -> dict[str, Any]:
    from phantommesh.config.yaml_source import YamlError, parse  # only `up` reads YAML: a replica must be back quickly

    path, problem = origins.file, ""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError([f"{path}: has more than {MAX_FILE_BYTES} bytes; name another file with --config"])
        source = parse(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        problem = f"{path}: cannot be read ({error.strerror}); name a file with --config"
    except UnicodeDecodeError:
        problem = f"{path}: not UTF-8"
    except YamlError as error:
        problem = f"{path}{f':{error.line}' if error.line else ''}: {error}"
    else:
        if isinstance(source.value, dict):
            origins.lines.update(source.lines)
            problems += [f"{path}:{number}: {words}" for number, words in source.problems]
            return source.value
        problem = f"{path}: must be a mapping with the keys {', '.join(item.name for item in fields(Config))}"
    raise ConfigError([problem])  # not in an except clause: the error at hand may quote the file


def _override(raw: dict[str, Any], name: str, text: str, origins: Origins) -> list[str]:
    from phantommesh.config.yaml_source import YamlError, parse

    *above, last = name.removeprefix(PREFIX).lower().split(SEPARATOR)
    place: Any = raw
    for key in above:
        if isinstance(place, dict) and place.get(key) is None:
            place[key] = {}
        place = place[key] if isinstance(place, dict) else None
    if not isinstance(place, dict) or not last:
        return [f"{name}: names no key of the configuration"]
    try:
        source = parse(text)
    except YamlError as error:
        return [f"{name}: not a YAML value: {error}"]
    place[last] = source.value
    origins.variables[(*above, last)] = name
    return [f"{name}: {words}" for _, words in source.problems]


def _checked(raw: dict[str, Any], origins: Origins, problems: list[str]) -> Config | None:
    from pydantic import TypeAdapter, ValidationError  # a replica does without it (see section)

    try:
        # Checked as JSON: only so are types taken as they are written and lists still good for tuples.
        return TypeAdapter(Config).validate_json(json.dumps(raw))
    except ValidationError as error:
        problems += [line(item, Config, origins.where) for item in error.errors(include_url=False)]
        return None


def _missing_secrets(
    config: Config, environment: Mapping[str, str], origins: Origins, sections: Collection[str]
) -> Iterator[str]:  # fmt: skip
    for path, source in secret_sources(config, ()):
        if path[0] not in sections:
            continue  # a process without need for a secret is not given it
        try:
            source.reveal(environment)
        except SecretError as error:
            yield f"{origins.where(path)}: {'.'.join(map(str, path))}: {error}"


def secret_sources(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, SecretSource]]:
    """Every secret that a configuration names, with its key path."""
    if isinstance(value, SecretSource):
        yield path, value
    elif is_dataclass(value):
        for item in fields(value):
            yield from secret_sources(getattr(value, item.name), (*path, item.name))
