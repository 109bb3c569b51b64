"""POST /v1/events against the running platform, answer by answer."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import ROOT, Platform, call, until

EVENT_BYTES = 256 * 1024
seen: set[int] = set()


@pytest.fixture
def event(recorded: list[dict[str, Any]]) -> dict[str, Any]:
    return recorded[0] | {"event_id": str(uuid.uuid4()), "host": "events"}


def post(platform: Platform, document: Any) -> Any:
    answer = platform.post(document)
    seen.add(answer.status)
    return answer


def test_an_event_is_accepted_once(platform: Platform, event: dict[str, Any]) -> None:
    first, second = post(platform, event), post(platform, event)
    assert (first.status, first.json()) == (202, {"event_id": event["event_id"], "status": "accepted"})
    assert (second.status, second.json()) == (202, {"event_id": event["event_id"], "status": "duplicate"})


def test_an_event_without_id_gets_one_from_its_content(platform: Platform, recorded: list[dict[str, Any]]) -> None:
    event = recorded[1]
    again = json.dumps(dict(reversed(event.items())), indent=3).encode()
    first, second = post(platform, event).json(), post(platform, again).json()
    assert uuid.UUID(first["event_id"]).version == 5
    assert (second["event_id"], second["status"]) == (first["event_id"], "duplicate")
    assert post(platform, event | {"flow_id": 1}).json()["event_id"] != first["event_id"]


def test_an_array_is_answered_in_its_order(platform: Platform, recorded: list[dict[str, Any]]) -> None:
    ids = [str(uuid.uuid4()) for _ in range(50)]
    answer = post(platform, [recorded[0] | {"event_id": event_id} for event_id in [*ids, ids[0]]])
    assert answer.status == 202
    expected = [{"index": i, "event_id": event_id, "status": "accepted"} for i, event_id in enumerate(ids)]
    assert answer.json()["results"] == [*expected, {"index": 50, "event_id": ids[0], "status": "duplicate"}]


def test_the_good_events_of_a_mixed_array_are_durable(platform: Platform, event: dict[str, Any]) -> None:
    large = event | {"event_id": str(uuid.uuid4()), "payload": "x" * EVENT_BYTES}
    answer = post(platform, [{"a": 1}, event, large])
    assert answer.status == 207
    bad, good, too_large = answer.json()["results"]
    assert (bad["index"], bad["status"], bad["code"]) == (0, "rejected", 400)
    assert "timestamp" in bad["reason"]
    assert good == {"index": 1, "event_id": event["event_id"], "status": "accepted"}
    assert (too_large["status"], too_large["code"]) == ("rejected", 413)
    assert post(platform, event).json()["status"] == "duplicate"


@pytest.mark.parametrize(
    ("body", "position"),
    [(b"", 0), (b"{", 1), (b"nonsense", None), (b"7", 0), (b"[]", 0), (b'{"a":"\xff"}', 6), (b"[" * 100_000, 0)],
)
def test_what_is_no_event_is_400_with_its_position(platform: Platform, body: bytes, position: int | None) -> None:
    answer = post(platform, body)
    assert answer.status == 400
    assert set(answer.json()) == {"error", "position"}
    assert position is None or answer.json()["position"] == position


def test_a_bad_field_is_400_with_its_path(platform: Platform, event: dict[str, Any]) -> None:
    answer = post(platform, event | {"alert": event["alert"] | {"severity": 0}})
    assert (answer.status, answer.json()["position"]) == (400, "alert.severity")


@pytest.mark.parametrize("field", ["host", "unknown_field", "proto"])
def test_nul_is_refused_with_a_reason(platform: Platform, event: dict[str, Any], field: str) -> None:
    answer = post(platform, event | {field: "a\0b"})
    assert answer.status == 400
    assert "NUL" in answer.json()["error"]


def test_an_array_without_a_good_event_is_400(platform: Platform) -> None:
    answer = post(platform, [{}, 1])
    assert answer.status == 400
    assert [item["code"] for item in answer.json()["results"]] == [400, 400]


def test_limits_of_size(platform: Platform, event: dict[str, Any]) -> None:
    room = EVENT_BYTES - len(json.dumps(event | {"payload": ""}))
    fits = post(platform, event | {"payload": "x" * room})
    too_large = post(platform, event | {"payload": "x" * (room + 1)})
    too_many = post(platform, [event] * 1001)
    assert fits.status == 202
    assert (too_large.status, too_large.json()["limit"]) == (413, EVENT_BYTES)
    assert too_large.json()["actual"] == EVENT_BYTES + 1
    assert (too_many.status, too_many.json()["limit"], too_many.json()["actual"]) == (413, 1000, 1001)


def test_nothing_of_an_array_of_too_many_is_stored(platform: Platform, event: dict[str, Any]) -> None:
    assert post(platform, [event] * 1001).status == 413
    assert post(platform, event).json()["status"] == "accepted"


def test_one_id_at_once_over_all_replicas_is_accepted_once(platform: Platform, event: dict[str, Any]) -> None:
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: post(platform, event).json()["status"], range(96)))
    assert sorted(answers) == ["accepted"] + ["duplicate"] * 95
    until(lambda: platform.all_handled("events", {event["event_id"]}))
    assert platform.handled("events")[event["event_id"]]["received"] == 1
    assert platform.handled("events")[event["event_id"]]["assessed"] == 1


def test_the_description_is_the_one_in_docs(platform: Platform) -> None:
    served = call(f"{platform.base_url}/openapi.json")
    kept = (ROOT / "docs/openapi.json").read_bytes()
    assert served.body == kept, "python -m phantommesh.automation.openapi > docs/openapi.json"


def test_every_answer_is_described(platform: Platform) -> None:
    documented = call(f"{platform.base_url}/openapi.json").json()["paths"]["/v1/events"]["post"]["responses"]
    assert {202, 207, 400, 413} <= seen, "this test comes last and looks at what the others saw"
    assert {str(status) for status in seen} <= set(documented)


def test_unknown_paths_and_methods(platform: Platform) -> None:
    assert call(f"{platform.base_url}/v1/nothing").status == 404
    wrong = call(f"{platform.base_url}/v1/events")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
