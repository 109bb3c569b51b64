"""Partition and slow: faults on a connection between two components, put in place by the link that it runs through."""

from typing import Any

from readiness.clients import link_control
from readiness.clients.link_control import LinkError
from readiness.drills.fault import Leftover, Surroundings
from readiness.drills.victims import DrillError, Status, Victim
from readiness.model.drill import Partition, Slow

_MARGIN_S = 30.0
"""A link takes its fault back by itself this long after it should have been told to."""


class LinkFault:
    """The target's status says where the link is controlled; it must have been started with it."""

    def __init__(self, step: Partition | Slow, around: Surroundings) -> None:
        self._step, self._around = step, around
        self._admin_url = ""
        self.victims: list[Victim] = []  # nobody is hit: what is between two components is

    def describe(self) -> str:
        between = f"{' and '.join(self._step.between)} for {self._step.lasts:g} s"
        if isinstance(self._step, Partition):
            return f"partition ({self._step.how}) between {between}"
        parts = [f"{self._step.latency * 1e3:g} ms each way"] if self._step.latency else []
        parts += [f"{self._step.bandwidth:g} B/s"] if self._step.bandwidth is not None else []
        return f"slow ({', '.join(parts)}) between {between}"

    def arm(self, status: Status) -> None:
        self._admin_url = next(
            (link["admin_url"] for link in status.get("links", []) if link["link"] == self._step.link), ""
        )
        if not self._admin_url:
            raise DrillError(f"{self.describe()}: the target's status names no link {self._step.link}; was it started "
                             "with the option under links in the environment file?")  # fmt: skip

    def aim(self) -> None:
        self.arm(self._around.status())

    def leftover(self) -> Leftover | None:
        return {"kind": "link", "admin_url": self._admin_url}

    def inject(self) -> None:
        facts: dict[str, Any] = {"kind": "slow", "for_s": self._step.lasts + _MARGIN_S}
        if isinstance(self._step, Partition):
            facts["kind"] = self._step.how
        else:
            facts |= {"latency_s": self._step.latency, "bandwidth_bytes_per_s": self._step.bandwidth}
        try:
            link_control.inject(self._admin_url, facts)
        except LinkError as error:
            raise DrillError(f"{self.describe()}: {error}") from error

    def hold(self) -> None:
        """It stays as it is."""

    def restore(self) -> None:
        lift(self._admin_url)


def lift(admin_url: str) -> None:
    """No fault on that link; a link that is gone has none. Raises DrillError if it keeps it."""
    try:
        link_control.lift(admin_url)
    except LinkError as error:
        raise DrillError(str(error)) from error
