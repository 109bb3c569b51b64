"""The part of Helm's template language that the chart's templates use, and nothing else: what is not known is refused.

No wheel of Helm's own makers brings the program, so that `make test` reads the templates with this. Where `helm` is
installed, the same comparison is made with it (test_chart).
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

_ACTION = re.compile(r"\{\{(-?)\s*(.*?)\s*\}\}")
_WORD = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[()|]|[^\s()|"]+)')


class TemplateError(Exception):
    """The template uses what this does not know, or is not well-formed."""


def render(template: str, values: dict[str, Any]) -> str:
    """The text that Helm would make of a template. Raises TemplateError."""
    parts = list(_parts(template))
    text, rest = _block(parts, 0, values, True)
    if rest != len(parts):
        raise TemplateError(f"{parts[rest][1]}: closes nothing")
    return text


def _parts(template: str) -> Iterator[tuple[bool, str]]:
    """(whether it is an action, its text), with the white space removed that an action asks to remove."""
    end = 0
    for found in _ACTION.finditer(template):
        before = template[end : found.start()]
        yield False, before.rstrip() if found[1] else before
        yield True, found[2]
        end = found.end()
    yield False, template[end:]


def _block(parts: list[tuple[bool, str]], at: int, values: dict[str, Any], shown: bool) -> tuple[str, int]:
    """The text from a part on, up to the `else` or `end` that closes it, and where that is."""
    out: list[str] = []
    while at < len(parts):
        action, text = parts[at]
        if action and text in ("else", "end"):
            break
        if action and text.startswith("if "):
            then, at = _either(parts, at, values, shown)
            out.append(then)
        elif shown:
            out.append(_shown(_value(text, values)) if action else text)
        at += 1
    return "".join(out), at


def _either(parts: list[tuple[bool, str]], at: int, values: dict[str, Any], shown: bool) -> tuple[str, int]:
    holds = bool(_value(parts[at][1].removeprefix("if "), values))
    text, at = _block(parts, at + 1, values, shown and holds)
    if at < len(parts) and parts[at][1] == "else":
        otherwise, at = _block(parts, at + 1, values, shown and not holds)
        text += otherwise
    if at >= len(parts) or parts[at][1] != "end":
        raise TemplateError("an `if` without its end")
    return text, at


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TemplateError(f"{value!r} would be written as Go writes it; use toJson or toYaml")
    return str(value)


def _value(expression: str, values: dict[str, Any]) -> Any:
    words = [found[1] for found in _WORD.finditer(expression)]
    value, rest = _pipeline(words, values)
    if rest:
        raise TemplateError(f"{expression}: {' '.join(rest)} is left")
    return value


def _pipeline(words: list[str], values: dict[str, Any]) -> tuple[Any, list[str]]:
    arguments: list[Any] = []
    function = ""
    while words:
        word, *words = words
        if word == ")":
            return _call(function, arguments), [")", *words]
        if word == "|":
            arguments, function = [_call(function, arguments)], words.pop(0)
            following: list[Any] = []
            while words and words[0] not in ("|", ")"):
                following.append(_operand(words.pop(0), values))
            arguments = [*following, *arguments]
        elif word == "(":
            inner, words = _pipeline(words, values)
            if words[:1] != [")"]:
                raise TemplateError("a bracket is not closed")
            words = words[1:]
            arguments.append(inner)
        elif not function and not arguments and word in _FUNCTIONS:
            function = word
        else:
            arguments.append(_operand(word, values))
    return _call(function, arguments), []


def _operand(word: str, values: dict[str, Any]) -> Any:
    if word.startswith('"'):
        return json.loads(word)
    if word.isdigit():
        return int(word)
    if not word.startswith(".Values."):
        raise TemplateError(f"{word} is not known")
    value: Any = values
    for key in word.split(".")[2:]:
        if not isinstance(value, dict) or key not in value:
            raise TemplateError(f"{word}: the values have no {key}")
        value = value[key]
    return value


def _call(function: str, arguments: list[Any]) -> Any:
    if not function:
        (value,) = arguments
        return value
    if function not in _FUNCTIONS:
        raise TemplateError(f"{function} is not known")
    return _FUNCTIONS[function](*arguments)


def _to_yaml(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=False, width=10_000).rstrip("\n")


_FUNCTIONS: dict[str, Any] = {
    "eq": lambda one, other: one == other,
    "not": lambda value: not value,
    "toJson": lambda value: json.dumps(value, ensure_ascii=False),
    "toYaml": _to_yaml,
    "nindent": lambda width, text: "".join("\n" + (" " * width + line if line else "") for line in text.split("\n")),
    "sha256sum": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "trunc": lambda length, text: text[:length],
}
