"""Incidents over the public interface: list, timeline, acknowledge, resolve; and their escalation."""

import asyncio
import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from phantommesh.automation.delivery import Delivery
from phantommesh.automation.escalation import Escalation
from phantommesh.automation.session import Connector, Session
from phantommesh.config.load import from_json
from phantommesh.supervision.state import State

from .conftest import Answer, Platform, call, until

NS = 1_000_000_000
_addresses = iter(range(1, 250))


def opened(platform: Platform, alert: dict[str, Any], source: str, events: int = 1) -> dict[str, Any]:
    """A new incident with so many events, all of them handled."""
    address = f"198.51.100.{next(_addresses)}"
    made = [alert | {"event_id": str(uuid.uuid4()), "host": source, "src_ip": address} for _ in range(events)]
    for event in made:
        assert platform.post(event).status == 202
    until(lambda: platform.all_handled(source, {event["event_id"] for event in made}))
    return next(item for item in listed(platform)[0] if item["event_id"] == made[0]["event_id"])


def listed(platform: Platform, query: str = "") -> tuple[list[dict[str, Any]], dict[str, Any]]:
    answer = call(f"{platform.base_url}/v1/incidents?{query}")
    assert answer.status == 200, answer.body
    *rows, last = map(json.loads, answer.body.splitlines())
    assert last["end"]
    assert last["count"] == len(rows)
    return rows, last


def change(platform: Platform, incident: str, what: str, body: Any) -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call(f"{platform.base_url}/v1/incidents/{incident}/{what}", "POST", text)


def actions(platform: Platform, source: str) -> Counter[str]:
    return Counter(row["action"] for row in platform.audit(f"source={source}")[0])


def test_an_incident_from_opening_to_resolution(platform: Platform, critical: dict[str, Any]) -> None:
    incident = opened(platform, critical, "life", events=3)
    identity = incident["incident_id"]
    assert (incident["state"], incident["level"], incident["source"]) == ("open", "critical", "life")
    assert (incident["time_to_acknowledge_ms"], incident["time_to_resolve_ms"]) == (None, None)
    until(lambda: actions(platform, "life")["remediated"])

    acknowledged = change(platform, identity, "acknowledge", {"by": "alice"})
    assert acknowledged.status == 200
    body = acknowledged.json()
    assert (body["state"], body["acknowledged_by"]) == ("acknowledged", "alice")
    took_ns = body["acknowledged_at_ns"] - body["opened_at_ns"]
    assert body["time_to_acknowledge_ms"] == pytest.approx(took_ns / 1e6, abs=0.001)
    again = change(platform, identity, "acknowledge", {"by": "alice"})
    assert (again.status, again.json()) == (200, body)
    other = change(platform, identity, "acknowledge", {"by": "bob"})
    assert other.status == 409
    assert other.json()["by"] == "alice"
    assert "alice" in other.json()["error"]

    resolution = {"by": "bob", "resolution": "false_positive", "note": 'a "scanner" of ours'}
    resolved = change(platform, identity, "resolve", resolution)
    assert resolved.status == 200
    assert (resolved.json()["state"], resolved.json()["resolution"]) == ("resolved", "false_positive")
    assert change(platform, identity, "resolve", resolution).json() == resolved.json()
    for differing in ({"by": "carol"}, {"resolution": "duplicate"}):
        refused = change(platform, identity, "resolve", resolution | differing)
        assert refused.status == 409
        assert refused.json()["by"] == "bob"

    found = call(f"{platform.base_url}/v1/incidents/{identity}").json()
    assert found["incident"] == resolved.json()
    assert found["event_count"] == 3
    whats = [entry["what"] for entry in found["timeline"]]
    assert whats[0] == "opened"
    assert whats[-2:] == ["acknowledged", "resolved"]
    assert Counter(whats) == {
        "opened": 1, "joined": 2, "delivered": 12, "remediated": 1, "acknowledged": 1, "resolved": 1,
    }  # fmt: skip
    assert found["timeline"][-1]["detail"]["note"] == resolution["note"]
    assert [entry["at_ns"] for entry in found["timeline"]] == sorted(entry["at_ns"] for entry in found["timeline"])
    sent = {row["delivery_id"] for row in platform.deliveries("life")}
    assert {entry["detail"]["delivery_id"] for entry in found["timeline"] if entry["what"] == "delivered"} == sent
    counted = actions(platform, "life")
    assert (counted["incident_acknowledged"], counted["incident_resolved"]) == (1, 1)


