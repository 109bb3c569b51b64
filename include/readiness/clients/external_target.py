"""A target that is not ours: it is asked and never started, stopped or scaled."""

import time
from typing import Any

from readiness.clients import platform_api
from readiness.clients.address import AddressError, require_allowed
from readiness.clients.target_process import TargetError
from readiness.model.environment import ExternalEnvironment

_BETWEEN_QUESTIONS_S = 0.2


class RunningTarget:
    """The same questions as to a target of our own, answered from its addresses alone."""

    def __init__(self, environment: ExternalEnvironment) -> None:
        self._environment = environment

    def clear(self) -> bool:
        """Nothing: what runs there is what is to be validated."""
        return False

    def scale(self, most: int) -> bool:  # noqa: ARG002  the signature of a target of our own
        """Never: how far it scales is its own affair."""
        return False

    def up(self, replicas: int, port: int, links: tuple[str, ...] = ()) -> dict[str, Any]:
        """Wait until every replica answers that it is ready; the status. Raises TargetError, naming those that do not
        after the environment's start_timeout, and for an address that must not be measured."""
        declared = self._environment.components[self._environment.under_load].replicas
        if replicas != declared or port or links:
            raise TargetError(
                f"the target of {self._environment.name} is not ours to start: it has {declared} replicas and ports of "
                "its own; leave out --replicas and --port, and faults on its links"
            )
        ends_s = time.monotonic() + self._environment.start_timeout
        while True:
            status = self.status()
            if status["state"] == "ready":
                return status
            if time.monotonic() > ends_s:
                silent = [
                    f"{part['replica']} ({part['admin_url']})" for part in status["components"] if not part["ready"]
                ]
                raise TargetError(
                    f"not ready after {self._environment.start_timeout:g} s: {', '.join(silent)}; start it, or correct "
                    f"the addresses of environment {self._environment.name}"
                )
            time.sleep(_BETWEEN_QUESTIONS_S)

    def status(self) -> dict[str, Any]:
        """The status as docs/platform-api.md has it, put together from what each replica's /readyz answers. Which
        version runs, and in which process, nobody can tell from outside."""
        target = self._environment.target
        urls = [target.base_url, target.deliveries_url]
        urls += [url for component in self._environment.components.values() for url in component.admin_urls]
        try:
            for url in urls:
                if url is not None:
                    require_allowed(url)
        except AddressError as error:
            raise TargetError(f"environment {self._environment.name}: {error}") from error
        components = [
            {
                "component": name,
                "replica": f"{name}-{number}",
                "admin_url": url,
                "pid": None,
                "ready": platform_api.get_status(f"{url}/readyz") == 200,
            }
            for name, component in self._environment.components.items()
            for number, url in enumerate(component.admin_urls)
        ]
        ready = [bool(part["ready"]) for part in components]
        state = "ready" if all(ready) else "degraded" if any(ready) else "stopped"
        return {
            "state": state,
            "version": "unknown",
            "base_url": target.base_url,
            "sink_url": target.deliveries_url,
            "components": components,
        }

    def down(self) -> None:
        """Nothing: it goes on as it was found."""
