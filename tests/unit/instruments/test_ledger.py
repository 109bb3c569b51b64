"""The account of every event: each fault is planted in a trail of twelve good events and must be named."""

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from instruments.ledger import Ledger
from instruments.lines import CutShortError, read_lines
from instruments.outcome import Outcome
from instruments.plan import SendPlan
from instruments.requests_ahead import event_ids

COUNT = 12
PLAN = SendPlan("http://127.0.0.1:9/v1/events", "s", COUNT, 1, seed=1)
IDS = [str(uuid.UUID(int=(int(high) << 64) | int(low))) for high, low in event_ids(PLAN)]
SENT_NS, TAKEN_NS = 1_000_000_000, 4_000_000


class Trail:
    """What the audit trail and the sink say."""

    def __init__(self) -> None:
        self.audit: list[dict[str, Any]] = []
        self.deliveries: list[dict[str, Any]] = []
        for event_id in IDS:
            self.act(event_id, "received", {"signature_id": 1})
            self.act(event_id, "assessed", {"due": ["slack", "sms"], "risk": 9.5})
            self.deliver(event_id, "slack", SENT_NS + 1_000_000)
            self.deliver(event_id, "sms", SENT_NS + TAKEN_NS)
        self.whole = True

    def act(self, event_id: str, action: str, detail: dict[str, Any]) -> None:
        self.audit.append({"event_id": event_id, "action": action, "at_ns": 5, "replica": "a-0", "detail": detail})

    def deliver(self, event_id: str, channel: str, at_ns: int) -> None:
        self.deliveries.append({"event_id": event_id, "channel": channel, "received_at_ns": at_ns})

    def lines(self, path: str) -> bytes:
        rows = self.audit if path.startswith("/v1/audit") else self.deliveries
        end = [{"end": True, "count": len(rows)}] if self.whole else []
        return b"".join(json.dumps(row).encode() + b"\n" for row in [*rows, *end])


@pytest.fixture
def trail() -> Trail:
    return Trail()


@pytest.fixture
def url(trail: Trail) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = trail.lines(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def ledger(url: str, unacknowledged: int = 0) -> Ledger:
    status = np.full(COUNT, 202, np.uint16)
    status[:unacknowledged] = 503
    times = np.full(COUNT, SENT_NS, np.int64)
    outcome = Outcome(event_ids(PLAN), times, times, times, status, status, np.ones(COUNT, np.uint16), {})
    found = Ledger(outcome)
    found.read(url, url, "s")
    return found


def test_a_whole_trail_has_no_fault(url: str) -> None:
    found = ledger(url)
    account = found.account()
    assert (account.sent, account.acknowledged, account.due_nowhere) == (COUNT, COUNT, 0)
    assert (account.lost, account.handled_twice, account.repeated_deliveries, account.unexpected) == (0, 0, 0, 0)
    assert found.end_to_end_ms(50, 100) == [TAKEN_NS / 1e6] * 2, "until the last channel, not the first"


@pytest.mark.parametrize("action", ["received", "assessed"])
def test_an_event_without_a_line_in_the_audit_trail_is_lost(trail: Trail, url: str, action: str) -> None:
    trail.audit = [row for row in trail.audit if (row["event_id"], row["action"]) != (IDS[3], action)]
    account = ledger(url).account()
    assert (account.lost, account.lost_ids) == (1, (IDS[3],))


def test_an_event_that_one_due_channel_did_not_get_is_lost(trail: Trail, url: str) -> None:
    trail.deliveries = [row for row in trail.deliveries if (row["event_id"], row["channel"]) != (IDS[5], "sms")]
    assert ledger(url).account().lost_ids == (IDS[5],)


def test_what_was_not_acknowledged_is_not_lost(trail: Trail, url: str) -> None:
    trail.audit = [row for row in trail.audit if row["event_id"] != IDS[0]]
    assert ledger(url, unacknowledged=1).account().lost == 0
    assert ledger(url).account().lost == 1


@pytest.mark.parametrize("action", ["received", "assessed"])
def test_a_second_line_is_handled_twice(trail: Trail, url: str, action: str) -> None:
    trail.act(IDS[7], action, {"due": ["slack", "sms"]})
    assert ledger(url).account().handled_twice == 1


def test_repeats_strangers_and_deliveries_given_up_are_counted(trail: Trail, url: str) -> None:
    trail.deliver(IDS[1], "sms", SENT_NS + 9)
    trail.act(str(uuid.uuid4()), "received", {})
    trail.act(IDS[2], "delivery_failed", {"channel": "sms"})
    account = ledger(url).account()
    assert (account.repeated_deliveries, account.unexpected, account.given_up) == (1, 1, 1)


def test_a_stream_without_its_end_is_no_account(trail: Trail, url: str) -> None:
    trail.whole = False
    with pytest.raises(CutShortError):
        ledger(url)


def test_a_stream_that_counts_other_than_it_holds_is_no_account(url: str, trail: Trail) -> None:
    trail.audit.append({"end": True, "count": 1})
    trail.whole = False
    with pytest.raises(CutShortError):
        list(read_lines(f"{url}/v1/audit", "s", dict))
