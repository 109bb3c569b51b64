"""What happens when something dies."""

import json
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from .conftest import Answer, Platform, call, until
from .repeating import Repeating, ready

BACK_S, BACK_MARGIN_S = 2.0, 4.0


def posting(platform: Platform, event: dict[str, Any]) -> Repeating:
    """One event after another."""

    def post() -> tuple[str, int]:
        event_id = str(uuid.uuid4())
        return event_id, platform.post(event | {"event_id": event_id}).status

    return Repeating(post, 202)


def _repeats(platform: Platform, source: str) -> int:
    return sum(n - 1 for n in Counter(row["delivery_id"] for row in platform.deliveries(source)).values())


def test_a_killed_replica_is_back_and_nothing_is_lost(platform: Platform, critical: dict[str, Any]) -> None:
    victim = platform.component("automation-1")
    with posting(platform, critical | {"host": "kill"}) as traffic:
        until(lambda: len(traffic.acknowledged) > 100)
        os.kill(victim["pid"], signal.SIGKILL)
        until(lambda: not psutil.pid_exists(victim["pid"]))
        took_s = until(lambda: ready(victim["admin_url"]))
        until(lambda: len(traffic.acknowledged) > 300)
    print(f"a killed replica was ready again after {took_s:.2f} s (aim: {BACK_S} s); answers {traffic.statuses}")
    assert took_s < BACK_MARGIN_S
    assert platform.component("automation-1")["pid"] != victim["pid"]
    until(lambda: platform.all_handled("kill", traffic.acknowledged))
    actions = platform.handled("kill")
    assert all(actions[event_id]["delivered"] == 4 for event_id in traffic.acknowledged)
    assert all(count["received"] == count["assessed"] == 1 for count in actions.values())
    assert _repeats(platform, "kill") == 0, "what was under way at the moment of the kill is asked for, not repeated"


def test_work_is_taken_over_when_every_replica_died(platform: Platform, critical: dict[str, Any]) -> None:
    until(lambda: platform.status()["state"] == "ready")
    pids = [item["pid"] for item in platform.status()["components"] if item["component"] == "automation"]
    events = [critical | {"event_id": str(uuid.uuid4()), "host": "orphan"} for _ in range(500)]
    answer = platform.post(events)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert answer.status == 202
    until(lambda: platform.status()["state"] == "ready")
    took_s = until(lambda: platform.all_handled("orphan", {event["event_id"] for event in events}))
    print(f"orphans handled {took_s:.2f} s after the restart")
    delivered = {(row["event_id"], row["channel"]) for row in platform.deliveries("orphan")}
    assert len(delivered) == 4 * 500


def test_orphans_are_taken_over_while_others_live(platform: Platform, critical: dict[str, Any]) -> None:
    until(lambda: platform.status()["state"] == "ready")
    source = "taken"
    events = [critical | {"event_id": str(uuid.uuid4()), "host": source} for _ in range(1000)]
    pids = {item["replica"]: item["pid"] for item in platform.status()["components"]}
    assert platform.post(events).status == 202
    killed_s = time.monotonic()
    acceptor = next(row["replica"] for row in platform.audit(f"source={source}&limit=1")[0])
    os.kill(pids[acceptor], signal.SIGKILL)
    until(lambda: platform.all_handled(source, {event["event_id"] for event in events}))
    print(f"all handled {time.monotonic() - killed_s:.2f} s after the answer; {acceptor} was killed")
    assert len({(row["event_id"], row["channel"]) for row in platform.deliveries(source)}) == 4000


def test_the_database_comes_back_and_meanwhile_answers_are_503(platform: Platform, critical: dict[str, Any]) -> None:
    until(lambda: platform.status()["state"] == "ready")
    with posting(platform, critical | {"host": "database"}) as traffic:
        until(lambda: len(traffic.acknowledged) > 20)
        os.kill(platform.component("postgres-0")["pid"], signal.SIGKILL)
        until(lambda: traffic.statuses[503] > 0)
        before = len(traffic.acknowledged)
        until(lambda: len(traffic.acknowledged) > before + 20)
    until(lambda: platform.all_handled("database", traffic.acknowledged))
    assert set(traffic.statuses) <= {202, 503}


