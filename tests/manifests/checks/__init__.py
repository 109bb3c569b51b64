"""The rules that manifests must keep: one small function each, with a name and a reason.

A rule takes the objects of an environment and returns what breaks it, one line each, in which the object is named. It
looks at nothing else, so that a damaged object can be tried on it.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from manifests.objects import Manifests

Rule = Callable[[Manifests], Iterator[str]]


@dataclass(frozen=True)
class Check:
    """A rule by its name, and why there is such a rule."""

    name: str
    reason: str
    rule: Rule

    def complaints(self, manifests: Manifests) -> list[str]:
        """What breaks the rule."""
        return [f"{self.name}: {line}" for line in self.rule(manifests)]


CHECKS: dict[str, Check] = {}


def check(reason: str) -> Callable[[Rule], Rule]:
    """Register a rule under its function's name."""

    def registered(rule: Rule) -> Rule:
        name = rule.__name__.replace("_", "-")
        assert name not in CHECKS, f"two rules are called {name}"
        CHECKS[name] = Check(name, reason, rule)
        return rule

    return registered


def load() -> dict[str, Check]:
    """Every rule that there is, by its name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return CHECKS
