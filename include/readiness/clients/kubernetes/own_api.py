"""Reading and deleting in a pod, with its own account: a request over one kept connection, not a program each time.

To start ``kubectl`` takes 0.13 s of a processor (docs/decisions/0014). Who asks every few seconds beside a load
that keeps times to the millisecond would be what that load waits for.
"""

import ssl
from functools import cache, cached_property, partial
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

    def delete_pod(self, name: str, options: dict[str, Any]) -> None:
        """Delete it. ``options``: a DeleteOptions object. Raises KubectlError, of kind "notfound" or "conflict" where
        it is gone or is another one."""
        status, found = self._ask("DELETE", f"pods/{name}", options)
        if status not in (httpx.codes.OK, httpx.codes.ACCEPTED) or "kind" not in found:
            raise self._kubectl.told(*_explained(status, found))

    def _list(self, kind: str) -> list[dict[str, Any]]:
        status, found = self._ask("GET", kind)
        if status != httpx.codes.OK or "items" not in found:
            raise self._kubectl.told(*_explained(status, found))
        # In a list of one kind it is the list that says which.
        singular = str(found["kind"]).removesuffix("List")
        return [item | {"kind": singular} for item in found["items"]]

    def _ask(self, method: str, what: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Status and object of the answer; the object is empty where it is none."""
        path = f"/api/v1/namespaces/{self._kubectl.namespace}/{what}"
        try:
            answer = self._http.request(method, path, headers=_who(), json=body)
        except httpx.HTTPError as error:
            raise self._kubectl.told("unreachable", str(error) or type(error).__name__) from error
        try:
            found = answer.json()
        except ValueError:
            found = None
        return answer.status_code, found if isinstance(found, dict) else {}

    @cached_property
    def _http(self) -> httpx.Client:
        try:
            trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        except OSError as error:
            raise KubectlError("refused", f"the cluster's certificate is not in this pod: {error}") from error
        return httpx.Client(base_url=server_url(), verify=trusted, timeout=ANSWER_S, trust_env=False)


@cache
def own_api(kubectl: Kubectl) -> OwnApi:
    """The one of this process for it: all that read share its connection."""
    return OwnApi(kubectl)


def _who() -> dict[str, str]:
    """Read each time: the token is renewed while the pod lives."""
    try:
        token = (ACCOUNT / "token").read_text().strip()
    except OSError as error:
        raise KubectlError("refused", f"the account's token is not in this pod: {error}") from error
    return {"Authorization": f"Bearer {token}"}


def _explained(status: int, found: dict[str, Any]) -> tuple[str, str]:
    """Kind and text of an answer that is not what was asked for."""
    text = str(found.get("message") or f"the API server answered {status} without a word")
    if status == _TOO_MANY or (status >= httpx.codes.INTERNAL_SERVER_ERROR and "reason" not in found):
        return "serviceunavailable", text
    return str(found.get("reason") or "other").lower(), text
