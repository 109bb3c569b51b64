"""Outages of known length, as probes see them: the interval contains the truth, and what cannot be told is not told."""

from dataclasses import replace

import numpy as np
import pytest
from readiness.analysis.bound import AtLeast
from readiness.analysis.interruption import RESOLUTION_NS, interruption, interruptions, probing_problem
from readiness.analysis.judge import judge_objective
from readiness.analysis.measure import measure
from readiness.model.dataset import PROBES, ScenarioEvidence
from readiness.model.probe_path import words
from readiness.model.result import Measurement, PathInterruption
from readiness.model.scenario import Objective
from readiness.model.verdict import Verdict
from synthetic_evidence import MS, S, steady_evidence
from synthetic_probes import LANES, THROUGH_INGRESS, Down, with_probes, with_stalled_prober

BASE = steady_evidence(rate_per_s=1, measure_s=10)
PHASE = BASE.clock.phase("measure")
AT = PHASE.start_ns + 3 * S
NEW = frozenset({("read", "new"), ("write", "new")})
BELOW_1_S = Objective(name="interruption", metric="interruption", must="< 1s")  # type: ignore[arg-type]


def verdict(evidence: ScenarioEvidence) -> tuple[Verdict, str]:
    result = judge_objective(BELOW_1_S, interruption(evidence, 0.95))
    return result.verdict, result.reason


def by_path(evidence: ScenarioEvidence) -> dict[tuple[str, str], PathInterruption]:
    return {(item.path, item.connection): item for item in interruptions(evidence)}


@pytest.mark.parametrize("kind", ["refuse", "hang"])
@pytest.mark.parametrize("length_s", [0.05, 0.2, 0.5, 0.95, 1.05])
def test_the_interval_contains_an_outage_of_known_length(kind: str, length_s: float) -> None:
    rng = np.random.default_rng(11)
    contained, widths = [], []
    for trial in range(10):
        down = Down(AT + int(rng.integers(0, 20 * MS)), length_s, kind)
        for item in interruptions(with_probes(BASE, [down], seed=trial)):
            assert item.count == 1
            assert item.high_s is not None
            contained.append(item.low_s <= length_s <= item.high_s)
            widths.append(item.high_s - item.low_s)
    assert len(contained) == 40
    assert np.mean(contained) >= 0.95
    assert np.quantile(widths, 0.95) <= 0.025


@pytest.mark.parametrize("latency_ms", [0.3, 8, 40])
def test_slow_answers_widen_the_interval_and_do_not_move_it(latency_ms: float) -> None:
    for kind in ("refuse", "hang"):
        found = interruption(with_probes(BASE, [Down(AT, 0.4, kind)], latency_ms=latency_ms), 0.95)
        assert found.interval is not None
        assert found.interval.low <= 0.4 <= found.interval.high
        assert found.interval.high - found.interval.low < 0.025 + 6 * latency_ms / 1e3


def test_without_an_outage_the_longest_unseen_one_is_stated() -> None:
    found = interruption(with_probes(BASE), 0.95)
    assert found.value == 0
    assert found.interval is not None
    assert found.interval.low == 0
    assert 0.009 < found.interval.high < 0.025
    assert found.n == sum(item.probes for item in interruptions(with_probes(BASE)))
    assert verdict(with_probes(BASE))[0] is Verdict.PASS


def test_an_outage_of_new_connections_alone_is_found_while_kept_ones_go_on() -> None:
    evidence = with_probes(BASE, [Down(AT, 1.2, "refuse", NEW)])
    found = by_path(evidence)
    assert {path for path, item in found.items() if item.count} == NEW
    assert all(found[path].low_s > 1.1 for path in NEW)
    assert verdict(evidence)[0] is Verdict.FAIL
    assert "over new connections" in verdict(evidence)[1]


@pytest.mark.parametrize("kind", ["refuse", "hang"])
def test_ten_short_outages_are_listed_one_by_one(kind: str) -> None:
    downs = [Down(AT + k * 500 * MS, 0.08, kind) for k in range(10)]
    evidence = with_probes(BASE, downs)
    for item in interruptions(evidence):
        assert item.count == 10
        for outage, down in zip(item.outages, downs, strict=True):
            assert outage.from_ns <= down.start_ns + MS
            assert outage.until_ns >= down.end_ns
            assert outage.low_s <= 0.08 <= (outage.high_s or 0)
    assert verdict(evidence)[0] is Verdict.PASS