def test_many_people_at_once_and_one_of_them_has_it(platform: Platform, critical: dict[str, Any]) -> None:
    identity = opened(platform, critical, "crowd")["incident_id"]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: change(platform, identity, "acknowledge", {"by": f"p{n}"}), range(12)))
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 11}
    winner = next(answer.json()["acknowledged_by"] for answer in answers if answer.status == 200)
    assert {answer.json()["by"] for answer in answers if answer.status == 409} == {winner}
    assert actions(platform, "crowd")["incident_acknowledged"] == 1


def test_what_is_resolved_cannot_be_acknowledged(platform: Platform, critical: dict[str, Any]) -> None:
    identity = opened(platform, critical, "late")["incident_id"]
    assert change(platform, identity, "resolve", {"by": "dora", "resolution": "other"}).status == 200
    refused = change(platform, identity, "acknowledge", {"by": "dora"})
    assert (refused.status, refused.json()["by"]) == (409, "dora")


def test_the_list_is_filtered_and_can_be_read_in_parts(platform: Platform, critical: dict[str, Any]) -> None:
    made = [opened(platform, critical, "list")["incident_id"] for _ in range(3)]
    assert change(platform, made[0], "acknowledge", {"by": "eve"}).status == 200
    assert change(platform, made[1], "resolve", {"by": "eve", "resolution": "duplicate"}).status == 200

    def of(query: str) -> list[str]:
        return [item["incident_id"] for item in listed(platform, query)[0] if item["incident_id"] in made]

    assert (of("state=acknowledged"), of("state=resolved"), of("state=open")) == ([made[0]], [made[1]], [made[2]])
    assert of("level=critical") == made
    assert of("level=low") == []
    whole = [item["incident_id"] for item in listed(platform)[0]]
    parts: list[str] = []
    while True:
        rows, last = listed(platform, "limit=2" + (f"&after={parts[-1]}" if parts else ""))
        parts += [item["incident_id"] for item in rows]
        if not rows:
            break
        assert last["last"] == parts[-1]
    assert parts == whole


@pytest.mark.parametrize(
    ("query", "position"),
    [
        ("state=closed", "state"), ("level=grave", "level"), ("limit=-1", "limit"), ("after=7", "after"), ("x=1", "x"),
        (f"after={uuid.UUID(int=0)}", "after"), (f"limit={2**63}", "limit"), ("state=", "state"),
    ],
)  # fmt: skip
def test_a_bad_query_is_400_with_its_place(platform: Platform, query: str, position: str) -> None:
    answer = call(f"{platform.base_url}/v1/incidents?{query}")
    assert (answer.status, answer.json()["position"]) == (400, position)


@pytest.mark.parametrize(
    ("what", "body", "status", "position"),
    [
        ("acknowledge", {}, 400, "by"),
        ("acknowledge", {"by": "  "}, 400, "by"),
        ("acknowledge", {"by": "a\0b"}, 400, "by"),
        ("acknowledge", {"by": "x" * 201}, 400, "by"),
        ("acknowledge", b"{", 400, 1),
        ("acknowledge", {"by": "a", "note": "b"}, 400, None),
        ("resolve", {"by": "a", "resolution": "fine"}, 400, "resolution"),
        ("resolve", {"by": "a", "resolution": "other", "note": "x" * 2001}, 400, "note"),
        ("acknowledge", b" " * 20_000, 413, None),
        ("acknowledge", {"by": "a"}, 404, None),
        ("resolve", {"by": "a", "resolution": "other"}, 404, None),
    ],
)
def test_a_bad_change_changes_nothing(
    platform: Platform, what: str, body: Any, status: int, position: str | int | None
) -> None:
    answer = change(platform, str(uuid.UUID(int=0)), what, body)
    assert answer.status == status, answer.body
    assert position is None or answer.json()["position"] == position


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "", 405), ("GET", f"/{uuid.UUID(int=0)}/acknowledge", 405), ("DELETE", f"/{uuid.UUID(int=0)}", 405),
        ("GET", "/nonsense", 400), ("GET", f"/{uuid.UUID(int=0)}/x/y", 404), ("GET", f"/{uuid.UUID(int=0)}", 404),
    ],
)  # fmt: skip
def test_what_is_not_there(platform: Platform, method: str, path: str, status: int) -> None:
    assert call(f"{platform.base_url}/v1/incidents{path}", method, b"{}").status == status


