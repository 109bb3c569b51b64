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


def made_late(evidence: ScenarioEvidence, first: int, every_s: int = 1) -> ScenarioEvidence:
    """The first arrivals of every so many seconds of the measured phase, sent 50 ms late."""
    requests = evidence.requests.copy()
    measured = requests[requests["phase"] == "measure"].sort_values("intended_ns")
    periods = (measured["intended_ns"] - evidence.clock.phase("measure").start_ns) // (every_s * S)
    hit = measured.groupby(periods).head(first).index
    requests.loc[hit, "sent_ns"] += S // 20
    return replace(evidence, requests=requests)


def test_clean_load_is_proven(clean: ScenarioEvidence) -> None:
    proof = prove_load(clean, 20)
    assert proof.valid
    assert (proof.scheduled, proof.sent, proof.invalid_slices) == (600, 600, ())
    assert proof.achieved_per_s == pytest.approx(20)
    assert proof.lag_p99_ms is not None
    assert proof.lag_p99_ms < 2


@pytest.mark.parametrize(
    ("rate_per_s", "measure_s", "slices", "slice_s"),
    [
        (20, 30, 1, 30),  # a phase of fewer than a thousand arrivals is one slice
        (5000 / 60, 60, 5, 12),
        (100, 29, 2, 14.5),  # no remainder: slices are longer rather than one shorter
        (2000, 5, 5, 1),
    ],
)
def test_a_slice_has_a_second_and_a_thousand_arrivals_at_least(
    rate_per_s: float, measure_s: int, slices: int, slice_s: float
) -> None:
    proof = prove_load(steady_evidence(rate_per_s=rate_per_s, measure_s=measure_s, replicas=1), rate_per_s)
    assert (proof.slices, proof.slice_s) == (slices, pytest.approx(slice_s))


def test_a_late_second_is_named_and_spoils_a_short_load(clean: ScenarioEvidence) -> None:
    proof = prove_load(with_generator_lag(clean, 12, lag_ms=10.1), 20)
    assert proof.invalid_slices == (clean.clock.phase("measure").start_ns,)
    assert not proof.valid
    assert "(in seconds 12 of the measured phase)" in proof.reasons[0]


@pytest.mark.parametrize(("lag_ns", "valid"), [(10_000_000, True), (10_000_001, False)])
def test_ten_milliseconds_are_on_time_and_no_more(clean: ScenarioEvidence, lag_ns: int, valid: bool) -> None:
    requests = clean.requests.assign(sent_ns=clean.requests["intended_ns"] + lag_ns)
    assert prove_load(replace(clean, requests=requests), 20).valid is valid


@pytest.mark.parametrize(("late", "valid"), [(2, True), (3, False)])
def test_one_per_cent_of_the_slices_may_be_late(late: int, valid: bool) -> None:
    evidence = steady_evidence(rate_per_s=1000, measure_s=200, replicas=1)
    start_ns = evidence.clock.phase("measure").start_ns
    requests = evidence.requests.copy()
    for second in range(late):
        from_ns = start_ns + (50 + second) * S
        requests.loc[requests["intended_ns"].between(from_ns, from_ns + S // 10, "left"), "sent_ns"] += S // 20
    proof = prove_load(replace(evidence, requests=requests), 1000)
    assert proof.invalid_slices == tuple(start_ns + (50 + second) * S for second in range(late))
    assert (proof.slices, proof.slice_s, proof.valid) == (200, 1, valid)


@pytest.mark.parametrize("rate_per_s", [5000 / 60, 2000])
def test_one_arrival_in_a_hundred_of_a_slice_may_be_late_and_one_more_may_not(rate_per_s: float) -> None:
    evidence = steady_evidence(rate_per_s=rate_per_s, measure_s=12, replicas=1)
    proof = prove_load(evidence, rate_per_s)
    start_ns, slice_ns = evidence.clock.phase("measure").start_ns, round(proof.slice_s * S)
    inside = evidence.requests.index[evidence.requests["intended_ns"].between(start_ns, start_ns + slice_ns, "left")]
    for late, invalid in ((len(inside) // 100, 0), (len(inside) // 100 + 1, 1)):
        requests = evidence.requests.copy()
        requests.loc[inside[:late], "sent_ns"] += S // 20
        assert len(prove_load(replace(evidence, requests=requests), rate_per_s).invalid_slices) == invalid


def test_a_busy_machine_s_two_late_arrivals_of_a_minute_are_not_one_per_cent() -> None:
    evidence = steady_evidence(rate_per_s=5000 / 60, measure_s=60, replicas=1)
    assert prove_load(made_late(evidence, 2, every_s=60), 5000 / 60).valid
    assert not prove_load(made_late(evidence, 11, every_s=12), 5000 / 60).valid


def test_a_generator_that_stands_still_for_a_quarter_of_a_second_is_found_at_the_slowest_load() -> None:
    evidence = steady_evidence(rate_per_s=5000 / 60, measure_s=60, replicas=1)
    start_ns = evidence.clock.phase("measure").start_ns + 30 * S
    requests = evidence.requests.copy()
    held = requests["intended_ns"].between(start_ns, start_ns + S // 4)
    requests.loc[held, "sent_ns"] = start_ns + S // 4
    proof = prove_load(replace(evidence, requests=requests), 5000 / 60)
    assert (proof.valid, len(proof.invalid_slices)) == (False, 1)
    assert "(in seconds 30 of the measured phase)" in proof.reasons[0]


def test_few_late_arrivals_in_every_second_do_not_slip_through(clean: ScenarioEvidence) -> None:
    proof = prove_load(made_late(clean, 1), 20)
    assert "30 of 600 arrivals of the measured phase were sent more than 10 ms late or not at all" in proof.reasons


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
