"""What counts as caught: the right thing named, never just any failure."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from readiness.cli.self_test import table
from readiness.model.result import RunDecision
from readiness.model.verdict import Decision
from readiness.self_test import trying
from readiness.self_test.catalogue import Trial
from readiness.self_test.trying import ATTEMPTS, Outcome, attempt
from readiness.stages.run import StageError

FAULT = Trial("lost", "loses 1 event", r"/events-lost: 1 is not", planted="loses-one")
CLEAN = Trial("clean-1", "no fault", "", "clean")
BUSY = "short: load not proven: 3 of 6 slices of 1 s had over 1 % of their arrivals sent more than 10 ms late"


def said(word: str, *reasons: str) -> RunDecision:
    return RunDecision("run-1", Decision(word), "merge", reasons, "0" * 64, ())


def tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trial: Trial, *decisions: RunDecision | Exception
) -> Outcome:
    coming: Iterator[RunDecision | Exception] = iter(decisions)

    def run(*_: object) -> tuple[None, RunDecision]:
        found = next(coming)
        if isinstance(found, Exception):
            raise found
        return None, found

    monkeypatch.setattr(trying, "real_run", run)
    found = attempt(trial, tmp_path / trial.name, None)
    assert next(coming, None) is None, "fewer runs than decisions"
    return found


@pytest.mark.parametrize("word", ["REJECTED", "INCONCLUSIVE"])
def test_a_fault_that_is_named_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, word: str) -> None:
    found = tried(monkeypatch, tmp_path, FAULT, said(word, "another thing", "short/events-lost: 1 is not == 0"))
    assert (found.caught, found.said, found.reason) == (True, word, "short/events-lost: 1 is not == 0")


@pytest.mark.parametrize(
    "decision",
    [
        said("REJECTED", "short/accept-p95: 90 ms is not < 50 ms"),
        said("INCONCLUSIVE", "short/load: no sealed evidence in run run-1"),
        said("APPROVED", "every objective holds: short"),
        said("APPROVED", "short/events-lost: 1 is not == 0"),
    ],
)
def test_another_failure_and_an_approval_are_misses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, decision: RunDecision
) -> None:
    assert not tried(monkeypatch, tmp_path, FAULT, decision).caught


def test_a_clean_run_that_is_not_approved_is_a_false_alarm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert tried(monkeypatch, tmp_path, CLEAN, said("APPROVED", "every objective holds: clean")).caught
    assert not tried(monkeypatch, tmp_path, CLEAN, said("REJECTED", "clean/events-lost: 1 is not == 0")).caught


def test_only_a_busy_machine_earns_another_attempt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    good, busy = said("APPROVED", "every objective holds: clean"), said("INCONCLUSIVE", BUSY)
    found = tried(monkeypatch, tmp_path, CLEAN, busy, busy, good)
    assert (found.caught, found.attempts) == (True, 3)
    assert not tried(monkeypatch, tmp_path, CLEAN, *[busy] * ATTEMPTS).caught
    # Here the machine was busy, and the fault was named all the same: that is enough.
    named = said("INCONCLUSIVE", BUSY, "short/events-lost: 1 is not == 0")
    assert tried(monkeypatch, tmp_path, FAULT, named).attempts == 1


def test_a_run_that_could_not_be_made_is_a_miss_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = tried(monkeypatch, tmp_path, FAULT, StageError("the fake platform did not start"))
    assert (found.caught, found.said, found.reason) == (False, "ERROR", "the fake platform did not start")


def test_the_table_names_misses_and_false_alarms() -> None:
    outcomes = (
        Outcome("lost", "loses 1 event", True, "REJECTED", "events-lost: 1 is not == 0", True, 3.0),
        Outcome("slow", "slow", True, "APPROVED", "every objective holds", False, 3.0, 2),
        Outcome("clean-1", "no fault", False, "APPROVED", "every objective holds", True, 3.0),
        Outcome("clean-2", "no fault", False, "REJECTED", "no-errors: 1 is not == 0", False, 3.0),
    )
    lines = table(outcomes).splitlines()
    assert lines[1].split() == ["loses", "1", "event", "REJECTED", "yes", "events-lost:", "1", "is", "not", "==", "0"]
    assert "MISSED" in lines[2]
    assert "1 false alarms" in lines[3]
    assert "no-errors: 1 is not == 0" in lines[3]
    assert lines[4].startswith("2 faults, 1 missed; 1 runs were repeated")
