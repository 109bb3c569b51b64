"""The chart's files, by their paths."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from generate import settings, variants
from generate.text import Writer
from generate.tree import ABSENT, Value, at, fold, put, wrapped

ROOT = variants.K8S / "charts" / "phantommesh"
NOTE = "# Written by `make chart` from k8s/: change it there."
CONFIG_NAME = "phantommesh-config-{{ .Values.config | sha256sum | trunc 10 }}"


Rendered = dict[str, variants.Objects]


def files(environments: Rendered, whole: variants.Objects, choices: Rendered) -> dict[str, str]:
    """Everything below the chart's folder that is made. environments: their objects, by their names."""
    defaults = values_of("dev", environments["dev"], whole, *choices.values())
    missing = described().keys() - set(_flat(defaults))
    if missing:
        raise SystemExit(f"nothing says a default of {', '.join(sorted(missing))}")
    made = {"values.yaml": _commented(defaults), "values.schema.json": json.dumps(schema(), indent=2) + "\n"}
    for name, objects in environments.items():
        made[f"environments/{name}.yaml"] = f"{NOTE}\n{_dumped(values_of(name, objects))}"
    return made | templates(whole, choices)


def templates(whole: variants.Objects, choices: Rendered) -> dict[str, str]:
    """A file for each kind of object."""
    before = {key: wrapped(item) for key, item in whole.items()}
    tree: Any = {key: wrapped(item) for key, item in whole.items()}
    for condition, objects in choices.items():
        tree = fold(tree, before, {key: wrapped(item) for key, item in objects.items()}, condition)
    for setting in settings.SETTINGS:
        value = Value(f".Values.{setting.name}", setting.block)
        done = [put(item, path, value) for place in setting.places for item, path in _places(tree, place)]
        if True not in done:
            raise SystemExit(f"{setting.name}: leads nowhere; its place has another name now")
    _keep_namespaces(tree)
    writer = Writer(_tokens(whole))
    lines: dict[str, list[str]] = defaultdict(list)
    for key, item in tree.items():
        lines[key.partition("/")[0].lower()] += _with_configuration(writer.document(item))
    return {f"templates/{kind}.yaml": "\n".join([NOTE, *text]) + "\n" for kind, text in lines.items()}


def _places(tree: dict[str, Any], place: settings.Place) -> list[tuple[Any, tuple[str, ...]]]:
    kind, name, path = place
    return [(item, path) for key, item in tree.items() if key.startswith(f"{kind}/") and key.endswith(f"/{name}")]


def _tokens(whole: variants.Objects) -> dict[str, str]:
    names = [item["metadata"]["name"] for item in whole.values()]
    named = next(name for name in names if name.startswith("phantommesh-config-"))
    return {named: "CONFIGURATION-NAME"} | {token: f".Values.{name}" for token, name, *_ in settings.TOKENS}


def _with_configuration(lines: Any) -> list[str]:
    whole = f"config.yaml: {variants.CONFIG}"
    return [
        line.replace("{{ CONFIGURATION-NAME }}", CONFIG_NAME).replace(whole, "config.yaml: {{ toJson .Values.config }}")
        for line in lines
    ]


def _keep_namespaces(tree: dict[str, Any]) -> None:
    """Uninstalling must not take the data away: with a namespace everything in it goes, its volumes first."""
    for key, item in tree.items():
        if key.startswith("Namespace/"):
            item["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}


def values_of(environment: str, objects: variants.Objects, *others: variants.Objects) -> dict[str, Any]:
    """An environment's values, read from its objects; what it has not, from the first of the others that has it."""
    by_title = _by_title(objects)
    found: dict[str, Any] = {}
    for _, name, _, _, default in settings.TOKENS:
        found[name] = environment if name == "environment" else default
    for name, _, _, told, otherwise in settings.CHOICES:
        found[name] = next((choice for title, choice in told.items() if title in by_title), otherwise)
    configs = {title: item.get("data", {}) for title, item in by_title.items() if item["kind"] == "ConfigMap"}
    found["alerts.enabled"] = any("alert-rules.yml" in data for data in configs.values())
    found["config"] = next(data["config.yaml"] for data in configs.values() if "config.yaml" in data)
    looked_at = [by_title, *map(_by_title, others)]
    for setting in settings.SETTINGS:
        values = [at(titles.get(f"{kind} {name}", {}), path)
                  for titles in looked_at for kind, name, path in setting.places]  # fmt: skip
        there = [value for value in values if value is not ABSENT]
        if there:
            found[setting.name] = there[0]
    return _nested(found)


def _by_title(objects: variants.Objects) -> variants.Objects:
    return {f"{item['kind']} {item['metadata']['name']}": item for item in objects.values()}


def _flat(values: dict[str, Any], above: str = "") -> Iterator[str]:
    known = described()
    for key, value in values.items():
        name = f"{above}{key}"
        if name in known:
            yield name
        else:
            yield from _flat(value, f"{name}.")


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in flat.items():
        *above, last = name.split(".")
        place = result
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return result


def described() -> dict[str, tuple[str, dict[str, Any]]]:
    """Every value: what it means and what is legal."""
    return {
        **{name: (meaning, legal) for _, name, meaning, legal, _ in settings.TOKENS},
        **{name: (meaning, legal) for name, meaning, legal, _, _ in settings.CHOICES},
        settings.ALERTS[0]: settings.ALERTS[1:], settings.CONFIG[0]: settings.CONFIG[1:],
        **{item.name: (item.meaning, item.legal) for item in settings.SETTINGS},
    }  # fmt: skip


def schema() -> dict[str, Any]:
    """JSON Schema, draft 7, as Helm reads it."""
    root: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
                            "additionalProperties": False, "properties": {}}  # fmt: skip
    for name, (meaning, legal) in described().items():
        *above, last = name.split(".")
        place = root
        for key in above:
            empty = {"type": "object", "additionalProperties": False, "properties": {}}
            place = place["properties"].setdefault(key, empty)
        place["properties"][last] = {**({"description": meaning} if meaning else {}), **legal}
    root["properties"]["global"] = {"type": "object"}  # Helm's own
    return root


def _dumped(values: dict[str, Any]) -> str:
    class Dumper(yaml.SafeDumper):
        """Long texts as they are read."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    return yaml.dump(values, Dumper=Dumper, sort_keys=False, width=200, allow_unicode=True)


def _commented(values: dict[str, Any]) -> str:
    lines = [NOTE, "# The values of dev. environments/ has those of the others."]
    meanings = described()
    for key, value in values.items():
        told = [f"{name}: {meaning}" for name, (meaning, _) in meanings.items()
                if meaning and name.partition(".")[0] == key]  # fmt: skip
        lines += ["", *(f"# {line}" for line in told), _dumped({key: value}).rstrip("\n")]
    return "\n".join(lines) + "\n"


def write(made: dict[str, str], root: Path = ROOT) -> None:
    """Put the files down, and remove templates that are made no more."""
    for old in [*root.glob("templates/*.yaml"), *root.glob("environments/*.yaml")]:
        if str(old.relative_to(root)) not in made:
            old.unlink()
    for name, text in made.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
