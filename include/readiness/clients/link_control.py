"""The HTTP calls of a link between two components of the target (docs/platform-api.md)."""

from typing import Any

import httpx

from readiness.clients.address import require_allowed

_TIMEOUT_S = 5.0


class LinkError(Exception):
    """The link did not do what was asked; one line for people."""


def inject(admin_url: str, fault: dict[str, Any]) -> None:
    """Put a fault in place; when this returns, it is. Raises LinkError."""
    _call("PUT", admin_url, fault)


def lift(admin_url: str) -> None:
    """Take the fault back. A link that nobody serves any more has none. Raises LinkError."""
    try:
        _call("DELETE", admin_url, None)
    except _GoneError:
        return


class _GoneError(LinkError):
    """Nothing listens there."""


def _call(method: str, admin_url: str, body: dict[str, Any] | None) -> None:
    require_allowed(admin_url)
    url = f"{admin_url}/fault"
    try:
        answer = httpx.request(method, url, json=body, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.ConnectError as error:
        raise _GoneError(f"{method} {url}: nothing listens there") from error
    except httpx.HTTPError as error:
        raise LinkError(f"{method} {url}: no answer ({type(error).__name__})") from error
    if answer.status_code != 200:
        raise LinkError(f"{method} {url}: HTTP {answer.status_code} {answer.text[:200]}")
