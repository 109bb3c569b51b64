"""Every trial can be made as it is written down, and no planted fault is left untried."""

import re

import pytest
from readiness.self_test.catalogue import FAULTS, RECORDED, SOUND, clean_trials
from readiness.self_test.planted_faults import PLANTED, Sound
from readiness.self_test.real_run import SCENARIOS
from readiness.self_test.session import chosen
from readiness.spec.files import read_all
from readiness.stages.run import StageError


def test_names_are_unique_and_each_says_what_must_be_named() -> None:
    names = [trial.name for trial in (*FAULTS, *SOUND)]
    assert len(set(names)) == len(names)
    assert all(trial.names and re.compile(trial.names) for trial in FAULTS)
    assert not any(trial.names for trial in SOUND)


def test_no_trial_is_content_with_any_failure() -> None:
    """What must be named does not match the words that every INCONCLUSIVE or REJECTED run could say."""
    words = ["", "the run has no scenario", "load not proven", "no data check was made", "the stage failed"]
    assert [trial.name for trial in FAULTS for word in words if re.search(trial.names, word)] == []


def test_every_fault_that_can_be_planted_is_tried_and_changes_something() -> None:
    assert {trial.planted for trial in FAULTS} == set(PLANTED)
    assert all(trial.alter is not None for trial in FAULTS if trial.planted == "none")
    for name, kind in PLANTED.items():
        assert name == "none" or set(vars(kind)) & set(vars(Sound)) - {"__module__", "__doc__"}, name


def test_the_scenarios_are_legal_and_all_there() -> None:
    found, problems = read_all(sorted(SCENARIOS.glob("*.yaml")))
    assert problems == []
    assert {item.name for item in found} == {trial.scenario for trial in (*FAULTS, *SOUND, *clean_trials(1))}


def test_what_is_asked_for_is_chosen() -> None:
    everything = chosen(quick=False, only=())
    assert sum(not trial.is_fault for trial in everything) == 50
    quick = chosen(quick=True, only=())
    assert 10 < len(quick) < len(everything)
    assert all(trial.scenario == RECORDED for trial in quick if trial.alter is not None)
    assert [trial.name for trial in chosen(quick=False, only=("cut", "lost"))] == ["lost", "cut"]
    assert {trial.is_fault for trial in chosen(quick=False, only=("clean",), clean_runs=7)} == {False}
    with pytest.raises(StageError, match=r"no fault nothing; legal are .*broken-audit"):
        chosen(quick=False, only=("nothing",))