def escalating(
    platform: Platform, levels: tuple[str, ...], now_ns: int, times: int = 1
) -> tuple[list[list[Delivery]], list[str]]:
    """Let so many replicas of one's own look at once, at a time of one's choosing. Returns what each would deliver, and
    what became durable of it; their deliveries are then anyone's, so the platform sends them."""

    async def look() -> tuple[list[list[Delivery]], list[str]]:
        run = State(platform.state).read_run()
        assert run is not None
        settings = from_json((platform.state / "config.json").read_bytes()).database
        connector = Connector(run.database, settings)
        found: list[list[Delivery]] = [[] for _ in range(times)]
        sessions: list[Session] = [await connector.open(f"test-{n}") for n in range(times)]
        connections: list[asyncpg.Connection] = [await connector.connect("test") for _ in range(times)]
        try:
            looks = [
                Escalation(f"test-{n}", connector, levels, 3600, 100, found[n].extend, lambda: now_ns)
                for n in range(times)
            ]
            await asyncio.gather(*(
                look.turn(connection, session.instance)
                for look, connection, session in zip(looks, connections, sessions, strict=True)
            ))  # fmt: skip
            rows = await connections[0].fetch("SELECT event_id::text FROM outbox WHERE kind = 1 ORDER BY event_id")
        finally:
            for connection in connections:
                connection.terminate()
            for session in sessions:
                await session.close()
        return found, [row[0] for row in rows]

    return asyncio.run(look())


def test_what_nobody_acknowledged_is_escalated_once(platform: Platform, critical: dict[str, Any]) -> None:
    waiting = [opened(platform, critical, "waiting") for _ in range(4)]
    seen = opened(platform, critical, "seen")
    assert change(platform, seen["incident_id"], "acknowledge", {"by": "frank"}).status == 200
    due_ns = max(item["opened_at_ns"] for item in waiting) + 3600 * NS
    mine = {item["event_id"] for item in waiting}

    early, _ = escalating(platform, ("critical",), min(item["opened_at_ns"] for item in waiting) + 3600 * NS - 1)
    assert not mine & {str(item.event_id) for item in early[0]}
    others, _ = escalating(platform, ("high",), due_ns)
    assert not mine & {str(item.event_id) for item in others[0]}

    found, durable = escalating(platform, ("critical",), due_ns, times=3)
    sent = [item for part in found for item in part if str(item.event_id) in mine]
    assert Counter(str(item.event_id) for item in sent) == dict.fromkeys(mine, 2)
    assert {item.channel for item in sent} == {"pagerduty", "sms"}
    assert Counter(event for event in durable if event in mine) == dict.fromkeys(mine, 2)
    assert seen["event_id"] not in durable
    assert escalating(platform, ("critical",), due_ns + NS)[0] == [[]]

    # The sessions that looked are gone: the platform takes their deliveries over and sends them.
    identities = {str(item.delivery_id) for item in sent}
    until(lambda: identities <= {row["delivery_id"] for row in platform.deliveries("waiting")})
    until(lambda: actions(platform, "waiting")["delivered"] == 4 * (4 + 2))
    assert len(platform.deliveries("waiting")) == 4 * (4 + 2)
    assert actions(platform, "waiting")["incident_escalated"] == 4
    history = call(f"{platform.base_url}/v1/incidents/{waiting[0]['incident_id']}").json()
    assert history["incident"]["escalated_at_ns"] == due_ns
    escalations = [entry for entry in history["timeline"] if entry["detail"].get("escalation")]
    assert {entry["detail"]["channel"] for entry in escalations} == {"pagerduty", "sms"}
    assert history["timeline"][-1]["what"] == "escalated"
    assert actions(platform, "seen")["incident_escalated"] == 0


def test_people_hear_503_while_the_database_is_away(platform: Platform) -> None:
    import http.client
    import os
    import signal

    answers: list[Answer] = []

    def heard() -> bool:
        # Again and again: a reader tries more than once, and a database that is back by then answers it.
        database = platform.component("postgres-0")["pid"]
        if database is not None:
            os.kill(database, signal.SIGKILL)
        answer = asked()
        answers.extend([answer] if answer else [])
        return answer is not None and answer.status == 503

    def asked() -> Answer | None:
        try:
            return call(f"{platform.base_url}/v1/incidents")
        except http.client.IncompleteRead:
            return None  # the database went in the middle of an answer, which then lacks its end

    until(heard)
    assert "database" in answers[-1].json()["error"]
    assert "Traceback" not in answers[-1].body.decode()
    until(lambda: (answer := asked()) is not None and answer.status == 200, 60)
