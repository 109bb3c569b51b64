"""A channel that is down, seen through the public interface: nothing is lost, and no other channel waits for it."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .conftest import Platform, until
from .own_sink import Sink


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Sink]:
    """Where Slack is in these tests; not started."""
    found = Sink(tmp_path / "elsewhere")
    yield found
    found.close()


def test_a_channel_that_is_down_loses_nothing_and_delays_no_other(
    start: Callable[..., Platform], elsewhere: Sink, critical: dict[str, Any], tmp_path: Path
) -> None:
    secret = tmp_path / "webhook"
    secret.write_text(f"{elsewhere.run.sink_url}/slack/services/T0/B0/x\n")
    platform = start(
        "--replicas", "2",
        PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__SLACK__URL=f"{{file: {secret}}}",
        PHANTOMMESH_ALERT_ROUTING__RETRY_BACKOFF_S="0.05",
        PHANTOMMESH_ALERT_ROUTING__BREAKER="{failures: 3, open_s: 0.5}",
    )  # fmt: skip
    ids = {str(uuid.uuid4()) for _ in range(300)}
    events = [critical | {"event_id": event_id, "host": "down"} for event_id in ids]
    for first in range(0, 300, 10):
        assert platform.post(events[first : first + 10]).status == 202

    def others() -> Counter[str]:
        return Counter(row["channel"] for row in platform.deliveries("down"))

    def delivered(event_id: str) -> bool:
        return {"email", "sms"} <= {
            row["channel"] for row in platform.deliveries("down") if row["event_id"] == event_id
        }

    until(lambda: others() == {"pagerduty": 300, "email": 300, "sms": 300}, 10)
    # More retries than there may be, had they counted; meanwhile the breaker was open most of the time.
    later = [critical | {"event_id": str(uuid.uuid4()), "host": "down"} for _ in range(20)]
    for event in later:
        assert platform.post(event).status == 202
        until(partial(delivered, event["event_id"]))
    ids |= {event["event_id"] for event in later}
    assert not platform.all_handled("down", ids)

    elsewhere.start()
    until(lambda: {row["event_id"] for row in elsewhere.deliveries("down")} == ids)
    until(lambda: platform.all_handled("down", ids))
    assert Counter(row["event_id"] for row in elsewhere.deliveries("down")) == dict.fromkeys(ids, 1)
    actions = Counter(row["action"] for row in platform.audit("source=down")[0])
    assert actions["delivered"] == 4 * len(ids)
    assert actions["delivery_failed"] == 0
