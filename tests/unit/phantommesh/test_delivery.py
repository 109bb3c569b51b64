"""Ids of deliveries."""

import uuid

from phantommesh.automation.delivery import ALERT, ESCALATION, NAMESPACE, delivery_id


def test_the_id_is_the_standard_one_of_event_and_channel() -> None:
    event_id = uuid.uuid4()
    assert delivery_id(event_id, "slack") == uuid.uuid5(NAMESPACE, f"{event_id}/slack")


def test_events_channels_and_kinds_have_ids_of_their_own() -> None:
    events = [uuid.uuid4(), uuid.uuid4()]
    ids = {delivery_id(e, c, k) for e in events for c in ("slack", "sms") for k in (ALERT, ESCALATION)}
    assert len(ids) == 8
