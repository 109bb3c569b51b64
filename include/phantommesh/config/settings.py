"""What is in force, key by key, with the origin of each value. Secrets are named by their place and never shown."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from phantommesh.config.load import KeyPath, Loaded
from phantommesh.config.secret_source import SecretSource

MASK = "********"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key. origin: file, environment or default; where: file and line, or the variable, or nothing. secret: where
    the secret is, which stands for its value."""

    key: str
    value: Any
    origin: str
    where: str | None
    secret: str | None = None

    def shown(self) -> str:
        """The value for people."""
        if self.secret is not None:
            return f"{MASK} ({self.secret})"
        return "(absent)" if self.value is None else json.dumps(self.value)


def settings(loaded: Loaded) -> list[Setting]:
    """Every key of a configuration, in the model's order."""
    return [_setting(loaded, path, value) for path, value in _leaves(loaded.config, ())]


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if is_dataclass(value) and not isinstance(value, SecretSource):
        for item in fields(value):
            yield from _leaves(getattr(value, item.name), (*path, item.name))
    else:
        yield path, value


def _setting(loaded: Loaded, path: KeyPath, value: Any) -> Setting:
    key = ".".join(map(str, path))
    origin, where = _origin(loaded, path)
    if isinstance(value, SecretSource):
        place = f"file {value.file}" if value.file is not None else f"environment variable {value.env}"
        return Setting(key, MASK, origin, where, place)
    return Setting(key, value, origin, where)


def _origin(loaded: Loaded, path: KeyPath) -> tuple[str, str | None]:
    origins = loaded.origins
    if path in origins.lines or origins.variable(path) or any(key[: len(path)] == path for key in origins.variables):
        where = origins.where(path)
        return ("environment" if where in origins.variables.values() else "file"), where
    return "default", None
