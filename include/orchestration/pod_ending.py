"""How the pod of a stage ended, from what Kubernetes says of it: the cause, for people, and whether trying again helps.

What the stage found is none of this module's business: that is in the archive, or nowhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.pod_manifest import CONTAINER

_REPEATS = frozenset({"OOMKilled", "DeadlineExceeded"})
"""Ends that the same stage would come to again."""
_LONGEST = 500


@dataclass(frozen=True)
class PodEnding:
    """``cause``: one line. ``repeats``: whether another try would end in the same way."""

    cause: str
    repeats: bool = False


def ending_of(pod: Mapping[str, Any] | None, *, created: bool, error: str) -> PodEnding:
    """``pod``: as the API serves it, or None: it is not there (any more), or could not be asked for. ``created``:
    whether the API had taken it. ``error``: what the one who followed it says; empty: nothing went wrong."""
    if pod is None:
        lost = "its pod is gone, deleted by somebody or with its node"
        return PodEnding(_line(f"{lost} ({error})" if error else lost) if created else _line(error))
    status = pod.get("status") or {}
    containers: Iterable[Mapping[str, Any]] = status.get("containerStatuses") or ()
    container = next((item for item in containers if item.get("name") == CONTAINER), {})
    state = container.get("state") or {}
    ended, waiting = state.get("terminated") or {}, state.get("waiting") or {}
    reason = status.get("reason") or ended.get("reason") or ""
    said = _whole(status) or _disruption(status) or _terminated(ended) or _waiting(waiting) or _unscheduled(status)
    return PodEnding(_line(said or error or "its pod ended without a word"), reason in _REPEATS)


def _whole(status: Mapping[str, Any]) -> str:
    """What was done to the pod as a whole: evicted, past its deadline, preempted."""
    return _said(status.get("reason"), status.get("message")) if status.get("reason") else ""


def _disruption(status: Mapping[str, Any]) -> str:
    found = _condition(status, "DisruptionTarget", "True")
    return _said(found.get("reason"), found.get("message")) if found else ""


def _terminated(ended: Mapping[str, Any]) -> str:
    if not ended:
        return ""
    how = f"signal {ended['signal']}" if ended.get("signal") else f"exit {ended.get('exitCode')}"
    reason = ended.get("reason") or ""
    named = f"{reason}, {how}" if reason not in ("", "Error", "Completed") else how
    last = next((line for line in reversed(str(ended.get("message") or "").splitlines()) if line.strip()), "")
    return _said(named, last)


def _waiting(waiting: Mapping[str, Any]) -> str:
    if waiting.get("reason") in (None, "", "ContainerCreating", "PodInitializing"):
        return ""
    return _said(f"its container never started: {waiting['reason']}", waiting.get("message"))


def _unscheduled(status: Mapping[str, Any]) -> str:
    found = _condition(status, "PodScheduled", "False")
    return _said("no node takes its pod", found.get("message")) if found else ""


def _condition(status: Mapping[str, Any], kind: str, value: str) -> Mapping[str, Any]:
    conditions: Iterable[Mapping[str, Any]] = status.get("conditions") or ()
    return next((item for item in conditions if item.get("type") == kind and item.get("status") == value), {})


def _said(what: Any, message: Any) -> str:
    return f"{what}: {message}" if message else str(what or "")


def _line(text: str) -> str:
    """One line, not too long for a seal that people read."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