def test_a_terminated_replica_drains_and_answers_every_request(platform: Platform, critical: dict[str, Any]) -> None:
    until(lambda: platform.status()["state"] == "ready")
    victim = platform.component("automation-2")
    with posting(platform, critical | {"host": "drain"}) as traffic:
        until(lambda: len(traffic.acknowledged) > 50)
        os.kill(victim["pid"], signal.SIGTERM)
        until(lambda: not psutil.pid_exists(victim["pid"]))
        until(lambda: ready(victim["admin_url"]))
    log = (platform.state / "log" / "supervisord.log").read_text()
    assert "exited: automation-2 (exit status 0; expected)" in log
    until(lambda: platform.all_handled("drain", traffic.acknowledged))
    assert set(traffic.statuses) <= {202, 0}
    assert traffic.statuses[0] <= 1, "more than the one connection that the kernel had queued at that moment"


@pytest.fixture(scope="module")
def strained(start: Callable[..., Platform]) -> Platform:
    """Two replicas, little patience, little room."""
    return start(
        "--replicas", "2", PHANTOMMESH_SYSTEM__EVENT_QUEUE_SIZE="20", PHANTOMMESH_SYSTEM__LEASE_S="1",
        PHANTOMMESH_ALERT_ROUTING__MAX_RETRIES="2", PHANTOMMESH_ALERT_ROUTING__RETRY_BACKOFF_S="0.1",
        PHANTOMMESH_ALERT_ROUTING__DELIVERY_TIMEOUT_S="1.5",
    )  # fmt: skip


def test_a_full_queue_is_429_and_what_was_accepted_is_delivered_when_the_channels_are_back(
    strained: Platform, critical: dict[str, Any]
) -> None:
    sink = strained.component("sink-0")["pid"]
    os.kill(sink, signal.SIGSTOP)
    try:
        ids = {str(uuid.uuid4()) for _ in range(20)}
        events = [critical | {"event_id": event_id, "host": "full"} for event_id in ids]
        assert strained.post(events).status == 202
        answers: list[Answer] = []
        # The replica that did not take them learns of them within half a second.
        until(
            lambda: answers.append(strained.post(critical | {"event_id": str(uuid.uuid4())})) or _refusals(answers), 2
        )
    finally:
        os.kill(sink, signal.SIGCONT)
    until(lambda: strained.all_handled("full", ids))
    refused = _refusals(answers)[0]
    assert (refused.status, refused.headers["retry-after"], set(refused.json())) == (429, "1", {"error"})
    actions = strained.handled("full")
    assert all(actions[event_id]["delivered"] == 4 for event_id in ids), "a channel that was away gives nothing up"
    too_many = strained.post([critical | {"event_id": str(uuid.uuid4())} for _ in range(21)])
    assert (too_many.status, too_many.headers["retry-after"]) == (429, "1")


def _refusals(answers: list[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.status != 202]


def test_a_silent_replica_is_cut_off_and_its_work_taken_over(strained: Platform, critical: dict[str, Any]) -> None:
    until(lambda: strained.status()["state"] == "ready")
    sink = strained.component("sink-0")["pid"]
    events = [critical | {"event_id": str(uuid.uuid4()), "host": "silent"} for _ in range(20)]
    os.kill(sink, signal.SIGSTOP)  # so that the work is not done before the replica falls silent
    try:
        until(lambda: strained.post(events).status == 202)
        acceptor = strained.audit("source=silent&limit=1")[0][0]["replica"]
        pid = strained.component(acceptor)["pid"]
        os.kill(pid, signal.SIGSTOP)
    finally:
        os.kill(sink, signal.SIGCONT)
    try:
        ids = {event["event_id"] for event in events}
        until(lambda: any(_other_answers(strained, "silent", ids)), 15)
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: strained.status()["state"] == "ready")
    assert strained.component(acceptor)["pid"] == pid, "it begins a new session; it need not die"
    assert acceptor not in {
        row["replica"] for row in strained.audit("source=silent")[0] if row["action"] == "delivered"
    }


def _other_answers(platform: Platform, source: str, ids: set[str]) -> list[bool]:
    # The stopped replica still gets its share of new connections; those time out and are tried again.
    try:
        answer = call(f"{platform.base_url}/v1/audit?source={source}", timeout_s=0.5)
    except OSError:
        return [False]
    rows = [json.loads(line) for line in answer.body.splitlines()]
    return [
        len({(r["event_id"], r["detail"]["channel"]) for r in rows if r.get("action") == "delivered"}) == 4 * len(ids)
    ]
