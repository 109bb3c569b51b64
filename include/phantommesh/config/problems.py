"""What is wrong with a configuration, in lines for people: where, which key, which value, what is legal.

A value is shown only where no secret can be: not below a secret, not a text beside one, and not where a whole section
should stand. A password at the wrong place is then not spread by the complaint about it.
"""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from phantommesh.config.secret_source import HOW, SecretSource

Path = tuple[str | int, ...]
_MAX_SHOWN = 80


class ConfigError(ValueError):
    """The configuration cannot be used. problems: one line each with place, key path, value and legal values."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def line(error: Mapping[str, Any], model: type, where: Callable[[Path], str]) -> str:
    """One of pydantic's errors. where: the file and line, or the variable, that a path comes from."""
    path, secret = _known(error["loc"], model)
    dotted = ".".join(str(part) for part in path)
    start = f"{where(path)}: {dotted}: " if path else f"{where(path)}: "
    reason = _reason(error)
    if secret is not None:
        inner = secret and error["type"] != "unexpected_keyword_argument"
        return start + (f"{secret}: {reason}" if inner else HOW)
    if error["type"] == "unexpected_keyword_argument":
        return f"{start}unknown key; legal keys are {legal_keys(model, path[:-1])}"
    if error["type"] in ("missing", "missing_argument"):
        return f"{start}missing"
    if error["type"] in ("dataclass_type", "dataclass_exact_type"):
        return f"{start}must be a mapping with the keys {legal_keys(model, path)}"
    if not _may_be_shown(error["input"], model, path):
        return f"{start}{reason}"
    return f"{start}{_shown(error['input'])} is not legal: {reason}"


def _known(path: Path, model: type) -> tuple[Path, str | None]:
    """A path, cut at the first secret in it; then also the key below the secret ("" for the secret itself)."""
    for length in range(1, len(path) + 1):
        if _type_at(model, path[:length]) is SecretSource:
            below = path[length] if length < len(path) else ""
            known = {field.name for field in fields(SecretSource)}
            return path[:length], str(below) if below in known else ""
    return path, None


def _reason(error: Mapping[str, Any]) -> str:
    reason = str(error["msg"]).removeprefix("Value error, ")
    return f"{reason[:1].lower()}{reason[1:]}"


def _may_be_shown(value: object, model: type, path: Path) -> bool:
    section = model
    for length, part in enumerate(path, 1):
        if isinstance(part, str):
            section = _type_at(model, path[: length - 1])
    kind = _type_at(model, path)
    if isinstance(value, dict) or kind is None or is_dataclass(kind):
        return False
    beside_secret = is_dataclass(section) and SecretSource in map(_plain, get_type_hints(section).values())
    return not beside_secret or isinstance(value, bool | int | float)


def _type_at(model: type, path: Path) -> Any:
    kind: Any = model
    for part in path:
        if isinstance(part, int):
            kind = _plain(get_args(kind)[0]) if get_args(kind) else None
        else:
            kind = _plain(get_type_hints(kind).get(part)) if is_dataclass(kind) else None
    return kind


def _plain(hint: Any) -> Any:
    """A type without `| None`."""
    if get_origin(hint) is types.UnionType:
        return next(item for item in get_args(hint) if item is not type(None))
    return hint


def legal_keys(model: type, path: Path) -> str:
    """The keys of the section at a path."""
    return ", ".join(field.name for field in fields(_type_at(model, path)))


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
