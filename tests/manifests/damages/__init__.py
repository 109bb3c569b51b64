"""Small damages to rendered manifests: each kind of damage, at every place that it applies to.

A kind of damage is a function that yields the places in the objects, with the edit that spoils each, and names the
check that must notice. Nothing here is a list of places: what is added to k8s/ is damaged, too.
"""

import copy
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from manifests.objects import Manifests, Object, at

Path = tuple[str | int, ...]
Place = tuple[Object, Path, Any]
"""An object, where in it, and what to put there; GONE removes what is there."""
GONE = object()


@dataclass(frozen=True)
class Damage:
    """One edit. caught_by: the check that must complain; alone: whether it looks at one object at a time."""

    kind: str
    caught_by: str
    item: Object
    path: Path
    value: Any
    alone: bool

    @property
    def where(self) -> str:
        """For people."""
        steps = ".".join(map(str, self.path))
        shown = "gone" if self.value is GONE else repr(self.value)
        return f"{self.kind}: {self.item['kind']} {at(self.item, 'metadata', 'name')}: {steps} {shown}"

    def applied(self, manifests: Manifests) -> Manifests:
        """The objects with the damage. Only what is damaged is copied."""
        spoiled = copy.deepcopy(self.item)
        _edit(spoiled, self.path, self.value)
        if self.alone:
            return Manifests(manifests.environment, [spoiled])
        others = [spoiled if item is self.item else item for item in manifests.objects]
        return Manifests(manifests.environment, others)


def _edit(value: Any, path: Path, new: Any) -> None:
    *above, last = path
    for key in above:
        if isinstance(value, dict) and key not in value:
            value[key] = {}
        value = value[key]
    if new is GONE:
        del value[last]
    elif isinstance(value, list) and last == len(value):
        value.append(new)
    else:
        value[last] = new


Finder = Callable[[Manifests], Iterable[Place]]


@dataclass(frozen=True)
class _Kind:
    name: str
    caught_by: str
    finder: Finder
    alone: bool


KINDS: list[_Kind] = []


def damage(caught_by: str, alone: bool = False) -> Callable[[Finder], Finder]:
    """Register a kind of damage under its function's name."""

    def registered(finder: Finder) -> Finder:
        KINDS.append(_Kind(finder.__name__.replace("_", " "), caught_by, finder, alone))
        return finder

    return registered


def damages(manifests: Manifests) -> Iterator[Damage]:
    """Every kind at every place; what would change nothing is left out."""
    for kind in KINDS:
        for item, path, value in kind.finder(manifests):
            before = at(item, *path, default=GONE)
            if (before is GONE and value is GONE) or before == value:
                continue
            yield Damage(kind.name, kind.caught_by, item, path, value, kind.alone)


def load() -> list[_Kind]:
    """Every kind of damage that there is."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return KINDS
