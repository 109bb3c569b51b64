"""Every rule holds in every environment, and notices every damage that it is there for."""

from collections import Counter

import pytest

from manifests import checks, damages
from manifests.checks import Check
from manifests.damages import Damage
from manifests.objects import Manifests, at

CHECKS = checks.load()
KINDS = damages.load()
LEAST_DAMAGES = 500


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_the_rule_holds(check: Check, manifests: Manifests) -> None:
    assert check.complaints(manifests) == [], check.reason


def test_every_damage_is_caught_by_the_rule_that_names_it(manifests: Manifests) -> None:
    missed: list[str] = []
    count = 0
    for damage in damages.damages(manifests):
        count += 1
        complaints = CHECKS[damage.caught_by].complaints(damage.applied(manifests))
        if not any(_names(complaint, damage) for complaint in complaints):
            missed.append(f"{damage.where}\n      {damage.caught_by} says {complaints[:2] or 'nothing'}")
    assert not missed, f"{len(missed)} of {count} damages are not caught:\n" + "\n".join(missed[:40])
    assert count >= LEAST_DAMAGES


def _names(complaint: str, damage: Damage) -> bool:
    """Whether a complaint says whose the damage is: the object's name as it was, or as the damage made it. What can be
    reached follows from many policies together: there the pod is named."""
    name = str(at(damage.item, "metadata", "name"))
    if damage.path == ("metadata", "name"):
        return str(damage.value) in complaint or name in complaint
    if damage.item["kind"] == "NetworkPolicy" and damage.caught_by == "exactly-the-drawn-lines-are-open":
        return complaint.startswith(f"{damage.caught_by}: NetworkPolicy: ")
    # kustomize adds a hash to the names of what it generates.
    return name in complaint or (
        damage.item["kind"] in ("ConfigMap", "Secret") and name.rpartition("-")[0] in complaint
    )


def test_every_rule_has_damages_that_it_is_tried_on() -> None:
    tried = Counter(kind.caught_by for kind in KINDS)
    assert set(tried) == set(CHECKS)
