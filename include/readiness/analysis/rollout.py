"""Whose fault a rollout is that did not come to its end: the release's, or that of what surrounds it."""

from typing import Any

_ALWAYS = frozenset({"image"})
"""An image of the version under test that cannot be had is a release that cannot be shipped, whatever else is wrong."""
_SURROUNDINGS = frozenset({"unschedulable", "quota"})


def release_fault(facts: dict[str, Any]) -> str:
    """Why the version under test is to be rejected, in words; empty where its rollout failed for another reason, which
    convicts nobody: a node that is full, a quota, a component that is not of the version. ``facts``: rollout.json."""
    troubles, left = facts["troubles"], facts["unfinished"]
    mine = [one for one in troubles if one["of_release"]]
    said = [one for one in mine if one["what"] in _ALWAYS]
    if not said:
        others = any(not one["of_release"] for one in left)
        if others or any(one["what"] in _SURROUNDINGS for one in troubles) or not left:
            return ""
        said = mine
    words = [f"{one['component']}: {one['text']}" for one in said] or [f"{one['name']}: {one['why']}" for one in left]
    return f"the version under test did not come up: {'; '.join(dict.fromkeys(words))}; {facts['rollback']}"
