"""The reference of the configuration, docs/configuration.md, made from the model's own schema."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from phantommesh.config.load import PREFIX, PRODUCTION, SEPARATOR, read
from phantommesh.config.model import Config
from phantommesh.config.secret_source import SecretSource
from phantommesh.config.settings import settings

INTRODUCTION = """\
# Configuration
<!-- Made by `phantommesh config --reference > docs/configuration.md`; what to change is include/phantommesh/config. -->

One file holds the whole configuration of an environment: `include/phantommesh/config/production.yaml` is the
production one and what `phantommesh up` takes; `--config FILE` takes another. A key that is unknown, stands twice, is
missing or has an illegal value stops the start, and every problem is said at once, with file and line.

| command | does |
|---|---|
| `phantommesh config` | prints what is in force and where each value comes from: file and line, variable, default |
| `phantommesh config --check` | exit 0 when a platform could start with it; otherwise 1 and one line for each problem |
| `phantommesh config --json` | the same as the first, for programs |
| `phantommesh config --reference` | prints this page |

**From the environment.** `PHANTOMMESH_<SECTION>__<KEY>[__<KEY>]=VALUE` goes before the file. VALUE is YAML:
`PHANTOMMESH_ALERT_ROUTING__CHANNELS__SMS='[high, critical]'`.

**YAML.** Texts need no quotes unless they look like a number, a truth or nothing, as YAML 1.2 has it. Tags, aliases and
keys that stand twice are refused.

**Secrets.** A secret is never written into a configuration, nor into a variable that overrides it. The key says where
it is: `{file: /run/secrets/routing-key}` (an absolute path; the secret is the file's only line) or
`{env: PHANTOMMESH_ROUTING_KEY}` (a variable that every process of the platform has). Whether it is there is checked
before anything starts. Each process reads it when it starts: a new one is taken with a restart. No command, log or
state file shows it.

**The cache** is invalidated by its keys: each holds the version of what it keeps, and a new version is asked for under
new keys from its first moment on. Old entries end with their time to live (`cache.*_ttl_s`).
"""
UNITS = {"s": "seconds", "ms": "milliseconds", "bytes": "bytes", "hours": "hours"}
_NUMBERS = {"integer": "a whole number", "number": "a number"}
_HEAD = "| Key and environment variable | What it does | Legal values | Unit | Production |\n|---|---|---|---|---|\n"


def reference() -> str:
    """The page, Markdown."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Config).json_schema()
    production = {setting.key: setting.shown() for setting in settings(read(PRODUCTION, {}))}
    parts = [INTRODUCTION]
    for name, entry in schema["properties"].items():
        section = _resolved(entry, schema)
        rows = "".join(_row(key, item, schema, production) for key, item in _keys(section, (name,), schema))
        parts.append(f"## {name}\n{textwrap.fill(_line(section), 120)}\n\n{_HEAD}{rows}")
    return "\n".join(parts)


def _keys(
    section: Mapping[str, Any], path: tuple[str, ...], schema: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    for name, entry in section["properties"].items():
        inner = _resolved(entry, schema)
        if inner.get("type") == "object" and not _is_secret(inner):
            if "anyOf" in entry:  # a section that may be absent has a row of its own
                yield (*path, name), {**entry, "section": True}
            yield from _keys(inner, (*path, name), schema)
        else:
            yield (*path, name), entry


def _row(
    path: tuple[str, ...], entry: Mapping[str, Any], schema: Mapping[str, Any], production: Mapping[str, str]
) -> str:
    if "description" not in entry:
        raise LookupError(f"{'.'.join(path)}: the model does not say what it does")
    variable = PREFIX + SEPARATOR.join(part.upper() for part in path)
    legal = "a mapping of the keys below" if "section" in entry else _legal(_resolved(entry, schema))
    if "anyOf" in entry:
        legal += ", or absent"
    unit = UNITS.get(path[-1].rpartition("_")[2], "") if "_" in path[-1] else ""
    value = production.get(".".join(path), "(absent)")
    shown = value if value == "(absent)" else f"`{value}`"
    return f"| `{'.'.join(path[1:])}`<br>`{variable}` | {_line(entry)} | {legal} | {unit} | {shown} |\n"


def _resolved(entry: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry's own schema: what it refers to, without `or null`."""
    if "anyOf" in entry:
        entry = next(item for item in entry["anyOf"] if item.get("type") != "null")
    if "$ref" in entry:
        found: Mapping[str, Any] = schema["$defs"][entry["$ref"].rpartition("/")[2]]
        return found
    return entry


def _is_secret(entry: Mapping[str, Any]) -> bool:
    return entry.get("title") == SecretSource.__name__


def _legal(entry: Mapping[str, Any]) -> str:
    if _is_secret(entry):
        return "a secret: `{file: /path}` or `{env: NAME}`"
    if "form" in entry:
        return f"{entry['form']}{_size(entry, 'Length', ' characters')}"
    if "enum" in entry:
        return ", ".join(f"`{item}`" for item in entry["enum"])
    if entry["type"] == "array":
        return f"a list{_size(entry, 'Items', '')} of: {_legal(entry['items'])}"
    if entry["type"] == "boolean":
        return "`true`, `false`"
    return f"{_NUMBERS[entry['type']]}, {_range(entry)}"


def _range(entry: Mapping[str, Any]) -> str:
    low = f"above {_number(entry['exclusiveMinimum'])}, at most" if "exclusiveMinimum" in entry else None
    return f"{low or _number(entry['minimum']) + ' to'} {_number(entry['maximum'])}"


def _size(entry: Mapping[str, Any], what: str, unit: str) -> str:
    low, high = entry.get(f"min{what}"), entry.get(f"max{what}")
    return "" if high is None else f" ({_number(low or 0)} to {_number(high)}{unit})"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else json.dumps(value)


def _line(entry: Mapping[str, Any]) -> str:
    return " ".join(str(entry["description"]).split()).replace("|", "\\|")
