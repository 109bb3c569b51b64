"""What each channel is sent, read back by the sink: nothing of an alert gets lost, and no service's limit is passed."""

import asyncio
import json
import random
import uuid
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

import pytest
from due_alerts import Alert
from hypothesis import given, settings
from hypothesis import strategies as st
from phantommesh.automation.channels import email, pagerduty, slack, sms
from phantommesh.automation.channels.endpoints import EmailEndpoint, PagerdutyEndpoint, SlackEndpoint, SmsEndpoint
from phantommesh.automation.channels.posting import Message
from phantommesh.sink import formats, mail
from phantommesh.sink.record import Taken

PAGERDUTY = pagerduty.Pagerduty(PagerdutyEndpoint("http://192.0.2.1/v2/enqueue", "k" * 32), 1)
SMS = sms.Sms(SmsEndpoint("http://192.0.2.1/", "AC1", "t", "+12025550100", ("+12025550101",)), 1)
EMAIL = email.Email(EmailEndpoint("192.0.2.1", 25, "mesh@mesh.example", ("a@mesh.example", "b@mesh.example")), 1)
INCIDENTS = [uuid.UUID(int=n) for n in range(3)]

# What an event may hold: any text without NUL (and no half of a surrogate pair, which is no text).
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
hostile = st.sampled_from(
    [
        "",
        "*critical* 9.9 x\nincident",
        "a\\nb",
        "\\",
        "\r\n.\r\n",
        "&amp;<!channel>",
        "\u2028" * 200,
        "😀" * 200,
        "&" * 200,
    ]
)
alerts = st.lists(
    st.builds(
        Alert, delivery_id=st.uuids(), event_id=st.uuids(), incident_id=st.sampled_from(INCIDENTS),
        source=texts | hostile, level=st.sampled_from(["critical", "high", "medium"]), risk=st.floats(0, 10),
        signature=texts | hostile | st.text("x y", min_size=400, max_size=600), kind=st.sampled_from([0, 1]),
    ),
    min_size=1, max_size=120, unique_by=lambda alert: alert.delivery_id,
)  # fmt: skip


def as_taken(items: Sequence[Alert]) -> list[Taken]:
    return sorted(
        (Taken(str(item.delivery_id), str(item.event_id), item.source, item.level) for item in items), key=repr
    )


def through(messages: list[Message], read: formats.Format, status: int) -> list[Taken]:
    found: list[Taken] = []
    for body, carried in messages:
        understood = read(body)
        assert understood.status == status, understood.body
        assert sorted(understood.alerts, key=repr) == as_taken(carried)  # type: ignore[arg-type]
        found += understood.alerts
    return sorted(found, key=repr)


@settings(deadline=None)
@given(alerts)
def test_slack(items: list[Alert]) -> None:
    messages = list(slack._messages(items))
    assert through(messages, formats.slack, 200) == as_taken(items)
    for body, _ in messages:
        blocks = json.loads(body)["blocks"]
        assert len(blocks) <= 50
        assert sum(len(block["text"]["text"]) for block in blocks) <= slack.MAX_BLOCK_BYTES


@settings(deadline=None)
@given(alerts)
def test_pagerduty_gets_one_event_an_incident(items: list[Alert]) -> None:
    messages = list(PAGERDUTY._messages(items))
    assert through(messages, formats.pagerduty, 202) == as_taken(items)
    keys = [json.loads(body)["dedup_key"] for body, _ in messages]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {f"{item.incident_id}{'/escalation' if item.kind else ''}" for item in items}


@settings(deadline=None)
@given(alerts)
def test_sms(items: list[Alert]) -> None:
    messages = list(SMS._messages(items))
    assert through(messages, formats.sms, 201) == as_taken(items)
    assert all(parse_qs(body.decode())["To"] == ["+12025550101"] for body, _ in messages)


@settings(deadline=None)
@given(alerts)
def test_email(items: list[Alert]) -> None:
    message = EMAIL._message(items)
    assert sorted(mail.alerts_of(message), key=repr) == as_taken(items)
    assert message.isascii()
    assert max(map(len, message.split(b"\r\n"))) <= 998  # RFC 5322, section 2.1.1
    assert b"\n" not in message.replace(b"\r\n", b"")


