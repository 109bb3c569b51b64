"""Reading in a pod, with the pod's own account: a request over one kept connection instead of a program each time.

To start ``kubectl`` takes 0.13 s of a processor (docs/decisions/0014). Who asks every few seconds beside a load
that keeps times to the millisecond would be what that load waits for.
"""

import ssl
from functools import cached_property, partial
from typing import Any

import httpx

from readiness.clients.kubernetes.kubectl import ANSWER_S, Kubectl, KubectlError, patiently
from readiness.clients.kubernetes.own_account import ACCOUNT, server_url

_TOO_MANY = 429


class OwnApi:
    """``kubectl``: of a pod; its namespace is read, and the errors are told as its own."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def items(self, *kinds: str, patience_s: float = 0.0) -> list[dict[str, Any]]:
        """As ``Kubectl.items``, of kinds of the core API in the plural ("pods"). Raises KubectlError."""
        return [item for kind in kinds for item in patiently(partial(self._list, kind), patience_s)]

    def _list(self, kind: str) -> list[dict[str, Any]]:
        try:
            answer = self._http.get(f"/api/v1/namespaces/{self._kubectl.namespace}/{kind}", headers=_who())
        except httpx.HTTPError as error:
            raise self._kubectl.told("unreachable", str(error) or type(error).__name__) from error
        try:
            found = answer.json()
        except ValueError:
            found = None
        found = found if isinstance(found, dict) else {}
        if answer.status_code != httpx.codes.OK or "items" not in found:
            raise self._kubectl.told(*_explained(answer.status_code, found))
        # In a list of one kind it is the list that says which.
        singular = str(found["kind"]).removesuffix("List")
        return [item | {"kind": singular} for item in found["items"]]

    @cached_property
    def _http(self) -> httpx.Client:
        try:
            trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        except OSError as error:
            raise KubectlError("refused", f"the cluster's certificate is not in this pod: {error}") from error
        return httpx.Client(base_url=server_url(), verify=trusted, timeout=ANSWER_S, trust_env=False)


def _who() -> dict[str, str]:
    """Read each time: the token is renewed while the pod lives."""
    try:
        token = (ACCOUNT / "token").read_text().strip()
    except OSError as error:
        raise KubectlError("refused", f"the account's token is not in this pod: {error}") from error
    return {"Authorization": f"Bearer {token}"}


def _explained(status: int, found: dict[str, Any]) -> tuple[str, str]:
    """Kind and text of an answer that is no list."""
    text = str(found.get("message") or f"the API server answered {status} without a word")
    if status == _TOO_MANY or (status >= httpx.codes.INTERNAL_SERVER_ERROR and "reason" not in found):
        return "serviceunavailable", text
    return str(found.get("reason") or "other").lower(), text
