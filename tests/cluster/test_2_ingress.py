"""The way in: TLS, passwords, paths, the limit of rate."""

import asyncio
import ssl
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from recorded_alerts import drawn_alerts

from .installation import HOST, PASSWORD, USER

pytestmark = pytest.mark.usefixtures("ready")
BURST, AT_ONCE = 4_000, 64  # the limit is 1,000/s and 2,000 more at once
WHO = (USER, PASSWORD)


@pytest.fixture(scope="module")
def way_in(url: str, certificate: tuple[Path, Path]) -> Any:
    """A client that believes this one certificate, and its name, only."""
    trusted = ssl.create_default_context(cafile=str(certificate[0]))
    with httpx.Client(base_url=url, verify=trusted, headers={"Host": HOST}, timeout=10, trust_env=False) as client:
        yield lambda method, path, **more: client.request(
            method, path, extensions={"sni_hostname": HOST}, **more
        )  # fmt: skip


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


def test_above_the_limit_of_rate_is_refused_and_the_rest_is_served(url: str, certificate: tuple[Path, Path]) -> None:
    codes = asyncio.run(_burst(url, certificate[0]))
    assert set(codes) == {200, 429}, {code: codes.count(code) for code in set(codes)}
    assert codes.count(200) >= 1_000


async def _burst(url: str, certificate: Path) -> list[int]:
    trusted = ssl.create_default_context(cafile=str(certificate))
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx.AsyncClient(
        base_url=url, verify=trusted, headers={"Host": HOST}, auth=WHO, limits=limits, timeout=30, trust_env=False
    ) as client:  # fmt: skip

        async def ask() -> int:
            answer = await client.get("/prometheus/-/ready", extensions={"sni_hostname": HOST})
            return answer.status_code

        return await asyncio.gather(*(ask() for _ in range(BURST)))