def test_the_same_digest_is_the_same_mail_and_another_is_another() -> None:
    items = [Alert(), Alert()]

    def message_id(some: list[Alert]) -> bytes:
        return next(line for line in EMAIL._message(some).split(b"\r\n") if line.startswith(b"Message-ID"))

    assert message_id(items) == message_id(items)
    assert message_id(items) != message_id(items[:1])


def test_an_escalation_says_so() -> None:
    item = Alert(kind=1)
    (event, _), (text, _) = next(PAGERDUTY._messages([item])), next(SMS._messages([item]))
    assert json.loads(event)["payload"]["summary"].startswith("Not acknowledged in time: ")
    assert parse_qs(text.decode())["Body"][0].startswith("NOT ACKNOWLEDGED: ")


def test_thousands_of_alerts_are_few_slack_messages() -> None:
    assert len(list(slack._messages([Alert() for _ in range(1000)]))) <= 30


@pytest.mark.parametrize(
    ("read", "body", "status"),
    [
        (formats.slack, b"{", 400),
        (formats.slack, b"{}", 400),
        (formats.slack, json.dumps({"blocks": [{"type": "divider"}] * 51}).encode(), 400),
        (formats.slack, json.dumps({"blocks": [{"type": "section", "text": {"text": "x" * 3001}}]}).encode(), 400),
        (formats.slack, json.dumps({"blocks": [{"type": "divider", "block_id": "a"}] * 2}).encode(), 400),
        (formats.slack, b'{"text": "only words"}', 200),
        (formats.pagerduty, b"[]", 400),
        (formats.sms, b"From=1&Body=x", 400),
        (formats.sms, b"To=1&From=1&Body=" + b"x" * 1601, 400),
        (formats.sms, b"To=1&From=1&Body=only+words", 201),
    ],
)
def test_the_sink_refuses_what_the_service_refuses(
    read: Callable[[bytes], formats.Understood], body: bytes, status: int
) -> None:
    understood = read(body)
    assert (understood.status, understood.alerts) == (status, [])


@pytest.mark.parametrize(
    "change",
    [{"routing_key": "k"}, {"event_action": "shout"}, {"severity": "high"}, {"summary": "x" * 1025}, {"source": ""}],
)
def test_the_sink_refuses_a_bad_pagerduty_event(change: dict[str, str]) -> None:
    event = json.loads(next(PAGERDUTY._messages([Alert()]))[0])
    event.update({name: value for name, value in change.items() if name in event})
    event["payload"].update({name: value for name, value in change.items() if name in event["payload"]})
    understood = formats.pagerduty(json.dumps(event).encode())
    assert (understood.status, understood.alerts) == (400, [])


def test_an_email_in_parts_is_read_too() -> None:
    from email.message import EmailMessage

    item = Alert(source="größer")
    content = EmailMessage()
    text = EMAIL._message([item])
    import email as stdlib

    plain = stdlib.message_from_bytes(text).get_payload(decode=True)
    assert isinstance(plain, bytes)
    content.set_content(plain.decode())
    content.add_alternative("<p>the same</p>", subtype="html")
    assert mail.alerts_of(content.as_bytes()) == as_taken([item])


def test_an_address_that_does_not_answer_is_an_error_that_may_pass() -> None:
    from phantommesh.automation.channels.contract import ChannelError

    channel = slack.Slack(SlackEndpoint(f"http://127.0.0.1:{random.choice([1, 2, 3])}/"), 1)
    with pytest.raises(ChannelError, match="connection refused") as failure:
        asyncio.run(channel.post([Alert()]))
    assert (failure.value.retry, list(failure.value.taken)) == (True, [])


def test_short_alerts_meet_the_limit_of_blocks() -> None:
    messages = list(slack._messages([Alert(signature="x", source="") for _ in range(120)]))
    assert [len(json.loads(body)["blocks"]) for body, _ in messages] == [50, 50, 20]
