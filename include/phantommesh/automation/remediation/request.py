"""A remediation that this replica has claimed, and how it ended."""

import time
import uuid
from typing import Any

import msgspec

ACTIONS = {"done": "remediated", "failed": "remediation_failed", "dry_run": "remediation_dry_run"}
_encode = msgspec.json.Encoder().encode


class Request(msgspec.Struct, gc=False):
    """A claimed row. attempts: begun so far, by whoever; requested_at_ns: epoch."""

    incident_id: uuid.UUID
    event_id: uuid.UUID
    source: str
    address: str
    risk: float
    requested_at_ns: int
    attempts: int

    @classmethod
    def claimed(cls, row: Any) -> "Request":
        """From a row of statements.CLAIM."""
        return cls(**dict(row.items()))

    def why(self) -> str:
        """What vpn-core is told."""
        return f"incident {self.incident_id}: risk {self.risk:.1f}"


class Ending(msgspec.Struct, gc=False):
    """How a request ends. state: a key of ACTIONS; reason: why it failed."""

    request: Request
    state: str
    peer_id: str | None = None
    reason: str | None = None

    def detail(self) -> str:
        """The audit line's detail. took_ms: from the request to now."""
        request = self.request
        document: dict[str, Any] = {
            "incident_id": request.incident_id, "address": request.address, "attempts": request.attempts,
            "took_ms": round((time.time_ns() - request.requested_at_ns) / 1e6, 3),
        }  # fmt: skip
        if self.state == "done":
            document["peer_id"] = self.peer_id
        if self.reason is not None:
            document["reason"] = self.reason
        return _encode(document).decode()
