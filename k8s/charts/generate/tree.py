"""Objects of which parts depend on a condition, made of the differences between renderings."""

from dataclasses import dataclass
from typing import Any


class Absent:
    """There is nothing in this place."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True)
class If:
    """One thing when a condition of the chart's values holds, else another. Either may be ABSENT."""

    condition: str
    then: Any
    otherwise: Any


@dataclass(frozen=True)
class Value:
    """What a value of the chart says. expression: in the templates' language; block: it is more than a scalar."""

    expression: str
    block: bool


class Named(dict[str, Any]):
    """A list whose items have names, by name: items can then be added and taken away one by one."""


def wrapped(value: Any) -> Any:
    """The same with lists of named things as Named."""
    if isinstance(value, dict):
        return {key: wrapped(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    names = [item.get("name") if isinstance(item, dict) else None for item in value]
    if value and all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
        return Named((str(name), wrapped(item)) for name, item in zip(names, value, strict=True))
    return [wrapped(item) for item in value]


def fold(tree: Any, before: Any, after: Any, condition: str) -> Any:
    """A tree that is as `after` where a condition holds. before: the rendering that the tree was begun with; what does
    not differ from it keeps the conditions that the tree has already."""
    if before == after:
        return tree
    if isinstance(before, dict) and type(before) is type(after) and type(before) is type(tree):
        result = type(before)()
        for key in (*tree, *(key for key in after if key not in tree)):
            result[key] = fold(
                tree.get(key, ABSENT), before.get(key, ABSENT), after.get(key, ABSENT), condition
            )  # fmt: skip
        return result
    return If(condition, after, tree)


def put(tree: Any, path: tuple[str, ...], value: Value) -> bool:
    """Set a value wherever a path leads, on both sides of a condition. Whether it led anywhere."""
    if isinstance(tree, If):
        return any([put(tree.then, path, value), put(tree.otherwise, path, value)])
    if isinstance(tree, list) and path[0].isdigit():
        return int(path[0]) < len(tree) and put(tree[int(path[0])], path[1:], value)
    if not isinstance(tree, dict) or path[0] not in tree:
        return False
    if len(path) > 1:
        return put(tree[path[0]], path[1:], value)
    if tree[path[0]] is ABSENT:
        return False
    place = tree[path[0]]
    # What is there under a condition only (an autoscaler decides ...) stays so.
    tree[path[0]] = _instead(place, value)
    return True


def _instead(place: Any, value: Value) -> Any:
    if isinstance(place, If):
        return If(place.condition, _instead(place.then, value), _instead(place.otherwise, value))
    return ABSENT if place is ABSENT else value


def at(item: Any, path: tuple[str, ...]) -> Any:
    """What a path leads to in a rendered object; ABSENT where it does not."""
    for key in path:
        item = wrapped(item)
        if isinstance(item, list) and key.isdigit() and int(key) < len(item):
            item = item[int(key)]
        elif isinstance(item, dict) and key in item:
            item = item[key]
        else:
            return ABSENT
    return unwrapped(item)


def unwrapped(value: Any) -> Any:
    """The opposite of wrapped."""
    if isinstance(value, Named):
        return [unwrapped(item) for item in value.values()]
    if isinstance(value, dict):
        return {key: unwrapped(item) for key, item in value.items()}
    return [unwrapped(item) for item in value] if isinstance(value, list) else value
