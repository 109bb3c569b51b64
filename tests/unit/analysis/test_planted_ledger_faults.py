"""Faults of a platform, planted one at a time: each is counted by its own metric, and named by the ledger."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_faults import recounted, some_events, with_duplicate_deliveries, with_errors, without_audit
from readiness.analysis.ledger import ledger
from readiness.analysis.measure import measure
from readiness.checks.completeness import Expected
from readiness.checks.data_checks import check_completeness
from readiness.model.dataset import DATASETS, PROBES, ScenarioEvidence
from readiness.model.ledger import SHOWN_IDS, Discrepancy
from readiness.model.verdict import Verdict
from synthetic_evidence import COMPONENTS, MS, WITH_METRICS, S, source_of, steady_evidence

LEDGER_METRICS = (
    "events_lost", "events_unexpected", "events_acknowledged_early", "alerts_undelivered", "alerts_duplicated",
    "alerts_misrouted", "remediated_twice",
)  # fmt: skip


@pytest.fixture(scope="module")
def clean() -> ScenarioEvidence:
    return steady_evidence()


@pytest.fixture(scope="module")
def ten_thousand() -> ScenarioEvidence:
    return steady_evidence(rate_per_s=250, warmup_s=4, measure_s=36)


def counts(evidence: ScenarioEvidence) -> dict[str, float]:
    """The ledger's metrics that are not 0."""
    found = {name: measure(name, None, 0.95, evidence).value for name in LEDGER_METRICS}
    return {name: value for name, value in found.items() if value is None or value > 0}


def with_lines(evidence: ScenarioEvidence, lines: list[dict[str, object]]) -> ScenarioEvidence:
    """More lines in the audit trail, each written like its first one but for these columns."""
    like = evidence.audit.iloc[[0] * len(lines)].assign(level="", risk=np.nan, due="", channel="", delivery_id="")
    like = like.assign(seq=np.arange(len(lines)) + evidence.audit["seq"].max() + 1)
    rows = like.assign(**{name: [line[name] for line in lines] for name in lines[0]})
    audit = pd.concat([evidence.audit, rows], ignore_index=True).astype(DATASETS["collect/audit.parquet"])
    return recounted(replace(evidence, audit=audit))


def with_remediated(evidence: ScenarioEvidence, incidents: list[str]) -> ScenarioEvidence:
    """A ``remediated`` line for each of these incidents, of the same number of events that opened one."""
    openers = evidence.audit.loc[evidence.audit["action"] == "incident_opened", "event_id"].tolist()
    event_of = {incident: openers[k] for k, incident in enumerate(dict.fromkeys(incidents))}
    lines: list[dict[str, object]] = [
        {"action": "remediated", "event_id": event_of[one], "detail": json.dumps({"incident_id": one})}
        for one in incidents
    ]
    return with_lines(evidence, lines)


def with_probes(evidence: ScenarioEvidence, statuses: list[int]) -> ScenarioEvidence:
    """Write probes with these answers (0: none), one read probe, and the trail of those answered with success."""
    start_ns = evidence.clock.phase("measure").start_ns
    sent = start_ns + np.arange(len(statuses)) * 10 * MS
    ids = [f"aaaaaaaa-0000-5000-8000-{k:012x}" for k in range(len(statuses))]
    rows = pd.DataFrame({
        "seq": np.arange(len(statuses)), "path": "write", "connection": "new", "intended_ns": sent, "sent_ns": sent,
        "done_ns": [at + 2 * MS if status else None for at, status in zip(sent, statuses, strict=True)],
        "status": statuses, "error": ["" if status else "timeout" for status in statuses], "event_id": ids,
    })  # fmt: skip
    read = rows.iloc[:1].assign(path="read", event_id="", seq=len(rows))
    lines: list[dict[str, object]] = [
        {"action": action, "event_id": ids[k], "at_ns": int(sent[k]) + MS, "source": source_of() + "/probe"}
        for k, status in enumerate(statuses) if status == 202 for action in ("received", "assessed")
    ]  # fmt: skip
    return replace(with_lines(evidence, lines), probes=pd.concat([rows, read], ignore_index=True).astype(PROBES))


def test_nothing_is_wrong_with_clean_evidence(clean: ScenarioEvidence) -> None:
    assert counts(clean) == {}


def test_one_lost_event_of_ten_thousand_is_found(ten_thousand: ScenarioEvidence) -> None:
    (lost,) = some_events(ten_thousand, 1)
    assert len(ten_thousand.requests) == 10_000
    faulty = without_audit(ten_thousand, [lost])
    assert counts(faulty)["events_lost"] == 1
    assert ledger(faulty).names(Discrepancy.LOST) == (lost,)


