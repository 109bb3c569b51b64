"""What a sending is made of: legal requests, answers in pieces, a schedule, bounds; and figures out of buckets."""

import json
import math
import time
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from instruments.connection import Connection, Head
from instruments.histograms import between, quantile_ms
from instruments.plan import SendPlan
from instruments.requests_ahead import Request, RequestMaker, event_ids, recordings
from instruments.schedule import offsets_ns
from phantommesh.automation.events import observe

PLAN = SendPlan("http://127.0.0.1:9/v1/events", 'a "quoted" %s source', 500, 2, seed=3)


def made(plan: SendPlan) -> list[tuple[bytes, Any]]:
    """Head and JSON of each request of a plan."""
    ids = event_ids(plan)
    found = RequestMaker(plan, ids, recordings()).make(0, [time.time_ns()] * plan.requests)
    parts = [request.content.partition(b"\r\n\r\n") for request in found]
    for head, _, body in parts:
        assert int(head.rpartition(b":")[2]) == len(body), "the length that the head promises"
    return [(head, json.loads(body)) for head, _, body in parts]


def test_every_request_is_a_legal_event_with_its_own_id() -> None:
    events = [event for _, event in made(PLAN)]
    assert len({event["event_id"] for event in events}) == PLAN.events == 1000
    assert all(uuid.UUID(event["event_id"]).version == 4 for event in events)
    for event in events:
        assert observe(json.dumps(event).encode(), 0).source == PLAN.source


def test_requests_of_many_events_hold_the_same_events() -> None:
    fixed = replace(PLAN, observed_from_ns=10**18, observed_step_ns=1000)
    batched = replace(fixed, events_per_request=50, rate_per_s=10_000, duration_s=0.1)
    assert [event for _, events in made(batched) for event in events] == [event for _, event in made(fixed)]


def test_distinct_sources_are_distinct() -> None:
    events = [event for _, event in made(replace(PLAN, distinct=True))]
    assert len({event["src_ip"] for event in events}) == len(events)
    assert observe(json.dumps(events[0]).encode(), 0).src_ip.startswith("fd00:")


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_a_schedule_has_its_rate_and_order(arrivals: Any) -> None:
    found = offsets_ns(replace(PLAN, arrivals=arrivals))
    assert len(found) == 1000
    assert (np.diff(found) >= 0).all()
    assert 0 <= found[0] <= found[-1] < 2e9
    assert 400 < (found < 1e9).sum() < 600


@pytest.mark.parametrize(
    "wrong",
    [{"url": "http://192.0.2.1:80/"}, {"url": "http://localhost:80/"}, {"duration_s": 7201}, {"rate_per_s": 1e9},
     {"events_per_request": 1001}, {"connections": 0}, {"arrivals": "closed"}],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        replace(PLAN, **wrong)


class Owner:
    """Keeps what a connection reports; stands in for the transport, too."""

    def __init__(self) -> None:
        self.got: list[tuple[int, int, bytes]] = []
        self.unanswered: list[Request] = []
        self.aborted = False

    def opened(self, connection: Connection) -> None:
        """It is."""

    def answered(self, _connection: Connection, request: Request, head: Head, answer: bytes) -> None:
        self.got.append((request.number, head.status, answer.partition(b"\r\n\r\n")[2]))

    def lost(self, _connection: Connection, unanswered: list[Request]) -> None:
        self.unanswered = unanswered

    def write(self, _data: bytes) -> None:
        """Nobody reads it."""

    def abort(self) -> None:
        self.aborted = True


def connected() -> tuple[Owner, Connection]:
    owner = Owner()
    connection = Connection(owner)
    connection.connection_made(owner)  # type: ignore[arg-type]
    for number in range(3):
        connection.send(Request(number, b"x", b"id"))
    return owner, connection


ANSWERS = (
    b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}"
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
    b"HTTP/1.1 503 No\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"
)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_answers_in_pieces_are_matched_in_order(size: int) -> None:
    owner, connection = connected()
    for place in range(0, len(ANSWERS), size):
        connection.data_received(ANSWERS[place : place + size])
    assert owner.got == [(0, 202, b"{}"), (1, 429, b""), (2, 503, b"busy")]
    assert connection.leaving
    assert connection.received_bytes == len(ANSWERS)


@pytest.mark.parametrize("text", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", ANSWERS + ANSWERS])
def test_what_is_no_answer_ends_the_connection(text: bytes) -> None:
    owner, connection = connected()
    connection.data_received(text)
    assert owner.aborted


def test_a_lost_connection_names_what_is_unanswered() -> None:
    owner, connection = connected()
    connection.data_received(ANSWERS[:50])
    connection.connection_lost(None)
    assert [request.number for request in owner.unanswered] == [1, 2]


def test_a_quantile_lies_between_the_bounds_of_its_bucket() -> None:
    before = {"accept": {0.001: 10.0, 0.01: 10.0, math.inf: 10.0}}
    after = {"accept": {0.001: 108.0, 0.01: 109.0, math.inf: 110.0}}
    buckets = between(before, after)["accept"]
    assert quantile_ms(buckets, 0.98) == (0.0, 1.0)
    assert quantile_ms(buckets, 0.99) == (1.0, 10.0)
    assert quantile_ms(buckets, 1.0) == (10.0, math.inf)
    assert all(map(math.isnan, quantile_ms({math.inf: 0.0}, 0.5)))
