"""A YAML file as plain data with the line of every value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from readiness.spec.problem import Problem, SpecError

MAX_BYTES = 256 * 1024
Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """``data``: the root mapping. ``lines``: location -> line, counted from 1; () is the root."""

    file: str
    data: dict[str, Any]
    lines: dict[Location, int]

    def line(self, location: Location) -> int:
        """The line of a location, or of the nearest value around it (for a key that is missing)."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)


def read_source(path: Path) -> Source:
    """Read one file. Raises SpecError for one that is unreadable, too large, not YAML, empty, or no mapping."""
    node = _compose(path)
    lines: dict[Location, int] = {}
    problems: list[Problem] = []
    data = _Walk(str(path), lines, problems).value(node, ())
    if problems:
        raise SpecError(problems)
    if not isinstance(data, dict):
        raise SpecError([Problem(str(path), 1, "", "must be a mapping of keys to values, such as 'name: steady'")])
    return Source(str(path), data, lines)


def _compose(path: Path) -> Any:
    name = str(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            message = f"has {size:,} bytes; at most {MAX_BYTES:,} are read"
            raise SpecError([Problem(name, 1, "", message)])
        # Not CSafeLoader: its recursion has no limit, and a file of 50,000 open brackets ends the process.
        node = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
    except OSError as error:
        raise SpecError([Problem(name, 1, "", f"cannot be read ({error.strerror})")]) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SpecError([Problem(name, line, "", f"not YAML ({error.problem})")]) from error
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise SpecError([Problem(name, 1, "", f"not YAML ({reason})")]) from error
    if node is None:
        raise SpecError([Problem(name, 1, "", "is empty")])
    return node


class _Walk:
    """Turns nodes into data, noting lines. A node met twice is an alias: refused, since nested aliases can make
    a small file grow without bound."""

    def __init__(self, file: str, lines: dict[Location, int], problems: list[Problem]) -> None:
        self._file, self._lines, self._problems = file, lines, problems
        self._seen: set[int] = set()
        self._constructor = yaml.constructor.SafeConstructor()

    def value(self, node: Any, location: Location) -> Any:
        self._lines[location] = node.start_mark.line + 1
        if id(node) in self._seen:
            return self._problem(location, "aliases (*name) are not supported; write the value out")
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*location, index)) for index, item in enumerate(node.value)]
        try:
            return self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError):
            return self._problem(location, f"{node.value!r} with the tag {node.tag} is not supported")

    def _mapping(self, node: Any, location: Location) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in data:
                self._lines[(*location, key)] = key_node.start_mark.line + 1
                self._problem((*location, key), "this key is written twice")
                continue
            data[key] = self.value(value_node, (*location, key))
            self._lines[(*location, key)] = key_node.start_mark.line + 1
        return data

    def _problem(self, location: Location, message: str) -> None:
        key = ".".join(map(str, location))
        self._problems.append(Problem(self._file, self._lines[location], key, message))
