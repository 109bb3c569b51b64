"""An alert comes once, whenever the replica that delivers it dies; where nobody can be asked, the trail says so."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from .conftest import Platform, call, until
from .delivery_process import STEPS
from .own_sink import Sink

PROCESS = Path(__file__).parent / "delivery_process.py"
CHANNELS = ("slack", "pagerduty", "email", "sms")


@pytest.fixture(scope="module")
def one(start: Callable[..., Platform]) -> Platform:
    """A platform of one replica, which these tests replace by a mortal one for a while."""
    return start("--replicas", "1")


def killed(platform: Platform, step: str, channel: str, events: list[dict[str, Any]]) -> None:
    """Have events accepted by a replica that dies at a step, and the replica that comes back do the rest."""
    platform.supervise("stopProcess", "automation:automation-0")
    dying = subprocess.Popen([sys.executable, str(PROCESS), str(platform.state), "0", step, channel])
    try:
        until(lambda: takes_connections(platform))
        assert platform.post(events).status == 202
        assert dying.wait(20) == -signal.SIGKILL
    finally:
        dying.kill()
        dying.wait()
        platform.supervise("startProcess", "automation:automation-0")
    until(lambda: takes_connections(platform))
    until(lambda: platform.all_handled(events[0]["host"], {event["event_id"] for event in events}))


def takes_connections(platform: Platform) -> bool:
    """Whether the service answers; a replica listens a little later than it says that it is ready."""
    try:
        return call(f"{platform.base_url}/v1/incidents?limit=1").status == 200
    except (OSError, HTTPException):
        return False


def some(critical: dict[str, Any], host: str, count: int = 5) -> list[dict[str, Any]]:
    return [critical | {"event_id": str(uuid.uuid4()), "host": host} for _ in range(count)]


def doubts(platform: Platform, source: str) -> Counter[tuple[str, str | None]]:
    """What the audit trail says: how often each doubt about each channel."""
    rows = platform.audit(f"source={source}")[0]
    assert not [row for row in rows if row["action"] == "delivery_failed"]
    delivered = [row["detail"] for row in rows if row["action"] == "delivered"]
    return Counter((detail["channel"], detail.get("doubt")) for detail in delivered)


@pytest.mark.parametrize("step", STEPS)
def test_once_at_every_channel_whenever_the_replica_dies(one: Platform, critical: dict[str, Any], step: str) -> None:
    source = step.replace(" ", "-")
    events = some(critical, source)
    killed(one, step, "any", events)
    found = Counter((row["event_id"], row["channel"]) for row in one.deliveries(source))
    print(f"dead {step}: {dict(doubts(one, source))}")
    assert found == {(event["event_id"], channel): 1 for event in events for channel in CHANNELS}


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_the_channel_had_is_marked_and_not_sent_again(
    one: Platform, critical: dict[str, Any], channel: str
) -> None:
    """The replica dies exactly between this channel's answer and the mark."""
    source = f"between-{channel}"
    events = some(critical, source)
    killed(one, "after the answer", channel, events)
    assert doubts(one, source)[channel, "found"] == len(events)
    found = Counter((row["event_id"], row["channel"]) for row in one.deliveries(source))
    assert found == {(event["event_id"], name): 1 for event in events for name in CHANNELS}
    deliveries = call(f"{one.component('automation-0')['admin_url']}/metrics").body.decode()
    assert f'phantommesh_deliveries_total{{channel="{channel}",outcome="found"}} {len(events)}.0' in deliveries


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Sink]:
    found = Sink(tmp_path / "elsewhere")
    found.start()
    yield found
    found.close()


def test_a_channel_that_cannot_be_asked_gets_it_again_and_the_trail_says_so(
    start: Callable[..., Platform], elsewhere: Sink, critical: dict[str, Any], tmp_path: Path
) -> None:
    secret = tmp_path / "webhook"
    secret.write_text(f"{elsewhere.run.sink_url}/slack/services/T0/B0/x\n")
    platform = start("--replicas", "1", PHANTOMMESH_ALERT_ROUTING__ENDPOINTS__SLACK__URL=f"{{file: {secret}}}")
    events = some(critical, "mute")
    killed(platform, "after the answer", "slack", events)
    assert Counter(row["event_id"] for row in elsewhere.deliveries("mute")) == {e["event_id"]: 2 for e in events}
    assert doubts(platform, "mute")["slack", "repeated"] == len(events)
    others = Counter((row["event_id"], row["channel"]) for row in platform.deliveries("mute"))
    assert set(others.values()) == {1}


def test_what_a_channel_took_too_late_to_say_so_is_not_sent_again(one: Platform, critical: dict[str, Any]) -> None:
    """The request lies unread at the channel when the attempt is given up, and is read before the question."""
    assert one.post(some(critical, "before", 1)).status == 202  # so that there are connections to send on
    until(lambda: len(one.deliveries("before")) == 4)
    sink = one.component("sink-0")["pid"]
    events = some(critical, "late")
    os.kill(sink, signal.SIGSTOP)
    try:
        until(lambda: one.post(events).status == 202)
        time.sleep(3)  # longer than delivery_timeout_s; nothing can be seen from outside meanwhile
    finally:
        os.kill(sink, signal.SIGCONT)
    until(lambda: one.all_handled("late", {event["event_id"] for event in events}))
    found = Counter((row["event_id"], row["channel"]) for row in one.deliveries("late"))
    print(dict(doubts(one, "late")))
    assert found == {(event["event_id"], channel): 1 for event in events for channel in CHANNELS}
    assert sum(count for (_, doubt), count in doubts(one, "late").items() if doubt == "found") > 0
