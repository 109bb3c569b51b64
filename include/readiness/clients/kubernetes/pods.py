"""Pods as the API server reports them, and the places that they take in a component."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NAME_LABEL = "app.kubernetes.io/name"
_ADMIN_PORTS = ("admin", "http")
"""A replica answers people who run it at the port of the first of these names that its containers have."""


@dataclass(frozen=True)
class Pod:
    """``ending``: its deletion has been asked for. ``running``: its main container runs. ``started_ns``: since when,
    epoch; None while it does not."""

    name: str
    uid: str
    component: str
    owner: str
    node: str
    ip: str
    image: str
    image_id: str
    created: str
    started_ns: int | None
    restarts: int
    ready: bool
    running: bool
    ending: bool
    over: bool
    admin_port: int | None
    labels: Mapping[str, str]

    @property
    def admin_url(self) -> str | None:
        """Where it answers /readyz and /metrics; None if it has no such port or no address yet."""
        return f"http://{_in_url(self.ip)}:{self.admin_port}" if self.ip and self.admin_port else None


def pod_of(item: Mapping[str, Any]) -> Pod:
    """From the object; what it does not say yet is empty."""
    meta, spec, status = item["metadata"], item.get("spec", {}), item.get("status", {})
    component = str(meta.get("labels", {}).get(NAME_LABEL, ""))
    main = _main(spec.get("containers", []), component)
    told: Mapping[str, Any] = next(
        (one for one in status.get("containerStatuses", []) if one.get("name") == main.get("name")), {}
    )
    running = told.get("state", {}).get("running")
    return Pod(
        name=str(meta["name"]),
        uid=str(meta.get("uid", "")),
        component=component,
        owner=next((str(owner["kind"]) for owner in meta.get("ownerReferences", []) if owner.get("controller")), ""),
        node=str(spec.get("nodeName", "")),
        ip=str(status.get("podIP", "")),
        image=str(main.get("image", "")),
        image_id=str(told.get("imageID", "")),
        created=str(meta.get("creationTimestamp", "")),
        started_ns=epoch_ns(running["startedAt"]) if running else None,
        restarts=int(told.get("restartCount", 0)),
        ready=_holds(status, "Ready"),
        running=running is not None,
        ending="deletionTimestamp" in meta,
        over=status.get("phase") in ("Succeeded", "Failed"),
        admin_port=_port(spec.get("containers", [])),
        labels={str(key): str(value) for key, value in meta.get("labels", {}).items()},
    )


def epoch_ns(text: str) -> int:
    """The time of the API ("2026-01-31T10:00:00Z", to a second or finer) as epoch ns."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e9)


def version_of(image: str) -> str:
    """The tag or digest of an image's name; "latest" where it has neither, as the container runtimes take it."""
    name, at, digest = image.partition("@")
    if at:
        return digest
    _, colon, tag = name.rpartition("/")[2].partition(":")
    return tag if colon else "latest"


def _main(containers: list[dict[str, Any]], component: str) -> dict[str, Any]:
    """The container of the component's name, else the first."""
    named = [one for one in containers if one.get("name") == component]
    return (named or containers or [{}])[0]


def _port(containers: list[dict[str, Any]]) -> int | None:
    ports = {str(port.get("name")): int(port["containerPort"]) for one in containers for port in one.get("ports", [])}
    return next((ports[name] for name in _ADMIN_PORTS if name in ports), None)


def _holds(status: Mapping[str, Any], condition: str) -> bool:
    return any(one.get("type") == condition and one.get("status") == "True" for one in status.get("conditions", []))


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


class Places:
    """Which replica each pod is.

    A replica is a place ("automation-1"): a pod that is gone leaves it, and its successor, which has another name and
    another address, takes it. So what is measured of a replica goes on when a pod of it is replaced, as it does for a
    process that a supervisor starts anew. A pod of a StatefulSet has its place in its own name.

    ``known``: pod -> replica, as it was when the target had been deployed, so that every process counts alike.
    ``declared``: component -> replicas without scaling: a place below is filled before one above, if need be by the pod
    of the highest place.
    """

    def __init__(self, known: Mapping[str, str], declared: Mapping[str, int]) -> None:
        self._taken, self._declared = dict(known), declared

    def assign(self, pods: Iterable[Pod]) -> dict[str, str]:
        """Pod -> replica for all that are there now."""
        pods = tuple(pods)
        found: dict[str, str] = {}
        for component in dict.fromkeys(pod.component for pod in pods):
            found |= self._assign(component, [pod for pod in pods if pod.component == component])
        self._taken = found
        return found

    def _assign(self, component: str, pods: list[Pod]) -> dict[str, str]:
        fixed = {pod.name: pod.name for pod in pods if pod.owner == "StatefulSet"}
        moving = sorted((pod for pod in pods if pod.name not in fixed), key=lambda pod: (pod.created, pod.name))
        places: dict[int, str] = {}
        for pod in moving:
            number = _number(component, self._taken.get(pod.name, ""))
            if number is not None and number not in places:
                places[number] = pod.name
        for pod in moving:
            if pod.name not in places.values():
                places[next(number for number in range(len(places) + 1) if number not in places)] = pod.name
        for number in range(self._declared.get(component, 0)):
            if number not in places and places and max(places) >= self._declared[component]:
                places[number] = places.pop(max(places))
        return fixed | {name: f"{component}-{number}" for number, name in places.items()}


def _number(component: str, replica: str) -> int | None:
    name, _, digits = replica.rpartition("-")
    return int(digits) if name == component and digits.isascii() and digits.isdigit() else None
