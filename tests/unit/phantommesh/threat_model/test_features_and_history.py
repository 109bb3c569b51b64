"""What a model sees of an event, and which hours an event may see."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phantommesh.automation.events import Observation, observe
from phantommesh.threat_model.features import FEATURES, MAX_TEXT, features
from phantommesh.threat_model.history import (
    HOUR_NS,
    NO_HISTORY,
    NO_VERSION,
    NOTHING,
    USE_AFTER_NS,
    AddressHistory,
    Alerted,
    History,
    KnownHours,
    address_hours,
    last_ended_hour,
    version_for,
    wanted_version,
)
from recorded_alerts import drawn_alerts

HOUR = 490_000
BODY = drawn_alerts(1)[0]


def event(**changes: object) -> Observation:
    document = json.loads(BODY)
    alert = {name: changes.pop(name) for name in list(changes) if name in document["alert"]}
    document |= changes
    document["alert"] |= alert
    return observe(json.dumps(document).encode(), 0)


def value(name: str, of: Observation, history: History = NO_HISTORY) -> float:
    return features(of, history)[FEATURES.index(name)]


def test_names_are_distinct_and_each_has_a_finite_value(events: list[Observation]) -> None:
    assert len(set(FEATURES)) == len(FEATURES)
    for one in events:
        found = features(one, NO_HISTORY)
        assert len(found) == len(FEATURES)
        assert all(math.isfinite(number) for number in found)


@settings(deadline=None)
@given(
    st.integers(1, 255),
    st.text(max_size=400),
    st.text(max_size=400),
    st.none() | st.integers(-(2**63), 2**63),
)
def test_whatever_a_sensor_writes_becomes_finite_numbers(
    severity: int, signature: str, category: str, port: int | None
) -> None:
    one = event()
    one.alert.severity, one.alert.signature, one.alert.category, one.dest_port = severity, signature, category, port
    assert all(math.isfinite(number) for number in features(one, NO_HISTORY))


def test_what_the_alert_says_is_in_the_features() -> None:
    assert value("severity", event(severity=3)) == 3.0
    assert value("blocked", event(action="blocked")) == 1.0
    assert value("sensitive_port", event(dest_port=445)) == 1.0
    assert value("sensitive_port", event(dest_port=8080)) == 0.0
    assert (value("src_inside", event(src_ip="10.1.2.3")), value("src_inside", event(src_ip="8.8.8.8"))) == (1.0, 0.0)
    assert value("signature_words", event(signature="ET TROJAN Zeus 2015")) == 3.0
    assert value("signature_numbers", event(signature="MS08-067 attempt")) == 2.0


def test_the_words_of_a_signature_count_in_any_case_and_order() -> None:
    assert features(event(signature="Zeus CnC"), NO_HISTORY) == features(event(signature="cnc zeus"), NO_HISTORY)
    assert features(event(signature="Zeus CnC"), NO_HISTORY) != features(event(signature="Zeus Proxy"), NO_HISTORY)


def test_a_text_is_read_up_to_a_limit() -> None:
    long = "word " * 100
    assert features(event(signature=long), NO_HISTORY) == features(event(signature=long[:MAX_TEXT]), NO_HISTORY)


def test_another_process_computes_the_same(tmp_path: Path) -> None:
    """Python's own hash differs from process to process; ours must not."""
    (tmp_path / "body").write_bytes(BODY)
    program = (
        "import pathlib, sys; from phantommesh.automation.events import observe;"
        "from phantommesh.threat_model.features import features;"
        "from phantommesh.threat_model.history import NO_HISTORY;"
        "print(features(observe(pathlib.Path(sys.argv[1]).read_bytes(), 0), NO_HISTORY))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "body")], env={"PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2") for path in [str(Path(__file__).parents[4] / "include")]
    ]  # fmt: skip
    assert runs[0] == runs[1] == f"{features(observe(BODY, 0), NO_HISTORY)}\n"


def test_both_histories_are_in_the_features() -> None:
    history = History(HOUR, AddressHistory(1, 2, 3, 4, 5, 6.5), AddressHistory(7, 8, 9, 10, 11, 2.5))
    assert (value("src_sent_day", event(), history), value("src_worst_risk", event(), history)) == (2.0, 6.5)
    assert (value("dest_received_hour", event(), history), value("dest_signatures", event(), history)) == (9.0, 11.0)


def test_an_event_sees_an_hour_from_a_minute_after_its_end() -> None:
    end_ns = (HOUR + 1) * HOUR_NS
    assert wanted_version(end_ns + USE_AFTER_NS) == HOUR
    assert wanted_version(end_ns + USE_AFTER_NS - 1) == HOUR - 1


@settings(deadline=None)
@given(st.integers(10**18, 2 * 10**18))
def test_an_hour_is_closed_before_any_event_wants_it(now_ns: int) -> None:
    assert wanted_version(now_ns) <= last_ended_hour(now_ns)
    assert (wanted_version(now_ns) + 1) * HOUR_NS < now_ns


def test_an_hour_that_nobody_closed_is_passed_over() -> None:
    wanted_at_ns = (HOUR + 1) * HOUR_NS + USE_AFTER_NS
    assert version_for(wanted_at_ns, (HOUR - 3, HOUR, HOUR + 1)) == HOUR
    assert version_for(wanted_at_ns, (HOUR - 3, HOUR + 1)) == HOUR - 3
    assert version_for(wanted_at_ns, (HOUR + 1,)) == NO_VERSION
    assert version_for(wanted_at_ns, ()) == NO_VERSION


def alerted(hour: int, src: str, dest: str, signature_id: int = 1, risk: float = 1.0) -> Alerted:
    return Alerted(hour * HOUR_NS + 5, src, dest, signature_id, risk)


@pytest.fixture(scope="module")
def known() -> KnownHours:
    return KnownHours(address_hours([
        alerted(HOUR, "a", "b", 1, 2.0), alerted(HOUR, "a", "b", 2, 3.0), alerted(HOUR, "b", "a", 2, 1.0),
        alerted(HOUR - 1, "a", "c", 3, 9.0), alerted(HOUR - 23, "a", "c", 3, 4.0),
        alerted(HOUR - 24, "a", "c", 3, 10.0), alerted(HOUR + 1, "a", "b", 4, 10.0),
    ]))  # fmt: skip


def test_a_history_counts_the_hours_of_its_version_and_no_other(known: KnownHours) -> None:
    history = known.of_event((HOUR + 1) * HOUR_NS + USE_AFTER_NS, "a", "c")
    assert history == History(
        HOUR,
        AddressHistory(sent_hour=2, sent_day=4, received_hour=1, received_day=1, signatures=2, worst_risk=9.0),
        AddressHistory(sent_hour=0, sent_day=0, received_hour=0, received_day=2, signatures=1, worst_risk=9.0),
    )


def test_who_was_not_seen_has_no_history(known: KnownHours) -> None:
    assert known.of_event((HOUR + 1) * HOUR_NS + USE_AFTER_NS, "x", "y")[1:] == (NOTHING, NOTHING)
