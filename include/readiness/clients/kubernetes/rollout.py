"""A rollout: applied, waited for, and taken back when it does not come to its end."""

import contextlib
import time
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from readiness.clients.kubernetes.kubectl import PATIENCE_S, Kubectl, KubectlError
from readiness.clients.kubernetes.overlay import WORKLOADS, image_name, key_of, pod_template
from readiness.clients.kubernetes.rendering import Object
from readiness.clients.kubernetes.workloads import Trouble, troubles, unfinished
from readiness.clients.target_process import TargetError

_APPLY_S = 120.0
_BETWEEN_S = 1.0
_STUCK_S = 20.0
"""What has stood in the way for so long is not waited for any longer: a registry answers the second question, too."""
_AT_ONCE = ("InvalidImageName", "ErrImageNeverPull")
_EVENTS, _LINES, _LONGEST_WORD = 8, 8, 1500


class RolloutError(TargetError):
    """The release did not come up. ``facts``: what was found, as plain JSON (``rollout.json`` in docs/archive.md)."""

    def __init__(self, text: str, facts: dict[str, Any]) -> None:
        super().__init__(text)
        self.facts = facts


class Rollout:
    """``objects``: what is applied; ``before``: what of it was there; ``images``: those of the version under test;
    ``components``: those whose workloads - of the same names - are waited for."""

    def __init__(
        self,
        kubectl: Kubectl,
        objects: Collection[Object],
        before: Collection[Object],
        images: Collection[str],
        components: Collection[str],
    ) -> None:
        self._kubectl, self._objects, self._images = kubectl, tuple(objects), frozenset(images)
        self._before = {key_of(item): item for item in before}
        self._waited_for = [key_of(item) for item in objects if _is_waited_for(item, components)]
        self._since_s: dict[tuple[str, str], float] = {}

    def apply(self) -> None:
        """Raises KubectlError; nothing is waited for."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(self._objects)}
        self._kubectl.call(
            "apply", "--server-side", "--force-conflicts", "--filename=-", stdin=whole, timeout_s=_APPLY_S,
            patience_s=PATIENCE_S,
        )  # fmt: skip

    def wait(self, timeout_s: float) -> None:
        """Until every workload has all its replicas in the new release. Raises RolloutError when something stands in
        the way of it or the time is over; everything that was changed is put back then."""
        started_s = time.monotonic()
        while True:
            left, found = self._look()
            took_s = time.monotonic() - started_s
            if not left:
                return
            stuck = self._stuck(found)
            if stuck or took_s > timeout_s:
                self._fail(left, stuck or found, took_s)
            time.sleep(_BETWEEN_S)

    def undo(self, error: KubectlError) -> NoReturn:
        """Put back what was changed before the cluster refused a step or did not answer: what is half there would be
        the release of before to the next run. Raises RolloutError, which says nothing of the release."""
        rolled_back, back = self._roll_back()
        raise RolloutError(f"the rollout broke off: {error}; {back}", {
            "schema": 1, "waited_s": 0.0, "unfinished": [], "rolled_back": rolled_back, "rollback": back, "events": [],
            "log": [], "troubles": [],
        }) from error  # fmt: skip

    def _look(self) -> tuple[dict[tuple[str, str], str], list[Trouble]]:
        """What is not at its end, and why not; what stands in its way."""
        items = self._kubectl.items("deployments,statefulsets,daemonsets", patience_s=PATIENCE_S)
        now = {key_of(item): item for item in items}
        why = {key: unfinished(now[key]) if key in now else "it is gone" for key in self._waited_for}
        left = {key: text for key, text in why.items() if text}
        pods = self._kubectl.items("pods", patience_s=PATIENCE_S) if left else []
        found = [one for key in left if key in now for one in troubles(key[1], now[key], pods)]
        return left, found

    def _stuck(self, found: list[Trouble]) -> list[Trouble]:
        """What has stood in the way for too long. A pod that no node takes may get its place within the deadline."""
        now_s = time.monotonic()
        keys = {(one.pod, one.what) for one in found}
        self._since_s = {key: self._since_s.get(key, now_s) for key in keys}
        return [
            one
            for one in found
            if one.what != "unschedulable"
            and (any(word in one.text for word in _AT_ONCE) or now_s - self._since_s[one.pod, one.what] >= _STUCK_S)
        ]

    def _fail(self, left: Mapping[tuple[str, str], str], found: list[Trouble], took_s: float) -> None:
        events, log = self._events(found), self._log(found)
        rolled_back, back = self._roll_back()
        unfinished_ones = [
            {"kind": kind, "name": name, "why": why, "of_release": self._is_of_release(kind, name)}
            for (kind, name), why in left.items()
        ]
        said = [f"{one.component}{f' ({one.pod})' if one.pod else ''}: {one.text}" for one in found[:3]]
        said = said or [f"{name}: {why}" for (_, name), why in left.items()]
        text = f"the rollout failed after {took_s:.0f} s: {'; '.join(said)}; {back}"
        raise RolloutError(text, {
            "schema": 1, "waited_s": took_s, "unfinished": unfinished_ones, "rolled_back": rolled_back,
            "rollback": back, "events": events, "log": log,
            "troubles": [one.facts() | {"of_release": image_name(one.image) in self._images} for one in found],
        })  # fmt: skip

    def _is_of_release(self, kind: str, name: str) -> bool:
        """Whether the pods of a workload are made of images of the version under test."""
        for item in self._objects:
            if key_of(item) == (kind, name):
                containers = pod_template(item)["spec"]["containers"]
                return any(image_name(str(one.get("image", ""))) in self._images for one in containers)
        return False

    def _events(self, found: list[Trouble]) -> list[str]:
        """The last warnings of the pods in trouble; less is known, not less done, where they cannot be read."""
        named = {one.pod for one in found if one.pod}
        try:
            items = self._kubectl.items("events", "--field-selector=type=Warning")
        except KubectlError as error:
            return [f"events cannot be read: {error}"]
        mine = [item for item in items if item.get("involvedObject", {}).get("name") in named or not named]
        mine.sort(key=lambda item: str(item.get("lastTimestamp") or item.get("eventTime") or ""))
        return [
            f"{item['involvedObject'].get('name')}: {item.get('reason')}: {item.get('message')}"[:_LONGEST_WORD]
            for item in mine[-_EVENTS:]
        ]

    def _log(self, found: list[Trouble]) -> list[str]:
        """The last lines of the first container that ended again and again."""
        for one in found:
            if one.what == "crash":
                with contextlib.suppress(KubectlError):  # a pod that is gone has no log; the events are there
                    printed = self._kubectl.call("logs", one.pod, "--previous", f"--tail={_LINES}", "--all-containers")
                    return [line[:500] for line in printed.splitlines()[-_LINES:]]
        return []

    def _roll_back(self) -> tuple[bool | None, str]:
        """Put back what each workload's pods were made of and how many there were. Whether all of it was and runs
        again (None: there was nothing), and what there is to say of it."""
        changed = []
        try:
            for key in [key_of(item) for item in self._objects if item["kind"] in WORKLOADS]:
                if key in self._before and self._put_back(key):
                    changed.append(key)
            if not any(kind in WORKLOADS for kind, _ in self._before):
                return None, "nothing of it had run before, so nothing could be put back"
            if not changed:
                return False, "nothing that had run before was changed, so nothing was put back"
            ends_s = time.monotonic() + max(60.0, 3 * _STUCK_S)
            while left := [key for key in self._look()[0] if key in changed]:
                self._replace_stuck_pods(left)
                if time.monotonic() > ends_s:
                    return False, f"rolled back, but {', '.join(name for _, name in left)} has not come up again"
                time.sleep(_BETWEEN_S)
        except KubectlError as error:
            return False, f"it could not be rolled back: {error}"
        return True, f"rolled back: {', '.join(name for _, name in changed)} as before"

    def _put_back(self, key: tuple[str, str]) -> bool:
        """Whether the workload had been changed."""
        now, was = self._kubectl.get(*key, patience_s=PATIENCE_S), self._before[key]
        same = pod_template(now) == pod_template(was) and now["spec"].get("replicas") == was["spec"].get("replicas")
        if same:
            return False
        patch = [{"op": "replace", "path": "/spec/template", "value": pod_template(was)}]
        if "replicas" in was["spec"]:
            patch.append({"op": "add", "path": "/spec/replicas", "value": was["spec"]["replicas"]})
        self._kubectl.call("patch", *key, "--type=json", "--patch-file=/dev/stdin", stdin=patch, patience_s=PATIENCE_S)
        return True

    def _replace_stuck_pods(self, keys: Collection[tuple[str, str]]) -> None:
        """A StatefulSet waits for a pod that never becomes ready, even for one of the release that is taken back."""
        sets = {name for kind, name in keys if kind == "StatefulSet"}
        if not sets:
            return
        for item in self._kubectl.items("pods"):
            owners = item["metadata"].get("ownerReferences", [])
            mine = any(one["kind"] == "StatefulSet" and one["name"] in sets for one in owners)
            name = str(item["metadata"]["name"])
            if mine and any(one.pod == name and one.what in ("image", "crash") for one in troubles_of(item)):
                self._kubectl.call("delete", "pod", name, "--wait=false", "--ignore-not-found")


def troubles_of(pod: Object) -> list[Trouble]:
    """What keeps one pod from running."""
    component = str(pod["metadata"].get("labels", {}).get("app.kubernetes.io/name", ""))
    return list(troubles(component, {}, [pod]))


def _is_waited_for(item: Object, components: Collection[str]) -> bool:
    return item["kind"] in WORKLOADS and item["metadata"]["name"] in components
