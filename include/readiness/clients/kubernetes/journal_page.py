"""The journal of an environment's faults as a ConfigMap in the platform's namespace: pods come and go, it stays.

Every change names the version of the object that was read, so that nothing which another process wrote gets lost.
"""

from typing import Any

from readiness.clients.kubernetes.kubectl import PATIENCE_S, Kubectl

NAME = "readiness-drill-journal"
_KEY = "journal.json"


class JournalPage:
    """A page of text that is there or not; as ``drills.journal.FilePage`` for a folder."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._version = ""
        self.place = f"ConfigMap {NAME} in {kubectl.namespace}"

    def read(self) -> str | None:
        """What it says; None if there is none. Raises KubectlError."""
        found = self._kubectl.find("configmap", NAME, patience_s=PATIENCE_S)
        self._version = found["metadata"]["resourceVersion"] if found else ""
        return None if found is None else str(found.get("data", {}).get(_KEY, ""))

    def write(self, text: str) -> None:
        """After ``read``: what it says from now on. In the cluster's store when this returns. Raises KubectlError, kind
        "conflict" or "alreadyexists" when somebody wrote meanwhile."""
        page: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {_KEY: text}}
        if self._version:
            written = self._kubectl.json(
                "patch", "configmap", NAME, "--type=merge", "--patch-file=/dev/stdin", "--output=json",
                stdin={"metadata": {"resourceVersion": self._version}, "data": page["data"]},
            )  # fmt: skip
        else:
            written = self._kubectl.json(
                "create", "--filename=-", "--output=json", stdin=page | {"metadata": {"name": NAME}}
            )
        self._version = written["metadata"]["resourceVersion"]

    def remove(self) -> None:
        """After ``read``: there is none any more; fine when there was none."""
        if self._version:
            options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": self._version}}
            path = f"/api/v1/namespaces/{self._kubectl.namespace}/configmaps/{NAME}"
            self._kubectl.call("delete", f"--raw={path}", "--filename=-", stdin=options, namespaced=False)
            self._version = ""