def test_an_interval_that_straddles_the_bound_decides_nothing_for_it() -> None:
    assert verdict(with_probes(BASE, [Down(AT, 0.95)]))[0] is Verdict.PASS
    assert verdict(with_probes(BASE, [Down(AT, 1.05)]))[0] is Verdict.FAIL
    found = interruption(with_probes(BASE, [Down(AT, 0.993)]), 0.95)
    assert found.interval is not None
    assert found.interval.low < 1 < found.interval.high
    assert verdict(with_probes(BASE, [Down(AT, 0.993)]))[0] is not Verdict.PASS


def test_an_outage_that_never_ends_is_at_least_what_was_seen() -> None:
    for kind in ("refuse", "hang"):
        evidence = with_probes(BASE, [Down(AT, 3600, kind)])
        found = interruption(evidence, 0.95)
        assert isinstance(found, AtLeast)
        assert 7 < found.bound < 12
        assert all(not item.outages[-1].ended and item.high_s is None for item in interruptions(evidence))
        assert verdict(evidence)[0] is Verdict.FAIL


def test_an_outage_that_never_ended_but_was_short_when_the_probing_did_decides_nothing() -> None:
    evidence = with_probes(BASE, tail_s=2)
    assert evidence.probe is not None
    last_ns = int(evidence.probe["finished_ns"]) - S
    evidence = with_probes(BASE, [Down(last_ns - 300 * MS, 3600)], tail_s=2)
    assert verdict(evidence)[0] is Verdict.NO_DATA


def test_a_path_that_never_served_has_no_bound() -> None:
    evidence = with_probes(BASE, [Down(PHASE.start_ns - 10 * S, 3600, "refuse", frozenset({("write", "new")}))])
    found = by_path(evidence)[("write", "new")]
    assert found.high_s is None
    assert found.low_s > 10
    assert verdict(evidence)[0] is Verdict.FAIL


@pytest.mark.parametrize("length_s", [0.06, 1.2])
def test_a_prober_that_stood_still_concludes_nothing(length_s: float) -> None:
    evidence = with_stalled_prober(with_probes(BASE), AT, length_s)
    found = interruption(evidence, 0.95)
    assert found.value is None
    assert "the prober stood still" in found.note
    assert verdict(evidence)[0] is Verdict.NO_DATA


def drilled(evidence: ScenarioEvidence, injected_ns: int, healthy_ns: int | None) -> ScenarioEvidence:
    return replace(evidence, drill={"steps": [{"injected_ns": injected_ns, "healthy_ns": healthy_ns}]})


def test_a_prober_that_stood_still_while_no_fault_was_in_place_widens_the_interval() -> None:
    for length_s, says in ((0.06, Verdict.PASS), (1.2, Verdict.NO_DATA)):
        evidence = with_stalled_prober(with_probes(BASE), AT, length_s)
        before = drilled(evidence, AT - 2 * S, AT - S)
        found = interruption(before, 0.95)
        assert found.interval is not None
        assert found.interval.high > length_s
        assert verdict(before)[0] is says
    assert "stood still" in interruption(drilled(evidence, AT - S, AT + S), 0.95).note
    assert "stood still" in interruption(drilled(evidence, AT - S, None), 0.95).note


def test_a_moment_of_sleep_within_the_resolution_is_no_outage_of_the_target() -> None:
    evidence = with_stalled_prober(with_probes(BASE), AT, RESOLUTION_NS / S * 0.8)
    assert probing_problem(evidence) == ""
    assert [item.low_s for item in interruptions(evidence)] == [0, 0, 0, 0]
    assert verdict(evidence)[0] is Verdict.PASS


def test_a_prober_that_stopped_early_or_left_a_path_out_concludes_nothing() -> None:
    evidence = with_probes(BASE)
    assert evidence.probes is not None
    early = evidence.probes[evidence.probes["sent_ns"] < PHASE.end_ns - S]
    assert "stood still" in interruption(replace(evidence, probes=early), 0.95).note
    without = evidence.probes[(evidence.probes["path"] != "write") | (evidence.probes["connection"] != "reused")]
    note = interruption(replace(evidence, probes=without), 0.95).note
    assert note == "no probe of write over reused connections in the measured phase"
    assert measure("interruption", None, 0.95, BASE) == Measurement(None, None, 0, "the target was not probed")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refusal_with_words_is_no_service_either(status: int) -> None:
    evidence = with_probes(BASE, [Down(AT, 1.2)])
    assert evidence.probes is not None
    failed = evidence.probes["status"] == 0
    said = evidence.probes["status"].where(~failed, status).astype("int16")
    error = evidence.probes["error"].where(~failed, "").astype("str")
    said_so = replace(evidence, probes=evidence.probes.assign(status=said, error=error))
    assert interruption(said_so, 0.95) == interruption(evidence, 0.95)


