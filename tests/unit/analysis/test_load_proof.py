"""Load is proven or the run says nothing."""

from dataclasses import replace

import pandas as pd
import pytest
from planted_faults import some_events, with_errors, with_generator_lag
from readiness.analysis.load_proof import prove_load
from readiness.model.dataset import ScenarioEvidence
from synthetic_evidence import S, steady_evidence


@pytest.fixture(scope="module")
def clean() -> ScenarioEvidence:
    return steady_evidence()


def without_rows(evidence: ScenarioEvidence, ids: list[str]) -> ScenarioEvidence:
    return replace(evidence, requests=evidence.requests[~evidence.requests["event_id"].isin(ids)])


def test_clean_load_is_proven(clean: ScenarioEvidence) -> None:
    proof = prove_load(clean, 20)
    assert proof.valid
    assert (proof.scheduled, proof.sent, proof.slices, proof.invalid_slices) == (600, 600, 30, ())
    assert proof.achieved_per_s == pytest.approx(20)
    assert proof.lag_p99_ms is not None
    assert proof.lag_p99_ms < 2


def test_a_late_second_is_named_and_spoils_a_short_load(clean: ScenarioEvidence) -> None:
    proof = prove_load(with_generator_lag(clean, 12, lag_ms=10.1), 20)
    assert proof.invalid_slices == (clean.clock.phase("measure").start_ns + 12 * S,)
    assert not proof.valid
    assert "seconds 12 of the measured phase" in proof.reasons[0]


@pytest.mark.parametrize(("lag_ns", "valid"), [(10_000_000, True), (10_000_001, False)])
def test_ten_milliseconds_are_on_time_and_no_more(clean: ScenarioEvidence, lag_ns: int, valid: bool) -> None:
    requests = clean.requests.assign(sent_ns=clean.requests["intended_ns"] + lag_ns)
    assert prove_load(replace(clean, requests=requests), 20).valid is valid


@pytest.mark.parametrize(("late", "valid"), [(2, True), (3, False)])
def test_one_per_cent_of_the_slices_may_be_late(late: int, valid: bool) -> None:
    evidence = steady_evidence(measure_s=200, replicas=1)
    for second in range(late):
        evidence = with_generator_lag(evidence, 50 + second)
    proof = prove_load(evidence, 20)
    assert (len(proof.invalid_slices), proof.valid) == (late, valid)


def test_one_late_arrival_in_a_hundred_is_allowed_in_a_slice_and_two_are_not() -> None:
    evidence = steady_evidence(rate_per_s=100, measure_s=10, replicas=1)
    second = (evidence.requests["intended_ns"] - evidence.clock.phase("measure").start_ns) // S
    in_fullest = second == second[second >= 0].value_counts().idxmax()
    inside = evidence.requests.index[in_fullest]
    assert 100 <= len(inside) < 200
    for late, invalid in ((1, 0), (2, 1)):
        requests = evidence.requests.copy()
        requests.loc[inside[:late], "sent_ns"] += S // 20
        assert len(prove_load(replace(evidence, requests=requests), 100).invalid_slices) == invalid


def made_late(evidence: ScenarioEvidence, in_each_second: int) -> ScenarioEvidence:
    """The first arrivals of every second of the measured phase, sent 50 ms late."""
    requests = evidence.requests.copy()
    measured = requests[requests["phase"] == "measure"]
    seconds = (measured["intended_ns"] - evidence.clock.phase("measure").start_ns) // S
    first = measured.groupby(seconds).head(in_each_second).index
    requests.loc[first, "sent_ns"] += S // 20
    return replace(evidence, requests=requests)


def test_at_low_rates_one_late_arrival_is_no_share_but_two_are(clean: ScenarioEvidence) -> None:
    requests = clean.requests.copy()
    one = requests.index[requests["phase"] == "measure"][0]
    requests.loc[one, "sent_ns"] += S // 20
    assert prove_load(replace(clean, requests=requests), 20).valid
    assert len(prove_load(made_late(clean, 2), 20).invalid_slices) == 30


def test_one_late_arrival_in_every_second_does_not_slip_through(clean: ScenarioEvidence) -> None:
    proof = prove_load(made_late(clean, 1), 20)
    assert proof.invalid_slices == ()
    assert proof.reasons == ("30 of 600 arrivals of the measured phase were sent more than 10 ms late or not at all",)


def test_an_arrival_that_was_never_sent_makes_the_load_invalid(clean: ScenarioEvidence) -> None:
    proof = prove_load(without_rows(clean, some_events(clean, 1)), 20)
    assert not proof.valid
    assert proof.reasons == ("1 of 600 scheduled arrivals were not sent",)


@pytest.mark.parametrize("error", ["stopped", "no_connection"])
def test_what_the_generator_did_not_carry_through_was_not_sent(clean: ScenarioEvidence, error: str) -> None:
    ids = some_events(clean, 3)
    silent = with_errors(clean, ids, status=0)
    requests = silent.requests.copy()
    requests.loc[requests["event_id"].isin(ids), "error"] = error
    proof = prove_load(replace(silent, requests=requests), 20)
    assert proof.sent == 597
    assert not proof.valid


@pytest.mark.parametrize("status", [0, 429, 503])
def test_what_the_target_refused_or_ignored_was_sent(clean: ScenarioEvidence, status: int) -> None:
    proof = prove_load(with_errors(clean, some_events(clean, 300), status=status), 20)
    assert proof.valid
    assert proof.sent == 600


def test_a_generator_that_did_not_finish_proves_nothing(clean: ScenarioEvidence) -> None:
    for facts in (clean.generator | {"finished": False}, {}):
        proof = prove_load(replace(clean, generator=facts), 20)
        assert proof.reasons == ("the generator did not finish",)


def test_no_request_is_no_load(clean: ScenarioEvidence) -> None:
    proof = prove_load(replace(clean, requests=clean.requests.iloc[:0]), 20)
    assert not proof.valid
    assert "no request in the measured phase" in proof.reasons
    assert proof.lag_p99_ms is None


def test_a_schedule_of_another_rate_than_asked_is_named(clean: ScenarioEvidence) -> None:
    proof = prove_load(clean, 5000 / 60)
    assert not proof.valid
    assert proof.reasons == ("5,000/min were asked for, but the schedule has 1,200/min",)


def test_more_requests_than_scheduled_are_no_proof(clean: ScenarioEvidence) -> None:
    rows = pd.concat([clean.requests, clean.requests.iloc[-1:]], ignore_index=True)
    assert not prove_load(replace(clean, requests=rows), 20).valid
