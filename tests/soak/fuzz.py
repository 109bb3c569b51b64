"""Spoiled events, bytes and requests: no 500, no crash, no growing memory, every answer as documented."""

import http.client
import json
import re
import socket
import uuid
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from instruments.accounts import Accounts
from instruments.address import measurable
from instruments.requests_ahead import recordings
from instruments.running import RunningPlatform

from soak import mutation
from soak.answers import HttpAnswer, check_answer, surely_bad

BATCH = 14
ANSWER_S = 10.0
RAW_ANSWER_S = 5.0
_HALF_CHARACTER = re.compile(rb"\\ud[89a-f]")
TARGETS: dict[str, float] = {"processes that ended": 0, "memory grown MB, largest": 48}


class Client:
    """One kept-alive connection, opened anew when the service closes it."""

    def __init__(self, base_url: str) -> None:
        self.address = measurable(f"{base_url}/")
        self._connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=ANSWER_S)
        self.statuses: Counter[int] = Counter()

    def exchange(self, method: str, path: str, body: bytes | None = None) -> HttpAnswer:
        """One request and its answer. Raises AssertionError when there is none, or not all of it."""
        try:
            self._connection.request(method, path, body=body, headers={"Content-Type": "application/json"})
            response = self._connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            answer = HttpAnswer(response.status, headers, response.read())
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise AssertionError(f"{method} {path}: no whole answer ({error!r})") from error
        self.statuses[answer.status] += 1
        return answer

    def raw(self, text: bytes) -> int | None:
        """Send bytes and nothing more; the status of the answer, None when the service just closes."""
        with socket.create_connection(self.address[:2], timeout=RAW_ANSWER_S) as connection:
            try:
                connection.sendall(text)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(65536)
            except ConnectionError:
                return None
        status = answer[9:12]
        return int(status) if answer.startswith(b"HTTP/1.") and status.isdigit() else None


def fuzz(platform: RunningPlatform, count: int, number: int = 5) -> dict[str, float]:
    """At least `count` spoiled events in arrays, and beside each array one alone, one of spoiled bytes, a spoiled
    request and a question to the audit trail. Raises AssertionError with the smallest example that misbehaves."""
    client = Client(platform.base_url)
    recorded = [dict(alert) for recording in recordings() for alert in recording.alerts]
    accounts = Accounts(platform)
    pids, rss = platform.pids(), accounts.rss_bytes()
    sent: Counter[str] = Counter()

    @seed(number)
    @settings(
        max_examples=-(-count // BATCH), deadline=None, database=None, suppress_health_check=list(HealthCheck),
        print_blob=True,
    )  # fmt: skip
    @given(
        st.lists(mutation.events(recorded), min_size=BATCH, max_size=BATCH), mutation.events(recorded),
        mutation.spoiled_bytes(recorded), mutation.raw_requests(), mutation.audit_queries,
    )  # fmt: skip
    def misbehave(events: list[Any], alone: Any, spoiled: bytes, raw: bytes, query: str) -> None:
        sent["events"] += len(events) + 1
        _many(client, events, recorded[0])
        _alone(client, alone)
        _spoiled(client, spoiled)
        assert (client.raw(raw) or 400) < 500, raw
        _audit(client, query)

    misbehave()
    after = accounts.rss_bytes()
    ended = [name for name, pid in platform.pids().items() if pids[name] != pid]
    return {
        "events": float(sent["events"]), "requests": float(client.statuses.total()),
        **{f"answers {status}": float(times) for status, times in sorted(client.statuses.items())},
        "processes that ended": float(len(ended)),
        "memory grown MB, largest": max(after[name] - rss[name] for name in rss) / 1e6,
    }  # fmt: skip


def _many(client: Client, events: list[Any], untouched: dict[str, Any]) -> None:
    """The good ones of an array are taken, whatever the others are."""
    whole = [*events, untouched | {"event_id": str(uuid.uuid4())}]
    body = _json(whole)
    results = check_answer(client.exchange("POST", "/v1/events", body), len(whole))
    if not results:
        # Half a character, escaped, is text to JSON's grammar and to no decoder: the array counts as unreadable.
        assert _HALF_CHARACTER.search(body), "a readable array is answered event by event"
        return
    assert results[-1]["status"] == "accepted"
    for event, result in zip(events, results, strict=False):
        _check_verdict(event, result)


def _alone(client: Client, event: Any) -> None:
    many = len(event) if isinstance(event, list) else None
    answer = client.exchange("POST", "/v1/events", _json(event))
    check_answer(answer, many)
    if many is None:
        assert not (surely_bad(event) and answer.status == 202), event


def _spoiled(client: Client, body: bytes) -> None:
    # How many events an array of spoiled bytes holds is the service's to say.
    answer = client.exchange("POST", "/v1/events", body)
    is_array = answer.status in (202, 207) and b'"results"' in answer.body
    check_answer(answer, len(json.loads(answer.body)["results"]) if is_array else None)


def _audit(client: Client, query: str) -> None:
    answer = client.exchange("GET", f"/v1/audit?{query}")
    assert answer.status in (200, 400), f"{query}: {answer.status}"
    if answer.status == 400:
        assert set(json.loads(answer.body)) == {"error", "position"}
        return
    *rows, last = map(json.loads, answer.body.splitlines())
    assert (last["end"], last["count"]) == (True, len(rows))
    assert all(set(row) == {"seq", "at_ns", "event_id", "source", "action", "replica", "detail"} for row in rows)


def _check_verdict(event: Any, result: dict[str, Any]) -> None:
    if result["status"] == "rejected":
        return
    assert not surely_bad(event), f"{event} was {result['status']}"
    if "event_id" in event:
        assert uuid.UUID(event["event_id"]) == uuid.UUID(result["event_id"])


def _json(value: Any) -> bytes:
    """As JSON; characters that UTF-8 does not know go as escapes."""
    return json.dumps(value).encode()
