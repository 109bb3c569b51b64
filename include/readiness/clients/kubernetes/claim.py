"""An environment in a cluster serves one run at a time: a Lease in the platform's namespace.

Every change names the version of the object that was read, so that of two runs that ask at once exactly one gets it.
"""

import time
from datetime import UTC, datetime
from typing import Any

from readiness.clients.kubernetes.kubectl import PATIENCE_S, Kubectl, KubectlError
from readiness.clients.kubernetes.pods import epoch_ns
from readiness.clients.lease import Lease, LeaseError

NAME = "readiness"
_ATTEMPTS = 5


class ClusterClaim:
    """As the functions of ``clients.lease`` for a folder."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def take(self, owner: str, duration_s: float) -> Lease:
        """Take or renew the lease. Raises LeaseError while another run's lease has not expired."""
        for _ in range(_ATTEMPTS):
            now, found = time.time_ns(), self._read()
            held = _lease(found)
            if held is not None and held.owner != owner and held.expires_ns > now:
                until = datetime.fromtimestamp(held.expires_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
                raise LeaseError(
                    f"environment {self._kubectl.environment} is in use by run {held.owner} until {until} at the "
                    f"latest; wait, or if that run is gone: readiness stage teardown --run {held.owner}"
                )
            if self._write(found, owner, now, round(duration_s)):
                return Lease(owner, now, now + round(duration_s) * 10**9)
        raise LeaseError(f"environment {self._kubectl.environment}: others took its lease {_ATTEMPTS} times; try again")

    def holder(self) -> Lease | None:
        """The lease as it stands, expired or not; None if there is none."""
        return _lease(self._read())

    def release(self, owner: str) -> bool:
        """Give the lease back; False if ``owner`` does not hold it. The object stays, without a holder: to delete it
        could take away what another run has taken meanwhile."""
        found = self._read()
        held = _lease(found)
        return held is not None and held.owner == owner and self._write(found, "", time.time_ns(), 1)

    def _read(self) -> dict[str, Any] | None:
        return self._kubectl.find("lease", NAME, patience_s=PATIENCE_S)

    def _write(self, found: dict[str, Any] | None, owner: str, now_ns: int, duration_s: int) -> bool:
        """Whether the object had not changed since it was read, and now is this."""
        at = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": owner, "leaseDurationSeconds": duration_s, "acquireTime": at, "renewTime": at}
        lease: dict[str, Any] = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec}
        try:
            if found is None:
                self._kubectl.json(
                    "create", "--filename=-", "--output=json", stdin=lease | {"metadata": {"name": NAME}}
                )
            else:
                version = found["metadata"]["resourceVersion"]
                self._kubectl.json("patch", "lease", NAME, "--type=merge", "--patch-file=/dev/stdin", "--output=json",
                                   stdin={"metadata": {"resourceVersion": version}, "spec": spec})  # fmt: skip
        except KubectlError as error:
            if error.kind not in ("conflict", "alreadyexists"):
                raise
            return False
        return True


def _lease(found: dict[str, Any] | None) -> Lease | None:
    spec = (found or {}).get("spec", {})
    if not spec.get("holderIdentity"):
        return None
    taken_ns = epoch_ns(spec["renewTime"])
    return Lease(str(spec["holderIdentity"]), taken_ns, taken_ns + int(spec["leaseDurationSeconds"]) * 10**9)
