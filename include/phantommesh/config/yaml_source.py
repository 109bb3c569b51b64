"""YAML text into plain values, with the line of each of them.

A scalar without quotes is read as YAML 1.2 reads it (core schema): `12:30`, `on` and `2026-01-01` are texts here, not a
number, a truth and a date. Refused is what can mislead: a key that stands twice, an alias, a tag. No message repeats a
piece of the text, which may be a secret at the wrong place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Path = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_MAX_DIGITS = 30
_READ_ANEW = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
              r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", list("-+.0123456789")),
)  # fmt: skip


class YamlError(ValueError):
    """The text cannot be read. line: from 1; None when it is about the whole."""

    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class Source:
    """What was read. lines: the line of each value by its path; problems: line and words."""

    value: Any
    lines: Mapping[Path, int]
    problems: tuple[tuple[int, str], ...]


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the base class declares it so

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            words = "aliases are not used here; write the value again"
            raise yaml.MarkedYAMLError(problem=words, problem_mark=event.start_mark)
        return super().compose_node(parent, index)


for _name, _pattern, _first in _READ_ANEW:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern})$"), _first)


def parse(text: str) -> Source:
    """The values of one YAML document; an empty one is None. Raises YamlError."""
    problem: YamlError | None = None
    try:
        node = yaml.compose(text, _Loader)
        reader = _Reader()
        value = None if node is None else reader.value(node, ())
        return Source(value, reader.lines, tuple(reader.problems))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # PyYAML quotes what it stumbled over; what it is, ends at the quotation mark.
        reason = re.split(r"['\"]", error.problem or error.context or "")[0].strip(" ,:")
        problem = YamlError(None if mark is None else mark.line + 1, f"not YAML ({reason})" if reason else "not YAML")
    except yaml.YAMLError:
        problem = YamlError(None, "not YAML (it holds a character that is not allowed)")
    except RecursionError:
        problem = YamlError(None, "not YAML that can be read: it is nested too deeply")
    raise problem  # not in the except clause: the error at hand quotes the text


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[tuple[int, str]] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and (kind := node.tag.removeprefix(_TAG)) in _SCALARS:
            return self._scalar(kind, node)
        self._complain(node, "tags are not used here; write the plain value")
        return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, "a key must be a plain text")
                continue
            key = (*path, str(key_node.value))
            if key in self.lines:
                self._complain(key_node, f"the same key stands in line {self.lines[key]}, too; keep one of them")
                continue
            self.lines[key] = key_node.start_mark.line + 1
            found[str(key_node.value)] = self.value(value_node, key)
        return found

    def _scalar(self, kind: str, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        if kind == "int" and len(text) > _MAX_DIGITS:
            self._complain(node, f"a number of over {_MAX_DIGITS} digits")
            return None
        try:
            return _SCALARS[kind](text)
        except ValueError:  # `!!int x`
            self._complain(node, "tags are not used here; write the plain value")
            return None

    def _complain(self, node: yaml.Node, problem: str) -> None:
        self.problems.append((node.start_mark.line + 1, problem))


def _number(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: dict[str, Any] = {
    "str": str, "null": lambda _text: None, "bool": lambda text: text.lower() == "true", "int": int, "float": _number,
}  # fmt: skip
