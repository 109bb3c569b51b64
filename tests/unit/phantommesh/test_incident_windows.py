"""Which incident an observation joins, as far as a replica knows."""

import uuid
from typing import Any

from phantommesh.automation import incident_windows
from phantommesh.automation.events import Alert, Observation
from phantommesh.automation.incident_windows import IncidentWindows

WINDOW_NS = 300_000_000_000
OPENED_NS = 10**18


def observation(received_at_ns: int = OPENED_NS, **changed: Any) -> Observation:
    fields = {"src_ip": "192.0.2.1", "dest_ip": "192.0.2.2", "alert": Alert(7, "s", "c", 2)} | changed
    return Observation(uuid.uuid4(), "here", dest_port=None, received_at_ns=received_at_ns, body=b"{}", **fields)


def test_nothing_is_known_at_first() -> None:
    assert IncidentWindows(WINDOW_NS).find(observation()) is None


def test_what_is_alike_joins_until_the_window_ends() -> None:
    windows, incident = IncidentWindows(WINDOW_NS), uuid.uuid4()
    windows.learn(observation(), incident, OPENED_NS, remedied=False)
    last = windows.find(observation(OPENED_NS + WINDOW_NS))
    assert last is not None
    assert last.incident_id == incident
    assert windows.find(observation(OPENED_NS + WINDOW_NS + 1)) is None


def test_another_source_target_or_signature_is_another_matter() -> None:
    windows = IncidentWindows(WINDOW_NS)
    windows.learn(observation(), uuid.uuid4(), OPENED_NS, remedied=False)
    for other in ({"src_ip": "192.0.2.9"}, {"dest_ip": "192.0.2.9"}, {"alert": Alert(8, "s", "c", 2)}):
        assert windows.find(observation(**other)) is None


def test_that_a_remediation_was_asked_for_is_kept_for_the_incident_and_not_beyond() -> None:
    windows, incident = IncidentWindows(WINDOW_NS), uuid.uuid4()
    windows.learn(observation(), incident, OPENED_NS, remedied=True)
    windows.learn(observation(), incident, OPENED_NS, remedied=False)
    known = windows.find(observation())
    assert known is not None
    assert known.remedied
    windows.learn(observation(), uuid.uuid4(), OPENED_NS, remedied=False)
    known = windows.find(observation())
    assert known is not None
    assert not known.remedied


def test_the_oldest_is_forgotten_when_there_are_too_many(monkeypatch: Any) -> None:
    monkeypatch.setattr(incident_windows, "MAX_KNOWN", 3)
    windows = IncidentWindows(WINDOW_NS)
    for last in range(5):
        windows.learn(observation(src_ip=f"192.0.2.{last}"), uuid.uuid4(), OPENED_NS, remedied=False)
    assert [windows.find(observation(src_ip=f"192.0.2.{last}")) is not None for last in range(5)] == [
        False, False, True, True, True,
    ]  # fmt: skip


def test_a_new_session_with_the_database_begins_with_nothing() -> None:
    windows = IncidentWindows(WINDOW_NS)
    windows.learn(observation(), uuid.uuid4(), OPENED_NS, remedied=False)
    windows.forget()
    assert windows.find(observation()) is None
