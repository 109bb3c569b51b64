"""An alert that is due at a channel."""

import uuid
from hashlib import sha1

import msgspec

from phantommesh.automation.accepted import Accepted
from phantommesh.automation.judging import due_channels

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:phantommesh:delivery")
ALERT, ESCALATION = 0, 1
_KINDS = ("", "/escalation")


class Delivery(msgspec.Struct, gc=False):
    """kind: ALERT or ESCALATION. attempts: made so far. due_since_ns: epoch. doubtful: an earlier attempt may have
    reached the channel without our knowing."""

    delivery_id: uuid.UUID
    event_id: uuid.UUID
    source: str
    level: str
    risk: float
    signature: str
    incident_id: uuid.UUID
    channel: str
    kind: int
    attempts: int
    due_since_ns: int
    doubtful: bool = False


def delivery_id(event_id: uuid.UUID, channel: str, kind: int = ALERT) -> uuid.UUID:
    """The id of an event's delivery to a channel: UUID version 5 (RFC 9562), so that every attempt carries the same."""
    name = f"{event_id}/{channel}{_KINDS[kind]}".encode()
    digest = sha1(NAMESPACE.bytes + name, usedforsecurity=False).digest()
    return uuid.UUID(bytes=digest[:16], version=5)


def deliveries_of(accepted: Accepted, now_ns: int) -> list[Delivery]:
    """What is due of an event that is durable."""
    event, found = accepted.event, accepted.verdict
    return [
        Delivery(
            delivery_id(event.event_id, channel), event.event_id, event.source, found.level, found.risk,
            event.alert.signature, accepted.incident_id, channel, ALERT, 0, now_ns,
        )
        for channel in due_channels(accepted.due)
    ]  # fmt: skip
