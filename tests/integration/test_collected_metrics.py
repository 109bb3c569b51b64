"""Metrics collected from two fake replicas of Prometheus in a fake cluster, as far as what the evidence leads to: a
clean run is trusted, and each fault is named and trusted by nobody."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from collected_run import SCENARIO, Place, place_in, sealed_anew, wrong
from fake_prometheus import FakePrometheus, Faults, Stored
from readiness.clients import prometheus as client_module
from readiness.model.document import to_json
from readiness.model.evidence import StageRef
from readiness.model.verdict import Verdict
from readiness.report.html import _data_sets
from readiness.stages import collect_metrics as metrics_stage
from readiness.stages.check import examine
from readiness.stages.evidence_reader import read_evidence
from readiness.stages.prometheus_source import asking_of, unmeasured

GONE_MS = 10_000


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with place_in(tmp_path, monkeypatch) as made:
        yield made


def test_a_clean_run_is_trusted_from_one_whole_answer(place: Place) -> None:
    result, failure = place.collected()
    assert (failure, wrong(result), result.trusted) == ("", "", True)
    assert {item.name: item.verdict for item in result.objectives if item.verdict is not Verdict.PASS} == {}
    facts = place.facts()
    assert (facts["from"], facts["complete"], len(facts["asked"])) == ("prometheus-0", True, 1)
    assert facts["interval_s"] == 1.0
    assert place.asked[1].asked == []
    evidence, _ = read_evidence(place.made.run, SCENARIO)
    assert evidence is not None
    columns = ["time_ns", "component", "replica", "metric", "labels", "value"]
    sorted_by = ["time_ns", "replica", "metric", "labels"]
    rows = place.made.evidence.metrics
    rows = rows[rows["time_ns"] <= place.made.evidence.observe["finished_ns"]]
    served = rows[columns].astype(str).sort_values(sorted_by, ignore_index=True)
    assert len(evidence.metrics) == facts["count"]
    pd.testing.assert_frame_equal(
        evidence.metrics[columns].astype(str).sort_values(sorted_by, ignore_index=True), served, check_dtype=False
    )
    assert ("collect/metrics.parquet", f"{len(served):,}") in set(_data_sets(evidence))


def test_evidence_of_metrics_that_is_gone_or_altered_is_named(place: Place) -> None:
    place.collected()
    path = place.made.run.archive.file("run-1", StageRef(SCENARIO, "collect"), "metrics.parquet")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    assert "steady/collect/metrics.parquet: was altered" in wrong(examine(place.made.run, SCENARIO))
    path.unlink()
    assert "steady/collect/metrics.parquet: is missing" in wrong(examine(place.made.run, SCENARIO))


def test_metrics_without_the_facts_by_which_they_are_checked_are_no_evidence(place: Place) -> None:
    """Sealed so, as by a stage that never wrote them."""
    place.collected()
    run, ref = place.made.run, StageRef(SCENARIO, "collect")
    facts = run.read_facts(ref, "collect.json")
    del facts["metrics"]
    sealed_anew(run, ref, "collect.json", to_json(facts))
    assert "steady/collect/collect.json: lacks 'metrics'" in wrong(examine(run, SCENARIO))


def test_the_other_is_asked_when_the_first_does_not_answer(place: Place) -> None:
    place.asked[0].faults.refuse = (503, "Service Unavailable")
    result, failure = place.collected()
    assert (failure, wrong(result)) == ("", "")
    assert place.facts()["from"] == "prometheus-1"
    assert "HTTP 503" in place.facts()["asked"][0]["problem"]


def test_the_other_is_taken_whole_when_the_first_lacks_a_time(place: Place) -> None:
    place.keep(place.asked[0], lambda _, ms: not 20_000 <= ms < 32_000)
    result, failure = place.collected()
    assert (failure, wrong(result)) == ("", "")
    facts = place.facts()
    assert (facts["from"], [one["pod"] for one in facts["asked"]]) == ("prometheus-1", ["prometheus-0", "prometheus-1"])
    assert facts["asked"][0]["missing_s"] > 30
    assert facts["count"] == facts["asked"][1]["rows"] > facts["asked"][0]["rows"]


def test_what_neither_has_is_not_put_together_from_both(place: Place) -> None:
    place.keep(place.asked[0], lambda _, ms: not 20_000 <= ms < 40_000)
    place.keep(place.asked[1], lambda _, ms: not 45_000 <= ms < 55_000)
    result, failure = place.collected()
    assert failure == ""
    assert place.facts()["from"] == "prometheus-1"
    assert not result.trusted
    assert re.search(r"collect/metrics.parquet: no gaps: automation-0: 1[01]\.\d s from 2026-", wrong(result))


def test_one_that_is_starting_again_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_stage, "_PATIENCE_S", 30.0)
    place.asked[0].faults.away = place.asked[1].faults.away = 2
    result, failure = place.collected()
    assert (failure, wrong(result)) == ("", "")
    assert len(place.facts()["asked"]) > 2


def one_replica(place: Place) -> Callable[[Stored, int], bool]:
    pod = place.pod("automation-2")
    return lambda series, _: series.labels["replica"] != pod


def ten_seconds(place: Place) -> Callable[[Stored, int], bool]:
    pod = place.pod("automation-1")
    return lambda series, ms: series.labels["replica"] != pod or not 20_000 <= ms < 20_000 + GONE_MS


def one_series(place: Place) -> Callable[[Stored, int], bool]:
    pod = place.pod("automation-0")
    return lambda series, _: (series.labels["replica"], series.labels["__name__"]) != (pod, "process_cpu_seconds_total")


@pytest.mark.parametrize(
    ("kept_of", "says"),
    [
        (ten_seconds, r"metrics.parquet: no gaps: automation-1: 1[01]\.\d s from 2026-.* to 2026-"),
        (one_replica, r"metrics.parquet: no gaps: automation-2: no sample in the whole of its measured phase"),
        (one_series, r"metrics.parquet: series whole: automation-0: process_cpu_seconds_total in 0 of \d+ scrapes"),
        (lambda _: lambda *_: False, r"metrics.parquet: not empty: 0 .*automation-0: no sample in the whole"),
    ],
)
def test_what_both_lack_is_named(place: Place, kept_of: Any, says: str) -> None:
    for one in place.asked:
        place.keep(one, kept_of(place))
    result, failure = place.collected()
    assert failure == ""
    assert not result.trusted
    assert re.search(says, wrong(result)), wrong(result)


def changed(place: Place, name: str, replica: str, value: Callable[[int, float], float]) -> None:
    for one in place.asked:
        for series in one.series:
            if series.labels["__name__"].endswith(name) and series.labels["replica"] == place.pod(replica):
                series.samples = [(at, value(at - place.start_ms, old)) for at, old in series.samples]


def test_counters_that_stand_still_are_named(place: Place) -> None:
    changed(place, "_total", "automation-1", lambda ms, old: old if ms < 20_000 else 7.0)
    result, _ = place.collected()
    assert re.search(r"counters move: automation-1: no counter moved for (39|40)", wrong(result)), wrong(result)


def test_what_is_no_number_is_named(place: Place) -> None:
    changed(place, "queue_depth", "automation-0", lambda ms, old: float("nan") if 5_000 < ms < 9_000 else old)
    result, _ = place.collected()
    assert "finite values: automation-0 phantommesh_queue_depth: 4 samples" in wrong(result)


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        (Faults(cut=True), "prometheus-0: GET http://127.0.0.1:.*: no whole answer.*; prometheus-1: GET"),
        (Faults(refuse=(400, "invalid parameter")), "HTTP 400: invalid parameter"),
        (Faults(told={"warnings": ["truncated"]}), "the answer may not be whole, it says: truncated"),
        (Faults(told={"infos": ["PromQL info: x"]}), "the answer may not be whole, it says: PromQL info: x"),
    ],
)
def test_an_answer_that_is_not_whole_is_inconclusive_with_its_cause(place: Place, faults: Faults, says: str) -> None:
    for one in place.asked:
        one.faults = faults
    result, failure = place.collected()
    assert re.search(f"^Prometheus gave no whole answer: .*{says}", failure), failure
    assert "\n" not in failure
    assert not result.trusted
    assert failure in wrong(result)
    assert "collect/metrics.parquet: read to the end: the answer broke off before its end" in wrong(result)


def test_an_answer_that_breaks_off_after_some_pages_is_inconclusive(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_PAGE_MS", 20_000)
    for one in place.asked:
        answer = one.answer

        def broken(asked: Any, one: FakePrometheus = one, answer: Any = answer) -> tuple[int, dict[str, Any]]:
            return (500, {"status": "error", "error": "the disk is full"}) if len(one.asked) > 6 else answer(asked)

        one.answer = broken  # type: ignore[method-assign]
    result, failure = place.collected()
    assert "HTTP 500: the disk is full" in failure
    assert 0 < place.facts()["count"] < len(place.made.evidence.metrics)
    assert not result.trusted


def test_a_clock_that_differs_by_more_than_is_said_is_inconclusive(place: Place) -> None:
    for one in place.asked:
        one.faults.clock_s = 0.4
    result, failure = place.collected()
    assert failure == ""
    assert re.search(r"same clock: it differs by (39|40)\d\.\d ms, give or take", wrong(result)), wrong(result)
    assert not result.trusted


def test_no_prometheus_at_all_is_said_with_what_to_do(place: Place) -> None:
    with place.cluster.changed() as state:
        state["objects"] = [item for item in state["objects"] if not item["metadata"]["name"].startswith("prometheus-")]
    result, failure = place.collected()
    assert "the namespace phantommesh-dev has no pod with app.kubernetes.io/name=prometheus and a port named" in failure
    assert not result.trusted


def test_a_prometheus_elsewhere_is_not_asked(place: Place) -> None:
    with place.cluster.changed() as state:
        for item in state["objects"]:
            if item["metadata"]["name"].startswith("prometheus-"):
                item["status"]["podIP"] = "192.0.2.7"
    _, failure = place.collected()
    assert "prometheus-0: 'http://192.0.2.7:" in failure
    assert "name the networks of the cluster's pods under cluster.networks of the environment dev" in failure


def test_without_the_observation_nobody_knows_whose_samples_they_are(place: Place) -> None:
    run = place.made.run
    path = run.archive.file("run-1", StageRef(SCENARIO, "observe"), "observe.json")
    path.unlink()
    result, failure = place.collected()
    assert "whose metrics are whose is not known without the observation: steady/observe/observe.json" in failure
    assert not result.trusted


def verified(place: Place, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is wrong with the measuring before the load, which is now."""
    monkeypatch.setattr(time, "time_ns", lambda: (place.start_ms + 30_000) * 1_000_000)
    asking = asking_of(place.made.run)
    assert asking is not None
    asking = replace(asking, source=asking.source.model_copy(update={"finds_within": 1.0}))
    return unmeasured(asking, place.made.run.status())


def test_before_the_load_one_that_measures_every_replica_is_enough(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.keep(place.asked[0], one_replica(place))
    assert verified(place, monkeypatch) == ""


def test_before_the_load_a_replica_that_nobody_measures_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.keep(place.asked[0], one_replica(place))
    place.asked[1].faults.refuse = (400, "no such job")
    said = verified(place, monkeypatch)
    assert f"prometheus-0: no sample of {place.pod('automation-2')} within the last 5 s" in said
    assert re.search(r"prometheus-1: GET .*: HTTP 400: no such job", said)
