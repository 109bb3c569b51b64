"""A tree as the text of a template."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from generate.tree import ABSENT, If, Named, Value

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{2,}")  # needs no quotes, but for these
_WORDS = frozenset({"true", "false", "null", "yes", "off"})


class Writer:
    """tokens: what stands for a value of the chart wherever it occurs in a text, and the expression in its place."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = tokens

    def document(self, item: Any) -> Iterator[str]:
        """The lines of one object, which may depend on a condition."""
        if isinstance(item, If):
            yield from self._either(item, self.document)
        elif item is not ABSENT:
            yield "---"
            yield from self._mapping(item, 0)

    def _either(self, item: If, lines: Any) -> Iterator[str]:
        then, otherwise = list(lines(item.then)), list(lines(item.otherwise))
        if not then and not otherwise:
            return
        if not then:
            yield f"{{{{- if not ({item.condition}) }}}}"
            yield from otherwise
        else:
            yield f"{{{{- if {item.condition} }}}}"
            yield from then
            if otherwise:
                yield "{{- else }}"
                yield from otherwise
        yield "{{- end }}"

    def _mapping(self, mapping: Mapping[str, Any], indent: int) -> Iterator[str]:
        for key, item in mapping.items():
            yield from self._entry(key, item, indent)

    def _entry(self, key: str, item: Any, indent: int) -> Iterator[str]:
        if isinstance(item, If):
            yield from self._either(item, lambda side: self._entry(key, side, indent))
            return
        if item is ABSENT:
            return
        before = " " * indent + (key if _PLAIN.fullmatch(key) else self._scalar(key)) + ":"
        if isinstance(item, Value) and item.block:
            yield f"{before} {{{{- toYaml {item.expression} | nindent {indent + 2} }}}}"
        elif isinstance(item, dict) and item:
            yield before
            if isinstance(item, Named):
                yield from self._items(item.values(), indent)
            else:
                yield from self._mapping(item, indent + 2)
        elif isinstance(item, list) and item:
            yield before
            yield from self._items(item, indent)
        elif isinstance(item, str) and "\n" in item and not item.startswith((" ", "\n")) and not item.endswith("\n\n"):
            yield f"{before} |" if item.endswith("\n") else f"{before} |-"
            yield from (" " * (indent + 2) + self._text(line) if line else "" for line in item.splitlines())
        else:
            yield f"{before} {self._scalar(item)}"

    def _items(self, items: Any, indent: int) -> Iterator[str]:
        for item in items:
            yield from self._item(item, indent)

    def _item(self, item: Any, indent: int) -> Iterator[str]:
        if isinstance(item, If):
            yield from self._either(item, lambda side: self._item(side, indent))
        elif isinstance(item, dict) and item and not isinstance(item, Named):
            # "-" stands alone: what follows it may depend on a condition.
            yield " " * indent + "-"
            yield from self._mapping(item, indent + 2)
        elif item is not ABSENT:
            yield " " * indent + "- " + self._scalar(item)

    def _scalar(self, item: Any) -> str:
        if isinstance(item, Value):
            return f"{{{{ toJson {item.expression} }}}}"
        if isinstance(item, Named):
            return "[]"
        if isinstance(item, str) and _PLAIN.fullmatch(item) and item.lower() not in _WORDS and self._text(item) == item:
            return item
        return self._text(json.dumps(item, ensure_ascii=False))

    def _text(self, text: str) -> str:
        """With what the templates' language would take for its own put in quotes, and the tokens replaced."""
        text = text.replace("{{", '{{ "{{" }}')
        for token, expression in self._tokens.items():
            text = text.replace(token, f"{{{{ {expression} }}}}")
        return text