def test_one_failed_probe_among_others_is_an_outage_of_less_than_two_periods() -> None:
    evidence = with_probes(BASE)
    assert evidence.probes is not None
    probes = evidence.probes.copy()
    one = probes.index[(probes["path"] == "read") & (probes["connection"] == "reused")][400]
    probes.loc[one, ["status", "error"]] = [0, "reset"]
    found = by_path(replace(evidence, probes=probes.astype(PROBES)))[("read", "reused")]
    assert (found.count, found.failed, found.low_s) == (1, 1, 0)
    assert 0.015 < (found.high_s or 9) < 0.025


def test_a_path_that_serves_some_probes_has_many_short_outages_and_no_long_one() -> None:
    evidence = with_probes(BASE)
    assert evidence.probes is not None
    probes = evidence.probes.copy()
    lane = (probes["path"] == "read") & (probes["connection"] == "reused") & (probes["sent_ns"] > AT)
    hung = probes.index[lane & (probes["sent_ns"] < AT + 2 * S)][::3]
    probes.loc[hung, "done_ns"] = probes.loc[hung, "sent_ns"] + S // 2
    probes.loc[hung, ["status", "error"]] = [0, "timeout"]
    found = by_path(replace(evidence, probes=probes.astype(PROBES)))[("read", "reused")]
    assert found.failed == len(hung)
    assert 50 < found.count <= len(hung)
    assert (found.high_s or 9) < 0.03


def test_what_was_under_way_when_the_prober_was_stopped_has_not_failed() -> None:
    evidence = with_probes(BASE)
    assert evidence.probes is not None
    probes = evidence.probes.copy()
    probes.loc[probes.index[-4:], "done_ns"] = None
    probes.loc[probes.index[-4:], ["status", "error"]] = [0, "under way"]
    facts = (evidence.probe or {}) | {"finished_ns": int(probes["sent_ns"].iloc[-1]) + MS}
    stopped = replace(evidence, probes=probes.astype(PROBES), probe=facts)
    assert interruption(stopped, 0.95).value == 0


def test_outages_before_the_measured_phase_do_not_count() -> None:
    evidence = with_probes(BASE, [Down(PHASE.start_ns - 600 * MS, 0.3)])
    assert all(item.count == 0 for item in interruptions(evidence))
    assert len(LANES) == len(interruptions(evidence))


@pytest.mark.parametrize("facts", [{"rate_hz": 0}, {"rate_hz": "fast"}, {"finished_ns": None}])
def test_facts_that_are_no_numbers_conclude_nothing(facts: dict[str, object]) -> None:
    evidence = with_probes(BASE)
    found = interruption(replace(evidence, probe=(evidence.probe or {}) | facts), 0.95)
    assert (found.value, found.note) == (None, "probe/probe.json: rate_hz and finished_ns must be numbers above 0")


def test_an_outage_of_the_ingress_alone_counts_and_is_told_apart() -> None:
    evidence = with_probes(BASE, [Down(AT, 1.2, "refuse", frozenset(THROUGH_INGRESS))], ingress=True)
    found = by_path(evidence)
    assert len(found) == 8
    assert {path for path, item in found.items() if item.count} == set(THROUGH_INGRESS)
    assert all(found[path].low_s <= 1.2 <= (found[path].high_s or 0) for path in THROUGH_INGRESS)
    assert verdict(evidence)[0] is Verdict.FAIL
    note = interruption(evidence, 0.95).note
    assert "on 4 of 8 paths" in note
    assert "through the ingress over" in note
    assert note.index("through the Service 0 ms to 1") < note.index("through the ingress 1.19")
    assert "through the" not in interruption(with_probes(BASE, [Down(AT, 1.2)]), 0.95).note


@pytest.mark.parametrize("lane", THROUGH_INGRESS)
def test_an_ingress_that_was_named_and_not_probed_concludes_nothing(lane: tuple[str, str]) -> None:
    evidence = with_probes(BASE, ingress=True)
    assert verdict(evidence)[0] is Verdict.PASS
    assert evidence.probes is not None
    without = evidence.probes[(evidence.probes["path"] != lane[0]) | (evidence.probes["connection"] != lane[1])]
    dropped = replace(evidence, probes=without)
    assert interruption(dropped, 0.95).note == f"no probe of {words(*lane)} in the measured phase"
    assert verdict(dropped)[0] is Verdict.NO_DATA
    assert probing_problem(replace(with_probes(BASE), ingress=True)).count("no probe of") == 4
