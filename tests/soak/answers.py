"""What docs/platform-api.md says of every answer to POST /v1/events, checked against an answer."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from soak.mutation import ALERT_REQUIRED, REQUIRED

MOST_HOST_CHARACTERS = 200


@dataclass(frozen=True)
class HttpAnswer:
    """An answer; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def check_answer(answer: HttpAnswer, many: int | None) -> list[dict[str, Any]]:
    """Raise AssertionError unless the answer is one that is documented; many: how many events the array held, None when
    the body was no array. Returns the results of an array's events, if there are any."""
    assert answer.status in (202, 207, 400, 413, 429), f"{answer.status}: {answer.body[:300]!r}"
    assert answer.headers.get("content-type") == "application/json"
    document = json.loads(answer.body)
    keys = set(document)
    if answer.status == 429:
        assert keys == {"error"}
        assert int(answer.headers["retry-after"]) >= 1
    elif answer.status == 413:
        assert keys == {"error", "limit", "actual"}
        assert document["actual"] > document["limit"]
    elif answer.status == 400:
        assert keys in ({"error", "position"}, {"error", "results"}), keys
        assert isinstance(document["error"], str)
        assert isinstance(document.get("position", 0), int | str)
    elif many is None:
        _check_good(document, {"event_id", "status"})
    else:
        assert keys == {"results"}
    results: list[dict[str, Any]] = document.get("results", [])
    if results:
        _check_results(results, answer.status, many)
    return results


def _check_results(results: list[dict[str, Any]], status: int, many: int | None) -> None:
    assert [item["index"] for item in results] == list(range(len(results)))
    assert many is None or len(results) == many
    rejected = [item for item in results if item["status"] == "rejected"]
    for item in results:
        if item["status"] == "rejected":
            assert set(item) == {"index", "status", "code", "reason"}
            assert item["code"] in (400, 413)
            assert item["reason"]
        else:
            _check_good(item, {"index", "event_id", "status"})
    assert status == (202 if not rejected else 400 if len(rejected) == len(results) else 207)


def _check_good(item: dict[str, Any], keys: set[str]) -> None:
    assert set(item) == keys
    assert item["status"] in ("accepted", "duplicate")
    assert str(uuid.UUID(item["event_id"])) == item["event_id"]


def surely_bad(event: Any) -> bool:
    """Whether an event breaks a rule about which there can be no two opinions."""
    if not isinstance(event, dict) or any(name not in event for name in REQUIRED):
        return True
    texts = [event[name] for name in ("timestamp", "src_ip", "dest_ip", "proto")] + [
        event.get("host", ""),
        event.get("event_id", ""),
    ]
    if event["event_type"] != "alert" or not all(isinstance(text, str) for text in texts):
        return True
    alert = event["alert"]
    if len(event.get("host", "")) > MOST_HOST_CHARACTERS or not isinstance(alert, dict):
        return True
    if any(name not in alert for name in ALERT_REQUIRED) or not isinstance(alert["signature"], str):
        return True
    return (
        not isinstance(alert["category"], str)
        or _no_number(alert["signature_id"], 0, 2**63 - 1)
        or _no_number(alert["severity"], 1, 255)
    )


def _no_number(value: Any, least: int, most: int) -> bool:
    return isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most
