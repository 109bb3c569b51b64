"""The way in by the Gateway API, in place of the ingress: the same certificate, passwords and paths."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from recorded_alerts import drawn_alerts

from .installation import PASSWORD, PLATFORM, USER, Installation
from .kubectl import Kubectl, until

WHO = (USER, PASSWORD)
NEEDED = ("crd/gateways.gateway.networking.k8s.io", "crd/httproutes.gateway.networking.k8s.io", "gatewayclass/traefik")
COMPONENTS = "../../../components/"
PATHS = ("/events", "/v1/events", "/incidents", "/prometheus/-/ready")


@pytest.fixture(scope="module")
def gateway(ready: tuple[Installation, float], kubectl: Kubectl, way_in: Any) -> Iterator[None]:
    """The gateway, and no route of the ingress, while these tests run."""
    missing = [name for name in NEEDED if kubectl.run("get", name).returncode]
    if missing:
        pytest.skip(f"the cluster has no {missing[0]}: Traefik does not serve the Gateway API here")
    installation = ready[0]

    def change(kustomization: dict[str, Any]) -> None:
        kustomization["components"] = [
            name.replace(f"{COMPONENTS}ingress", f"{COMPONENTS}gateway-api") for name in kustomization["components"]
        ]

    try:
        with installation.changed(change):
            kubectl("delete", "ingressroutes", "--all", "-n", PLATFORM)
            until(lambda: _status(way_in, "/prometheus/-/ready") == 404, 60, lambda: "the ingress still leads inside")
            installation.apply()
        yield
    finally:
        kubectl("delete", "gateways,httproutes", "--all", "-n", PLATFORM)
        installation.apply()
        # Traefik takes the routes as they come, not all at once.
        until(
            lambda: _of_strangers(way_in) == {401},
            60,
            lambda: f"the ingress does not come back: {_of_strangers(way_in)}",
        )


def _status(way_in: Any, path: str) -> int:
    return int(way_in("GET", path, auth=WHO).status_code)


def _of_strangers(way_in: Any) -> set[int]:
    """What each path answers without a password: 401 where a route leads, 404 where there is none yet."""
    return {int(way_in("GET", path).status_code) for path in PATHS}


@pytest.mark.usefixtures("gateway")
def test_it_leads_where_the_ingress_does_and_asks_for_the_password(way_in: Any, kubectl: Kubectl) -> None:
    """Over TLS with the certificate that the client believes alone."""
    until(lambda: _status(way_in, "/incidents") == 200, 60, lambda: _conditions(kubectl))
    until(lambda: _of_strangers(way_in) == {401}, 60, lambda: f"without a password: {_of_strangers(way_in)}")
    for path, alert in zip(("/events", "/v1/events"), drawn_alerts(2, start_ns=time.time_ns()), strict=True):
        answer = way_in("POST", path, auth=WHO, content=alert, headers={"Content-Type": "application/json"})
        assert answer.status_code == 202, path
    assert _status(way_in, "/prometheus/-/ready") == 200
    assert (_status(way_in, "/readyz"), _status(way_in, "/metrics")) == (404, 404)


def _conditions(kubectl: Kubectl) -> str:
    """What Traefik says of them."""
    found = kubectl.items("gateways,httproutes", "-n", PLATFORM)
    return "; ".join(f"{item['kind']} {item['metadata']['name']}: {item.get('status')}" for item in found)