def test_events_in_flight_when_a_replica_died_are_lost_only_where_they_were_acknowledged(
    clean: ScenarioEvidence,
) -> None:
    kill_ns = clean.clock.phase("measure").start_ns + 10 * S
    in_flight = clean.requests["intended_ns"].between(kill_ns, kill_ns + S)
    ids = clean.requests.loc[in_flight, "event_id"].tolist()
    silent = with_errors(clean, ids[::2], status=0)
    faulty = without_audit(silent, ids)
    found = ledger(faulty)
    assert found.names(Discrepancy.LOST) == tuple(sorted(ids[1::2]))
    assert found.names(Discrepancy.INDETERMINATE) == tuple(sorted(ids[::2]))


def test_one_alert_twice(clean: ScenarioEvidence) -> None:
    row = clean.deliveries.iloc[[7]].assign(received_at_ns=clean.deliveries["received_at_ns"].iloc[7] + MS)
    twice = recounted(replace(clean, deliveries=pd.concat([clean.deliveries, row], ignore_index=True)))
    assert counts(twice) == {"alerts_duplicated": 1}
    assert ledger(twice).entries(Discrepancy.DUPLICATED) == ((row["event_id"].iloc[0], row["channel"].iloc[0]),)


def test_an_alert_at_the_wrong_channel_is_misrouted_and_missing_where_it_belongs(clean: ScenarioEvidence) -> None:
    deliveries = clean.deliveries.copy()
    deliveries.loc[0, "channel"] = "sms"
    wrong = replace(clean, deliveries=deliveries)
    assert counts(wrong) == {"alerts_misrouted": 1, "alerts_undelivered": 1}


def test_an_incident_remediated_twice_is_counted_once_and_named(clean: ScenarioEvidence) -> None:
    once = with_remediated(clean, ["one", "two", "three"])
    assert counts(once) == {}
    assert "3 incidents were remediated" in measure("remediated_twice", None, 0.95, once).note
    twice = with_remediated(clean, ["one", "two", "three", "two"])
    assert counts(twice) == {"remediated_twice": 1}
    assert len(ledger(twice).names(Discrepancy.REMEDIATED_TWICE)) == 1


def test_without_incidents_in_the_trail_nothing_is_said_of_remediation(clean: ScenarioEvidence) -> None:
    of_incidents = clean.audit["action"].isin(["incident_opened", "incident_joined"])
    bare = replace(clean, audit=clean.audit[~of_incidents].reset_index(drop=True))
    found = measure("remediated_twice", None, 0.95, bare)
    assert found.value is None
    assert "no incident" in found.note


def test_an_event_stored_after_the_deadline_is_lost(clean: ScenarioEvidence) -> None:
    """The final read ends at its deadline; what the platform stores later is not in it."""
    late = some_events(clean, 2)
    assert counts(without_audit(clean, late, None))["events_lost"] == 2


def test_an_event_acknowledged_before_it_was_stored_is_found_also_if_nothing_is_lost(clean: ScenarioEvidence) -> None:
    ids, audit = some_events(clean, 3), clean.audit.copy()
    audit.loc[audit["event_id"].isin(ids) & (audit["action"] == "received"), "at_ns"] += 50 * MS
    assert counts(replace(clean, audit=audit)) == {"events_acknowledged_early": 3}
    unsure = replace(clean, audit=audit, collect=clean.collect | {"clock": {"offset_ns": 0, "uncertainty_ns": S}})
    assert counts(unsure) == {}


def test_an_escalation_s_alert_is_due_once_more(clean: ScenarioEvidence) -> None:
    event = clean.deliveries.loc[clean.deliveries["channel"] == "pagerduty", "event_id"].iloc[0]
    escalated = with_lines(clean, [{"action": "incident_escalated", "event_id": event, "detail": "{}"}])
    like = clean.deliveries[clean.deliveries["event_id"] == event].iloc[[0]]
    more = [like.assign(channel=channel) for channel in ("pagerduty", "sms")]
    good = replace(escalated, deliveries=pd.concat([clean.deliveries, *more], ignore_index=True))
    assert counts(good) == {}
    again = replace(good, deliveries=pd.concat([good.deliveries, *more], ignore_index=True))
    assert counts(again) == {"alerts_duplicated": 2}


