"""A platform that was started to be measured, through its commands alone."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from instruments.address import measurable

_COMMAND = [sys.executable, "-m", "phantommesh"]
_COMMAND_S = 120.0
_LOOK_S = 0.05
T = TypeVar("T")


class RunningPlatform:
    """A state folder's platform."""

    def __init__(self, state: Path, document: dict[str, Any]) -> None:
        self.state = state
        self.base_url: str = document["base_url"]
        self.sink_url: str = document["sink_url"]
        self.events_url = f"{self.base_url}/v1/events"
        self._admin_urls = [
            item["admin_url"] for item in document["components"] if item["component"] == "automation"
        ]  # fmt: skip

    @property
    def admin_urls(self) -> list[str]:
        """The replicas' own ports; they stay the same over a replica's restarts."""
        return list(self._admin_urls)

    def status(self) -> dict[str, Any]:
        """What `phantommesh status` says."""
        done = subprocess.run(
            [*_COMMAND, "status", "--state", str(self.state), "--json"],
            capture_output=True, text=True, timeout=_COMMAND_S, check=False,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def pids(self) -> dict[str, int]:
        """The process of each replica that lives, by name: automation-0, postgres-0, sink-0 ..."""
        return {item["replica"]: item["pid"] for item in self.status()["components"] if item["pid"] is not None}

    def await_ready(self, deadline_s: float) -> dict[str, Any]:
        """Wait until every component is ready. Raises TimeoutError."""
        return until(lambda: _ready(self.status()), deadline_s, "the platform is not ready")

    def metrics(self) -> list[str]:
        """The metrics of each replica as text. Raises OSError when one does not answer."""
        return [get(f"{url}/metrics").decode() for url in self._admin_urls]

    def queue_depth(self) -> float:
        """Events durable and not yet fully handled, in the view of the replica that sees most of them."""
        return max(_gauge(text, "phantommesh_queue_depth") for text in self.metrics())

    def await_drained(self, deadline_s: float) -> None:
        """Wait until nothing is under way. Raises TimeoutError."""
        until(lambda: self.queue_depth() == 0, deadline_s, "the queue does not drain")


@contextmanager
def running(state: Path, *options: str, **environment: str) -> Iterator[RunningPlatform]:
    """Start a platform; it is stopped at the end. environment: overrides of its configuration."""
    done = subprocess.run(
        [*_COMMAND, "up", "--state", str(state), "--json", *options],
        capture_output=True, text=True, timeout=_COMMAND_S, env=os.environ | environment, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"the platform does not start: {done.stderr.strip()}")
    try:
        yield RunningPlatform(state, json.loads(done.stdout))
    finally:
        subprocess.run([*_COMMAND, "down", "--state", str(state)], timeout=_COMMAND_S, check=True, capture_output=True)


def until(condition: Callable[[], T], deadline_s: float, complaint: str) -> T:
    """Wait until a condition holds; returns what it said. Raises TimeoutError with the complaint."""
    end_s = time.monotonic() + deadline_s
    while not (found := condition()):
        if time.monotonic() > end_s:
            raise TimeoutError(f"{complaint}: waited {deadline_s:g} s")
        time.sleep(_LOOK_S)
    return found


def get(url: str, timeout_s: float = 30.0) -> bytes:
    """The body of a 200. Raises OSError otherwise."""
    address = measurable(url)
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    try:
        connection.request("GET", address.path, headers={"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"{url}: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"{url}: {answer.status}")
    return body


def _ready(document: dict[str, Any]) -> dict[str, Any] | None:
    return document if document["state"] == "ready" else None


def _gauge(text: str, name: str) -> float:
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} "))
