"""The objects of the fake cluster. Standard library only: each call is a process."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Object = dict[str, Any]
REVIEWS = ("SelfSubjectReview", "SelfSubjectRulesReview")
"""Kinds that are created and not kept."""


class RefusedError(Exception):
    """As the API server refuses: its reason and its message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@contextmanager
def opened(path: Path) -> Iterator[Object]:
    """The state, for one call at a time; written back when that is over."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = json.loads(path.read_text())
        try:
            yield state
        finally:
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(state))
            partial.replace(path)


def objects(state: Object, kind: str, namespace: str | None) -> list[Object]:
    """Of a kind, of one namespace or of all."""
    return [
        item for item in state["objects"]
        if item["kind"] == kind and namespace in (None, item["metadata"].get("namespace"))
    ]  # fmt: skip


def one(state: Object, kind: str, namespace: str | None, name: str) -> Object:
    """That object. Raises RefusedError."""
    for item in objects(state, kind, namespace):
        if item["metadata"]["name"] == name:
            return item
    raise RefusedError("NotFound", f'{kind.lower()}s "{name}" not found')


def add(state: Object, item: Object) -> Object:
    """Keep a new object. Raises RefusedError if there is one of that name."""
    meta = item["metadata"]
    if any(found["metadata"]["name"] == meta["name"] for found in objects(state, item["kind"], meta.get("namespace"))):
        raise RefusedError("AlreadyExists", f'{item["kind"].lower()}s "{meta["name"]}" already exists')
    state["next"] += 1
    meta |= {"uid": f"uid-{state['next']}", "resourceVersion": str(state["next"])}
    state["objects"].append(item)
    return item


def check(item: Object, wanted: Object) -> None:
    """Preconditions and versions. Raises RefusedError."""
    for key, value in wanted.items():
        if item["metadata"].get(key) != value:
            raise RefusedError("Conflict", f"the {key} in the precondition ({value}) does not match the one in record "
                          f"({item['metadata'].get(key)})")  # fmt: skip


def merge(target: Object, patch: Object) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value


def apply_operations(item: Object, operations: list[Object]) -> None:
    """Of RFC 6902: test and replace. Raises RefusedError."""
    for operation in operations:
        *way, last = operation["path"].strip("/").split("/")
        place: Any = item
        for part in way:
            place = place[part]
        if operation["op"] == "test" and place.get(last) != operation["value"]:
            raise RefusedError("Invalid", f"testing value {operation['path']} failed")
        if operation["op"] == "replace":
            place[last] = operation["value"]


def touch(state: Object, item: Object) -> None:
    """It has changed."""
    state["next"] += 1
    item["metadata"]["resourceVersion"] = str(state["next"])
