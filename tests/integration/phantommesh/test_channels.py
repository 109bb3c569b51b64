"""The adapters against the real sink, and against channels that fail."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from due_alerts import Alert, several
from phantommesh.automation.channels.contract import ChannelError
from phantommesh.automation.channels.email import Email
from phantommesh.automation.channels.endpoints import PagerdutyEndpoint, SlackEndpoint
from phantommesh.automation.channels.opening import open_channels, open_lookups
from phantommesh.automation.channels.pagerduty import Pagerduty
from phantommesh.automation.channels.slack import Slack
from phantommesh.automation.channels.sms import Sms
from phantommesh.supervision.channel_endpoints import sink_endpoints

from .own_sink import Sink

CHANNELS = ("slack", "pagerduty", "email", "sms")


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    found = Sink(tmp_path / "state")
    found.start()
    yield found
    found.close()


def posted(sink: Sink, alerts: list[Alert], channel: str, times: int = 1, timeout_s: float = 5) -> None:
    async def post() -> None:
        adapter = open_channels(sink_endpoints(sink.run.sink), timeout_s)[channel]
        try:
            for _ in range(times):
                await adapter.post(alerts)
        finally:
            adapter.close()

    asyncio.run(post())


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_alert_arrives_once_and_a_repeat_is_seen_as_one(sink: Sink, channel: str) -> None:
    alerts = several(channel, 200)
    began_ns = time.time_ns()
    posted(sink, alerts, channel)
    rows = sink.deliveries(channel)
    expected = {(str(item.delivery_id), str(item.event_id), channel, item.level) for item in alerts}
    assert {(row["delivery_id"], row["event_id"], row["channel"], row["level"]) for row in rows} == expected
    assert len(rows) == 200
    assert all(began_ns < row["received_at_ns"] < time.time_ns() for row in rows)
    posted(sink, alerts[:7], channel, times=2)
    found = Counter(row["delivery_id"] for row in sink.deliveries(channel))
    assert [found[str(item.delivery_id)] for item in alerts] == [3] * 7 + [1] * 193


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_that_hangs_fails_in_time_and_works_again_after(sink: Sink, channel: str) -> None:
    async def post() -> None:
        adapter = open_channels(sink_endpoints(sink.run.sink), 0.5)[channel]
        await adapter.post(several(channel, 1))
        assert sink.process is not None
        sink.process.send_signal(signal.SIGSTOP)
        began_s = time.monotonic()
        try:
            with pytest.raises(ChannelError, match=r"no answer within 0\.5 s") as failure:
                await adapter.post(several(channel, 30))
        finally:
            sink.process.send_signal(signal.SIGCONT)
        assert time.monotonic() - began_s < 3
        assert (failure.value.retry, list(failure.value.taken)) == (True, [])
        assert len(failure.value.doubtful) == 30, "the channel may take them when it wakes"
        await adapter.post(several(f"{channel}-after", 3))
        adapter.close()

    asyncio.run(post())
    assert len(sink.deliveries(f"{channel}-after")) == 3


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_that_is_away_fails_and_takes_all_when_it_is_back(sink: Sink, channel: str) -> None:
    alerts = several(channel, 100)

    async def post() -> None:
        adapter = open_channels(sink_endpoints(sink.run.sink), 5)[channel]
        await adapter.post(alerts[:1])
        sink.stop(signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(ChannelError) as failure:
                await adapter.post(alerts)
            assert (failure.value.retry, list(failure.value.taken)) == (True, [])
        assert list(failure.value.doubtful) == [], "nobody was there to take them"
        await asyncio.to_thread(sink.start)
        await adapter.post(alerts)
        adapter.close()

    asyncio.run(post())
    assert len(sink.deliveries(channel)) == 101


def test_what_a_service_refuses_for_good_is_not_tried_again(sink: Sink) -> None:
    endpoint = sink_endpoints(sink.run.sink).pagerduty
    channel = Pagerduty(PagerdutyEndpoint(endpoint.url, "short"), 5)
    with pytest.raises(ChannelError, match=r"answered 400: .*routing_key") as failure:
        asyncio.run(channel.post([Alert()]))
    assert not failure.value.retry


def test_an_address_that_is_gone_can_be_put_right(sink: Sink) -> None:
    channel = Slack(SlackEndpoint(f"{sink.run.sink_url}/no-such-webhook"), 5)
    with pytest.raises(ChannelError, match="answered 404") as failure:
        asyncio.run(channel.post([Alert()]))
    assert failure.value.retry


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_says_what_it_has_also_after_it_died(sink: Sink, channel: str) -> None:
    here, nowhere = several(channel, 70), several("nowhere", 70)
    asked = [item.delivery_id for pair in zip(here, nowhere, strict=True) for item in pair]

    async def ask() -> list[bool | str]:
        lookup = open_lookups(sink_endpoints(sink.run.sink), 5)[channel]
        try:
            return await lookup.ask(asked)
        finally:
            lookup.close()

    posted(sink, here, channel)
    assert asyncio.run(ask()) == [True, False] * 70
    sink.stop(signal.SIGKILL)
    assert asyncio.run(ask()) == ["connection refused"] * 140
    sink.start()
    assert asyncio.run(ask()) == [True, False] * 70


def test_a_message_reaches_every_number_and_counts_when_one_was_reached(sink: Sink) -> None:
    endpoint = sink_endpoints(sink.run.sink).sms
    for source, numbers, reached in (("all", ("+12025550101", "+12025550102"), 2), ("one", ("", "+12025550102"), 1)):
        alerts = several(source, 20)
        asyncio.run(Sms(replace(endpoint, recipients=numbers), 5).post(alerts))
        found = Counter(row["delivery_id"] for row in sink.deliveries(source))
        assert found == {str(item.delivery_id): reached for item in alerts}
    with pytest.raises(ChannelError, match="21604") as failure:
        asyncio.run(Sms(replace(endpoint, recipients=("",)), 5).post(several("none", 3)))
    assert (failure.value.retry, list(failure.value.taken)) == (True, [])


def test_an_email_server_that_refuses_says_why(sink: Sink) -> None:
    # The sink's mail server speaks no TLS: who asks for it is told so, not sent in the clear.
    endpoint = replace(sink_endpoints(sink.run.sink).email, starttls=True)
    with pytest.raises(ChannelError, match="STARTTLS") as failure:
        asyncio.run(Email(endpoint, 5).post([Alert(source="clear")]))
    assert failure.value.retry
    assert sink.deliveries("clear") == []


def test_a_channel_that_hangs_delays_no_other(sink: Sink, tmp_path: Path) -> None:
    """As the service works: each channel is a task of its own."""
    hung = Sink(tmp_path / "other")
    hung.start()
    try:
        assert hung.process is not None
        os.kill(hung.process.pid, signal.SIGSTOP)

        async def post() -> float:
            slow = open_channels(sink_endpoints(hung.run.sink), 3)
            quick = open_channels(sink_endpoints(sink.run.sink), 3)
            waiting = [asyncio.create_task(channel.post(several("hung", 50))) for channel in slow.values()]
            began_s = time.monotonic()
            for channel in quick.values():
                await channel.post(several("quick", 50))
            took_s = time.monotonic() - began_s
            assert not any(task.done() for task in waiting)
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(outcome, ChannelError) for outcome in outcomes)
            return took_s

        assert asyncio.run(post()) < 3
    finally:
        hung.close()
    assert len(sink.deliveries("quick")) == 200
