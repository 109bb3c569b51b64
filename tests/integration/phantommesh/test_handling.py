"""What becomes of an event: assessment, incident, deliveries, audit, metrics."""

import asyncio
import json
import uuid
from collections import Counter
from typing import Any

import asyncpg
import pytest

from .conftest import Platform, call, until

DUE = {
    "low": [],
    "medium": ["slack"],
    "high": ["slack", "pagerduty"],
    "critical": ["slack", "pagerduty", "email", "sms"],
}
ALL_METRICS = (
    "phantommesh_events_received_total{status=", "phantommesh_events_assessed_total{level=",
    "phantommesh_deliveries_total{channel=", "phantommesh_incidents_total{action=", "phantommesh_queue_depth ",
    'phantommesh_operation_seconds_bucket{le="0.0001",operation="accept"}', "process_cpu_seconds_total ",
    "process_resident_memory_bytes ", "process_start_time_seconds ", "process_open_fds ",
)  # fmt: skip


@pytest.fixture(scope="module")
def sent(platform: Platform, recorded: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every recorded alert once, each in a request of its own or in one of two arrays; handled to the end."""
    events = {str(uuid.uuid4()): alert for alert in recorded}
    bodies = [alert | {"event_id": event_id, "host": "handling"} for event_id, alert in events.items()]
    for part in (bodies[:100], bodies[100:200], *([body] for body in bodies[200:])):
        assert platform.post(part).status == 202
    until(lambda: platform.all_handled("handling", set(events)))
    return events


@pytest.mark.usefixtures("sent")
def test_each_event_is_delivered_to_exactly_its_due_channels(platform: Platform) -> None:
    due = {
        (row["event_id"], channel)
        for row in platform.audit("source=handling")[0] if row["action"] == "assessed"
        for channel in row["detail"]["due"]
    }  # fmt: skip
    delivered = Counter((row["event_id"], row["channel"]) for row in platform.deliveries("handling"))
    assert set(delivered) == due
    assert set(delivered.values()) == {1}
    assert {channel for _, channel in due} == set(DUE["critical"])


def test_the_audit_tells_the_whole_story_of_each_event(platform: Platform, sent: dict[str, Any]) -> None:
    rows, last = platform.audit("source=handling")
    assert last == {"end": True, "count": len(rows), "last_seq": rows[-1]["seq"]}
    assert [row["seq"] for row in rows] == sorted({row["seq"] for row in rows})
    levels = set()
    for event_id, alert in sent.items():
        own = [row for row in rows if row["event_id"] == event_id]
        received, assessed, incident, *deliveries = own
        assert (received["action"], received["detail"]) == (
            "received", {"signature_id": alert["alert"]["signature_id"]},
        )  # fmt: skip
        assert assessed["action"] == "assessed"
        assert assessed["detail"]["due"] == DUE[assessed["detail"]["level"]]
        assert incident["action"] in ("incident_opened", "incident_joined")
        assert sorted(row["detail"]["channel"] for row in deliveries) == sorted(assessed["detail"]["due"])
        assert {row["action"] for row in deliveries} <= {"delivered"}
        levels.add(assessed["detail"]["level"])
    assert levels == set(DUE)


@pytest.mark.usefixtures("sent")
def test_the_audit_can_be_read_in_pieces(platform: Platform) -> None:
    rows, _ = platform.audit("source=handling")
    first, end = platform.audit("source=handling&limit=700")
    rest, _ = platform.audit(f"source=handling&after={end['last_seq']}")
    assert first + rest == rows
    assert end["count"] == 700
    nothing = platform.audit("source=nobody")
    assert nothing == ([], {"end": True, "count": 0, "last_seq": 0})
    assert len(platform.audit()[0]) >= len(rows)


def test_many_pages_of_the_audit_are_whole_and_in_order(platform: Platform, recorded: list[dict[str, Any]]) -> None:
    ids = {str(uuid.uuid4()) for _ in range(1_700)}
    events = [
        alert | {"event_id": event_id, "host": "pages"} for event_id, alert in zip(ids, recorded * 5, strict=False)
    ]
    for start in range(0, len(events), 850):
        assert platform.post(events[start : start + 850]).status == 202
    until(lambda: platform.all_handled("pages", ids))
    rows, _ = platform.audit("source=pages")
    numbers = [row["seq"] for row in rows]
    assert numbers == sorted(set(numbers))
    actions = Counter(row["action"] for row in rows)
    assert actions["received"] == actions["assessed"] == 1_700
    assert actions["incident_opened"] + actions["incident_joined"] == 1_700
    due = sum(len(row["detail"]["due"]) for row in rows if row["action"] == "assessed")
    assert actions["delivered"] == due
    assert due > 500, "deliveries of one page only: the test has lost its point"
    middle = rows[len(rows) // 2]["seq"]
    for after in (middle - 1, middle, middle + 1):
        rest, _ = platform.audit(f"source=pages&after={after}")
        assert rest == [row for row in rows if row["seq"] > after]


@pytest.mark.parametrize("query", ["after=-1", "limit=x", "nonsense=1", "after=99999999999999999999", "source=%00"])
def test_a_bad_query_is_400(platform: Platform, query: str) -> None:
    answer = call(f"{platform.base_url}/v1/audit?{query}")
    assert answer.status == 400
    assert answer.json()["position"] == query.partition("=")[0]


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET action = 'x'", "DELETE FROM audit", "TRUNCATE audit", "DELETE FROM event"]
)
def test_the_service_may_not_change_what_is_recorded(platform: Platform, statement: str) -> None:
    socket_dir = json.loads((platform.state / "run.json").read_text())["runtime_dir"] + "/db"

    async def change() -> None:
        connection = await asyncpg.connect(host=socket_dir, user="phantommesh_app", database="phantommesh")
        try:
            assert await connection.fetchval("SHOW fsync") == "on"
            await connection.execute(statement)
        finally:
            await connection.close()

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(change())


def test_equal_observations_join_one_incident_over_replicas(platform: Platform, critical: dict[str, Any]) -> None:
    alike = critical | {"host": "incident", "src_ip": "203.0.113.9"}
    ids = {str(uuid.uuid4()) for _ in range(60)}
    for event_id in ids:
        assert platform.post(alike | {"event_id": event_id}).status == 202
    until(lambda: platform.all_handled("incident", ids))
    rows = [row for row in platform.audit("source=incident")[0] if row["action"].startswith("incident")]
    assert Counter(row["action"] for row in rows) == {"incident_opened": 1, "incident_joined": 59}
    assert len({row["detail"]["incident_id"] for row in rows}) == 1
    assert len({row["replica"] for row in rows}) > 1, "the test saw one replica only"
    other = str(uuid.uuid4())
    platform.post(alike | {"event_id": other, "dest_ip": "203.0.113.10"})
    until(lambda: platform.all_handled("incident", {other}))
    assert platform.handled("incident")[other]["incident_opened"] == 1


def test_each_replica_offers_the_agreed_metrics(platform: Platform, sent: dict[str, Any]) -> None:
    texts = [call(f"{url}/metrics").body.decode() for url in platform.admin_urls()]
    assert len(texts) == 3
    for text in texts:
        assert [name for name in ALL_METRICS if f"\n{name}" not in text] == []
        assert "_created" not in text
    until(
        lambda: all(
            "\nphantommesh_queue_depth 0.0" in call(f"{url}/metrics").body.decode() for url in platform.admin_urls()
        )
    )
    assessed = sum(
        float(line.split()[1]) for text in texts for line in text.splitlines()
        if line.startswith("phantommesh_events_assessed_total")
    )  # fmt: skip
    assert assessed >= len(sent)


def test_health_of_each_replica(platform: Platform) -> None:
    for url in platform.admin_urls():
        assert call(f"{url}/healthz").status == 200
        assert call(f"{url}/readyz").status == 200
