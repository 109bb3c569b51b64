"""The ledger names exactly the events that were planted as lost, unexpected, undelivered or duplicated."""

import time
from dataclasses import replace

import numpy as np
import pytest
from planted_faults import (
    some_events,
    with_duplicate_deliveries,
    with_errors,
    with_unknown_events,
    without_audit,
    without_deliveries,
)
from readiness.analysis.ledger import ledger
from readiness.model.dataset import ScenarioEvidence
from readiness.model.ledger import Discrepancy
from synthetic_evidence import steady_evidence


@pytest.fixture(scope="module")
def clean() -> ScenarioEvidence:
    return steady_evidence()


def test_clean_evidence_balances(clean: ScenarioEvidence) -> None:
    found = ledger(clean)
    n = len(clean.requests)
    assert [found.count(flag) for flag in ("attempted", "acknowledged", "persisted", "assessed")] == [n] * 4
    assert found.due == found.delivered == len(clean.deliveries)
    assert found.count("alerted") == clean.deliveries["event_id"].nunique()
    assert found.summary().sets == ()


def test_events_that_the_audit_trail_lacks_are_lost_by_name(clean: ScenarioEvidence) -> None:
    ids = some_events(clean, 7)
    assert ledger(without_audit(clean, ids)).names(Discrepancy.LOST) == tuple(sorted(ids))


def test_an_event_lost_in_the_warm_up_counts_as_well(clean: ScenarioEvidence) -> None:
    first = str(clean.requests["event_id"].iloc[0])
    assert clean.requests["phase"].iloc[0] == "warmup"
    assert ledger(without_audit(clean, [first])).names(Discrepancy.LOST) == (first,)


def test_events_without_an_assessment_are_unassessed_not_lost(clean: ScenarioEvidence) -> None:
    ids = some_events(clean, 3)
    found = ledger(without_audit(clean, ids, ("assessed",)))
    assert found.names(Discrepancy.UNASSESSED) == tuple(sorted(ids))
    assert found.names(Discrepancy.LOST) == ()


def test_events_that_nobody_sent_are_unexpected(clean: ScenarioEvidence) -> None:
    found = ledger(with_unknown_events(clean, 4))
    assert len(found.names(Discrepancy.UNEXPECTED)) == 4
    assert all(name.startswith("ffffffff") for name in found.names(Discrepancy.UNEXPECTED))
    assert found.names(Discrepancy.LOST) == ()


def test_undelivered_alerts_are_named_with_their_channel(clean: ScenarioEvidence) -> None:
    ids = some_events(clean, 5, due=True)
    rows = clean.deliveries[clean.deliveries["event_id"].isin(ids)]
    planted = sorted(zip(rows["event_id"], rows["channel"], strict=True))
    assert ledger(without_deliveries(clean, ids)).entries(Discrepancy.UNDELIVERED) == tuple(planted)


def test_one_missing_channel_of_several_is_found(clean: ScenarioEvidence) -> None:
    gone = clean.deliveries.index[clean.deliveries["channel"] == "pagerduty"][0]
    event = str(clean.deliveries.loc[gone, "event_id"])
    found = ledger(replace(clean, deliveries=clean.deliveries.drop(index=gone)))
    assert found.entries(Discrepancy.UNDELIVERED) == ((event, "pagerduty"),)


def test_alerts_delivered_twice_are_duplicated(clean: ScenarioEvidence) -> None:
    ids = some_events(clean, 5, due=True)
    rows = clean.deliveries[clean.deliveries["event_id"].isin(ids)]
    planted = sorted(zip(rows["event_id"], rows["channel"], strict=True))
    found = ledger(with_duplicate_deliveries(clean, ids))
    assert found.entries(Discrepancy.DUPLICATED) == tuple(planted)
    assert found.entries(Discrepancy.UNDELIVERED) == ()


def test_an_alert_to_a_channel_that_it_was_not_due_to_is_misrouted(clean: ScenarioEvidence) -> None:
    deliveries = clean.deliveries.copy()
    deliveries.loc[0, "channel"] = "sms"
    found = ledger(replace(clean, deliveries=deliveries))
    event = str(deliveries.loc[0, "event_id"])
    assert found.entries(Discrepancy.MISROUTED) == ((event, "sms"),)
    assert found.entries(Discrepancy.DUPLICATED) == ()
    assert found.entries(Discrepancy.UNDELIVERED) == ((event, str(clean.deliveries.loc[0, "channel"])),)


def test_refused_events_are_neither_acknowledged_nor_lost(clean: ScenarioEvidence) -> None:
    found = ledger(with_errors(clean, some_events(clean, 6), status=429))
    assert found.count("acknowledged") == len(clean.requests) - 6
    assert found.names(Discrepancy.LOST) == found.names(Discrepancy.INDETERMINATE) == ()


def test_events_without_an_answer_are_indeterminate_whether_persisted_or_not(clean: ScenarioEvidence) -> None:
    ids = some_events(clean, 6)
    silent = with_errors(clean, ids, status=0)
    for evidence in (silent, replace(silent, audit=clean.audit, deliveries=clean.deliveries)):
        found = ledger(evidence)
        assert found.names(Discrepancy.INDETERMINATE) == tuple(sorted(ids))
        assert {item.discrepancy for item in found.summary().sets} == {Discrepancy.INDETERMINATE}


def test_an_event_that_never_left_the_generator_is_unexpected_if_persisted(clean: ScenarioEvidence) -> None:
    ids = some_events(clean, 2)
    silent = with_errors(clean, ids, status=0)
    requests = silent.requests.copy()
    requests.loc[requests["event_id"].isin(ids), "error"] = "no_connection"
    found = ledger(replace(silent, requests=requests, audit=clean.audit, deliveries=clean.deliveries))
    assert found.names(Discrepancy.UNEXPECTED) == tuple(sorted(ids))


def test_the_order_of_the_rows_does_not_matter(clean: ScenarioEvidence) -> None:
    faulty = with_duplicate_deliveries(without_audit(clean, some_events(clean, 3)), some_events(clean, 4, due=True))
    mixed = replace(
        faulty,
        requests=faulty.requests.sample(frac=1, random_state=1),
        audit=faulty.audit.sample(frac=1, random_state=2),
        deliveries=faulty.deliveries.sample(frac=1, random_state=3),
    )
    assert ledger(mixed).summary() == ledger(faulty).summary()
    assert ledger(mixed).table() == ledger(faulty).table()


def test_nothing_at_all_is_an_empty_ledger(clean: ScenarioEvidence) -> None:
    frames = {name: getattr(clean, name).iloc[:0] for name in ("requests", "audit", "deliveries")}
    found = ledger(replace(clean, **frames))
    assert (found.count("attempted"), found.count("persisted"), found.due, found.delivered) == (0, 0, 0, 0)


def test_a_hundred_thousand_events_take_seconds() -> None:
    evidence = steady_evidence(rate_per_s=2500, warmup_s=2, measure_s=38)
    evidence = without_audit(evidence, some_events(evidence, 100))
    start_s = time.process_time()
    found = ledger(evidence)
    assert time.process_time() - start_s < 10
    assert np.all([len(found.names(Discrepancy.LOST)) == 100, found.count("attempted") == 100_000])