def test_retries_of_one_event_are_one_event(clean: ScenarioEvidence) -> None:
    first = clean.requests.iloc[[100, 101]].assign(done_ns=pd.NA, status=0, error="timeout")
    retried = replace(
        clean, requests=pd.concat([first, clean.requests], ignore_index=True).astype(clean.requests.dtypes)
    )
    found = ledger(retried)
    assert found.count("attempted") == found.count("acknowledged") == len(clean.requests)
    assert found.summary().sets == ()
    lost = ledger(without_audit(retried, first["event_id"].tolist()))
    assert len(lost.names(Discrepancy.LOST)) == 2


def test_probes_take_part(clean: ScenarioEvidence) -> None:
    probed = with_probes(clean, [202] * 5 + [503, 0])
    found = ledger(probed)
    assert counts(probed) == {}
    assert found.probes == 7
    assert found.count("acknowledged") == len(clean.requests) + 5
    assert found.names(Discrepancy.INDETERMINATE) == ("aaaaaaaa-0000-5000-8000-000000000006",)
    lost = without_audit(probed, ["aaaaaaaa-0000-5000-8000-000000000002"])
    assert counts(lost) == {"events_lost": 1}
    unprobed = replace(probed, probes=None)
    assert counts(unprobed)["events_unexpected"] == 5


def verdicts_of(evidence: ScenarioEvidence, source: str = source_of()) -> dict[str, str]:
    found = check_completeness(evidence, Expected(5.0, COMPONENTS, WITH_METRICS, source))
    return {f"{item.dataset}: {item.check}": item.observed for item in found if item.verdict is not Verdict.PASS}


def test_the_probes_source_is_legal_only_where_there_are_probes(clean: ScenarioEvidence) -> None:
    probed = with_probes(clean, [202] * 3)
    assert not [name for name in verdicts_of(probed) if "one source" in name]
    assert [name for name in verdicts_of(replace(probed, probes=None)) if "one source" in name]


@pytest.mark.parametrize("announced", [True, False])
def test_half_an_audit_trail_is_no_evidence(clean: ScenarioEvidence, announced: bool) -> None:
    half = without_audit(clean, clean.requests["event_id"].tolist()[::2])
    if not announced:
        half = replace(half, collect=half.collect | {"audit": {"complete": True, "count": len(clean.audit)}})
    named = verdicts_of(half)
    assert any("knows what was delivered" in name for name in named)
    assert any("read to the end" in name for name in named) is not announced


def test_a_ledger_of_everything_lost_shows_the_first_thousand_and_keeps_all(ten_thousand: ScenarioEvidence) -> None:
    nothing = replace(ten_thousand, audit=ten_thousand.audit.iloc[:0])
    found = ledger(nothing)
    sets = {item.discrepancy: item for item in found.summary().sets}
    assert sets[Discrepancy.LOST].count == 10_000
    assert len(sets[Discrepancy.LOST].first) == SHOWN_IDS
    table = found.table().to_pandas()
    assert (table["discrepancy"] == "lost").sum() == 10_000
    assert set(table["event_id"]) == set(ten_thousand.requests["event_id"])
    assert not table["persisted"].any()


@pytest.mark.parametrize(
    "plant",
    [
        lambda e: without_audit(e, some_events(e, 1)),
        lambda e: with_duplicate_deliveries(e, some_events(e, 1, due=True)),
        lambda e: with_errors(e, some_events(e, 1), status=0),
    ],
)
def test_the_digest_tells_ledgers_apart(
    clean: ScenarioEvidence, plant: Callable[[ScenarioEvidence], ScenarioEvidence]
) -> None:
    assert ledger(plant(clean)).digest() != ledger(clean).digest()
    assert ledger(plant(clean)).digest() == ledger(plant(clean)).digest()


def test_ids_that_are_no_uuids_are_kept_as_they_are(clean: ScenarioEvidence) -> None:
    odd = ["", "x" * 36, "not a uuid", "AAAAAAAA-0000-5000-8000-000000000001"]
    lines: list[dict[str, object]] = [{"action": "received", "event_id": name} for name in odd]
    assert ledger(with_lines(clean, lines)).names(Discrepancy.UNEXPECTED) == tuple(sorted(odd))


def test_an_empty_ledger_has_a_summary_and_a_table(clean: ScenarioEvidence) -> None:
    frames = {name: getattr(clean, name).iloc[:0] for name in ("requests", "audit", "deliveries")}
    found = ledger(replace(clean, **frames))
    assert found.summary().counts["attempted"] == 0
    assert list(found.pieces()) == []
