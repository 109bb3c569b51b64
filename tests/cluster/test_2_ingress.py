"""The way in: TLS, passwords, paths, the limit of rate."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from recorded_alerts import drawn_alerts

from .installation import HOST, PASSWORD, PLATFORM, USER
from .kubectl import Kubectl, until

pytestmark = pytest.mark.usefixtures("ready")
IN_A_ROW = 50
WHO = (USER, PASSWORD)


def test_the_certificate_is_ours(url: str, way_in: Any) -> None:
    assert way_in("GET", "/incidents", auth=WHO).status_code == 200  # verified against it
    with (
        httpx.Client(base_url=url, headers={"Host": HOST}, trust_env=False) as strict,
        pytest.raises(httpx.ConnectError, match="CERT"),
    ):
        strict.get("/incidents", extensions={"sni_hostname": HOST})


@pytest.mark.parametrize("path", ["/events", "/v1/events", "/incidents", "/prometheus/-/ready"])
def test_nobody_comes_in_without_a_password(way_in: Any, path: str) -> None:
    assert way_in("GET", path).status_code == 401
    assert way_in("GET", path, auth=(USER, "wrong")).status_code == 401


def test_paths_lead_where_they_should(way_in: Any) -> None:
    alerts = drawn_alerts(2, start_ns=time.time_ns())
    for path, alert in zip(("/events", "/v1/events"), alerts, strict=True):
        answer = way_in("POST", path, auth=WHO, content=alert, headers={"Content-Type": "application/json"})
        assert answer.status_code == 202, path
    assert way_in("GET", "/prometheus/-/ready", auth=WHO).text.startswith("Prometheus Server is Ready")
    assert way_in("GET", "/readyz", auth=WHO).status_code == 404  # the admin's port is not for outside
    assert way_in("GET", "/metrics", auth=WHO).status_code == 404


def test_above_the_limit_of_rate_is_refused_and_below_it_is_not(way_in: Any, kubectl: Kubectl) -> None:
    """With a limit that one client can exceed on any machine; tests/manifests checks the real one."""
    assert Counter(_asked(way_in)) == {200: IN_A_ROW}
    with _limit(kubectl, {"average": 5, "burst": 10}):
        until(lambda: 429 in _asked(way_in), 60, lambda: "nothing is refused")
        # What was allowed in a burst is used up now: one alone is served as soon as a fifth of a second has passed.
        until(lambda: _status(way_in) == 200, 10, lambda: "who asks slowly is refused, too")
    until(lambda: set(_asked(way_in)) == {200}, 60, lambda: "the old limit does not come back")


def _asked(way_in: Any) -> list[int]:
    return [_status(way_in) for _ in range(IN_A_ROW)]


def _status(way_in: Any) -> int:
    return int(way_in("GET", "/prometheus/-/ready", auth=WHO).status_code)


@contextmanager
def _limit(kubectl: Kubectl, limit: dict[str, Any]) -> Iterator[None]:
    """Another limit of rate while the block runs."""
    name = ("middleware", "rate-limit", "-n", PLATFORM)
    before = kubectl.json("get", *name)["spec"]
    kubectl("patch", *name, "--type=merge", "-p", json.dumps({"spec": {"rateLimit": limit}}))
    try:
        yield
    finally:
        kubectl("patch", *name, "--type=merge", "-p", json.dumps({"spec": before}))
